"""Whoever is to be told of a budget is told: by the real server, over a real webhook and by mail.

The receivers answer from the tests' own event loop, so whatever takes its time is waited for in a
thread.
"""

import asyncio
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import ministack
from headgate_server import Caller, Headgate, chat, eventually, running
from receivers import Answer, MailServer, WebServer, mail_server, web_server

ADMIN_KEY = "sk-proj-alerts-0123456789abcdef"
HOOK = "/services/a-secret-part"
CONFIGURATION = """
    [limits]
    requests_per_second = 1_000_000
    burst = 1_000_000
    [billing]
    markup = 0.0
    [prices.sandbox]
    input = 0
    output = 25_000
"""
# Four tokens of output at that price are ten cents.
CALL = chat("x [[tokens 4]]", maxTokens=4)
# What is due is looked for every few seconds; a claim of a dead process ends after half a minute.
PATIENCE_SECONDS = 60


def environment(slack: WebServer, mail: MailServer | None = None) -> dict[str, str]:
    names = {"SLACK_WEBHOOK_URL": slack.url + HOOK, "HEADGATE_ADMIN_KEY": ADMIN_KEY}
    if mail is not None:
        names |= {
            "ALERT_EMAIL": "ada@example.com,ops@example.com",
            "ALERT_FROM": "alerts@example.com",
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(mail.port),
            "SMTP_TLS": "none",
        }
    return names


@contextmanager
def platform(directory: Path, names: Mapping[str, str], *, workers: int = 1) -> Iterator[Headgate]:
    with running(
        directory, configuration=CONFIGURATION, environment=names, workers=workers
    ) as headgate:
        yield headgate


async def is_limited(admin: Caller, scope: str, id: str, dollars: float, *shares: float) -> None:  # noqa: A002 - as the route names it
    body = {"scope": scope, "id": id, "monthlyBudget": dollars, "alertThresholds": list(shares)}
    assert (await admin.send("PUT", "/v1/usage/budget", body)).status == 200


async def ask(caller: Caller, times: int) -> None:
    """So many calls at once, each to whichever worker takes its connection.

    Who is refused asks again: another worker may be late to give back what it does not use.
    """

    async def answered() -> int:
        return (await caller.post("/v1/complete", CALL, connection="close")).status

    calls = (eventually(answered, lambda status: status == 200) for _ in range(times))
    await asyncio.gather(*calls)


def told(slack: WebServer, account: str) -> list[str]:
    """The thresholds that Slack was told of an account."""
    texts = [str(request.json["text"]) for request in slack.accepted]
    return re.findall(rf"The budget of {account} .*has reached (\S+ %)", "\n".join(texts))


async def arrived(read: Callable[[], list[str]], expected: list[str]) -> None:
    async def look() -> list[str]:
        return read()

    await eventually(look, lambda found: found == expected, seconds=PATIENCE_SECONDS)


async def recorded(headgate: Headgate) -> None:
    """Nothing is left to tell, as the store knows it."""

    async def due() -> int:
        with closing(sqlite3.connect(headgate.data / "headgate.db")) as database:
            sql = "SELECT count(*) FROM alerts WHERE held_until IS NOT NULL"
            count: int = database.execute(sql).fetchone()[0]
            return count

    await eventually(due, lambda count: count == 0, seconds=PATIENCE_SECONDS)


async def test_each_threshold_is_told_once_although_two_workers_spend(tmp_path: Path) -> None:
    async with web_server() as slack, mail_server() as mail:
        with platform(tmp_path, environment(slack, mail), workers=2) as headgate:
            async with (
                headgate.caller(ADMIN_KEY) as admin,
                admin.newcomer(userId="ada") as caller,
            ):
                key_id = caller.key.rpartition("-")[0]
                await is_limited(admin, "user", "ada", 5, 0.5, 0.8, 1.0)
                await is_limited(admin, "key", key_id, 10, 0.5)
                # Of the user's 5 dollars, and of the key's 10. The last call of each crowd is the
                # one that reaches the thresholds.
                for calls, user, key in ((24, 0, 0), (1, 1, 0), (15, 2, 0), (10, 3, 1)):
                    await ask(caller, calls)
                    await arrived(lambda: told(slack, "user ada"), ["50 %", "80 %", "100 %"][:user])
                    await arrived(lambda: told(slack, f"key {key_id}"), ["50 %"][:key])
            # A last look is part of the end: had something been left to say, it was said.
            await asyncio.to_thread(headgate.stop)
        assert len(slack.requests) == len(mail.mails) == 4
        text = slack.accepted[0].json["text"]
        for words in ("$2.50 of $5.00 (50 %)", "hard: ", "Projected: ", "Resets: "):
            assert words in text
        title = f'The budget of key {key_id} ("a test\'s key") has reached 50 %'
        assert title in {each.message["Subject"].strip() for each in mail.mails}
        message = mail.mails[0].message
        assert message["Subject"] == "The budget of user ada has reached 50 %"
        assert message["To"] == "ada@example.com, ops@example.com"


async def test_after_a_sudden_death_nothing_is_told_again_and_what_was_left_is(
    tmp_path: Path,
) -> None:
    async with web_server() as slack:
        with platform(tmp_path, environment(slack)) as headgate:
            async with headgate.caller(ADMIN_KEY) as admin:
                await is_limited(admin, "user", "ada", 1, 0.5, 0.8)
                key = (await admin.new_key(userId="ada"))["apiKey"]
            async with headgate.caller(key) as caller:
                await ask(caller, 5)
            await arrived(lambda: told(slack, "user ada"), ["50 %"])
            await recorded(headgate)
            await asyncio.to_thread(headgate.kill)
            await asyncio.to_thread(headgate.start)
            async with headgate.caller(key) as caller:
                await ask(caller, 2)
                slack.answers.append(Answer(500))
                await ask(caller, 1)
            # The next one tells it, though nobody spends there any more.
            await arrived(lambda: [str(len(slack.requests))], ["2"])
            await asyncio.to_thread(headgate.kill)
            await asyncio.to_thread(headgate.start)
            await arrived(lambda: told(slack, "user ada"), ["50 %", "80 %"])
            await asyncio.to_thread(headgate.stop)
        assert len(slack.requests) == 3


async def test_a_channel_that_fails_gets_it_later_and_the_other_at_once(tmp_path: Path) -> None:
    async with web_server(Answer(500)) as slack, mail_server() as mail:
        with platform(tmp_path, environment(slack, mail)) as headgate:
            async with (
                headgate.caller(ADMIN_KEY) as admin,
                admin.newcomer(userId="ada") as caller,
            ):
                # A limit over money that is spent already tells at once.
                await ask(caller, 6)
                await is_limited(admin, "user", "ada", 1, 0.5, 1)
                await arrived(
                    lambda: [each.message["Subject"] for each in mail.mails],
                    ["The budget of user ada has reached 50 %"],
                )
                await arrived(lambda: told(slack, "user ada"), ["50 %"])
                await is_limited(admin, "user", "ada", 0.6, 1)
                await arrived(lambda: told(slack, "user ada"), ["50 %", "100 %"])
            await asyncio.to_thread(headgate.stop)
            printed = headgate.outputs[-1]
        assert "Slack answered 500" in printed
        assert HOOK not in printed
        assert "told that The budget of user ada has reached 100 %" in printed


async def test_without_a_channel_it_is_logged_once(tmp_path: Path) -> None:
    with platform(tmp_path, {"HEADGATE_ADMIN_KEY": ADMIN_KEY}, workers=2) as headgate:
        async with headgate.caller(ADMIN_KEY) as admin:
            key = (await admin.new_key(workspaceId="acme"))["apiKey"]
            await is_limited(admin, "workspace", "acme", 1, 0.5)
        async with headgate.caller(key) as caller:
            await ask(caller, 8)
        sentence = "WARNING The budget of workspace acme has reached 50 %"
        await arrived(lambda: re.findall(sentence, headgate.command.output), [sentence])
        await asyncio.to_thread(headgate.stop)
        assert headgate.outputs[-1].count(sentence) == 1


async def test_two_machines_over_one_dynamodb_tell_it_once(tmp_path: Path) -> None:
    async with web_server() as slack:
        names = environment(slack) | {
            "HEADGATE_STORE": "dynamodb",
            "DYNAMODB_ENDPOINT": ministack.endpoint(),
            "AWS_ACCESS_KEY_ID": ministack.new_account(),
            "AWS_SECRET_ACCESS_KEY": ministack.SECRET,
        }
        (tmp_path / "one").mkdir()
        (tmp_path / "other").mkdir()
        with (
            platform(tmp_path / "one", names) as one,
            platform(tmp_path / "other", names) as other,
        ):
            async with one.caller(ADMIN_KEY) as admin:
                await is_limited(admin, "user", "ada", 1, 0.5)
                key = (await admin.new_key(userId="ada"))["apiKey"]
            async with one.caller(key) as here, other.caller(key) as there:
                await asyncio.gather(ask(here, 3), ask(there, 3))
            await arrived(lambda: told(slack, "user ada"), ["50 %"])
            await asyncio.to_thread(one.stop)
            await asyncio.to_thread(other.stop)
        assert len(slack.requests) == 1


async def test_errors_are_told_once_on_each_channel_although_two_workers_see_them(
    tmp_path: Path,
) -> None:
    async with web_server() as slack, mail_server() as mail:
        with platform(tmp_path, environment(slack, mail), workers=2) as headgate:
            async with headgate.caller(ADMIN_KEY) as admin:
                failing = chat("x [[fail 500]]")
                calls = (admin.post("/v1/complete", failing, connection="close") for _ in range(30))
                assert {answer.status for answer in await asyncio.gather(*calls)} == {502}

                async def messages() -> tuple[int, int]:
                    return len(slack.accepted), len(mail.mails)

                await eventually(messages, lambda n: n == (1, 1), seconds=PATIENCE_SECONDS)
            await asyncio.to_thread(headgate.stop)
        assert len(slack.requests) == len(mail.mails) == 1
        assert slack.accepted[0].json["text"].startswith("100% of requests fail\n")
        assert "sandbox/sandbox: " in slack.accepted[0].json["text"]
        assert mail.mails[0].message["Subject"] == "100% of requests fail"
