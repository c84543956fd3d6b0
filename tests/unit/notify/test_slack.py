"""Slack's webhook, at a real web server."""

from collections.abc import AsyncIterator

import pytest

from headgate.core.alerts import Notice, Undelivered
from headgate.notify.slack import SlackNotifier
from headgate.transport.http import HttpClient
from receivers import Answer, web_server

NOTICE = Notice("The budget of key k has reached 80 %", (("Spent", "$8 of $10"), ("Limit", "hard")))
SECRET = "services/T0/B0/webhook-secret"


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    client = HttpClient(connect_seconds=5)
    yield client
    await client.aclose()


async def test_a_message_is_posted_as_text(client: HttpClient) -> None:
    async with web_server() as server:
        await SlackNotifier(client, f"{server.url}/{SECRET}").send(NOTICE)
    (request,) = server.accepted
    assert (request.method, request.path) == ("POST", f"/{SECRET}")
    assert request.headers["content-type"].startswith("application/json")
    assert request.json["text"] == (
        "The budget of key k has reached 80 %\nSpent: $8 of $10\nLimit: hard"
    )


async def test_a_name_gives_slack_no_command_and_mentions_nobody(client: HttpClient) -> None:
    notice = Notice('key "<!channel> & <@U1> @here *b*"', (("Spent", "<https://x|y>"),))
    async with web_server() as server:
        await SlackNotifier(client, server.url).send(notice)
    body = server.accepted[0].json
    assert body["text"] == (
        'key "&lt;!channel&gt; &amp; &lt;@U1&gt; @here *b*"\nSpent: &lt;https://x|y&gt;'
    )
    assert body["link_names"] is body["mrkdwn"] is body["unfurl_links"] is False


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (Answer(429, {"retry-after": "7"}), 7),
        (Answer(429), None),
        (Answer(429, {"retry-after": "soon"}), None),
        (Answer(500, {"retry-after": "7"}), None),
    ],
)
async def test_who_is_told_to_wait_knows_how_long(
    client: HttpClient, answer: Answer, seconds: float | None
) -> None:
    async with web_server(answer) as server:
        with pytest.raises(Undelivered) as failure:
            await SlackNotifier(client, server.url).send(NOTICE)
    assert failure.value.retry_after_seconds == seconds


@pytest.mark.parametrize(
    ("status", "words"),
    [(500, "answered 500"), (404, "correct SLACK_WEBHOOK_URL"), (302, "answered 302")],
)
async def test_a_refusal_is_told_without_the_address(
    client: HttpClient, status: int, words: str
) -> None:
    async with web_server(Answer(status)) as server:
        notifier = SlackNotifier(client, f"{server.url}/{SECRET}")
        with pytest.raises(Undelivered, match=words) as failure:
            await notifier.send(NOTICE)
    assert SECRET not in f"{failure.value!r} {notifier!r}"


async def test_an_address_where_nobody_is_is_not_told(client: HttpClient) -> None:
    with pytest.raises(Undelivered, match="could not be reached") as failure:
        await SlackNotifier(client, f"http://127.0.0.1:9/{SECRET}").send(NOTICE)
    assert "127.0.0.1" not in str(failure.value)
