"""Messages to a Slack channel, through an incoming webhook.

The webhook's address is its only credential, so it is never part of an error or a log line. The
form of a message is that of Slack's page "Formatting text for app surfaces": `&`, `<` and `>` are
escaped, so that a name holds no command such as `<!channel>`; and no word is made a mention.
"""

from dataclasses import dataclass, field

import msgspec

from headgate.core.alerts import Notice, Undelivered
from headgate.notify.text import lines
from headgate.transport.http import HttpClient, HttpError, HttpResponse

_HEADERS = {"content-type": "application/json; charset=utf-8"}
_GONE = frozenset({403, 404, 410})


@dataclass(frozen=True, slots=True)
class SlackNotifier:
    """`Notifier` that posts to the webhook at `url`."""

    client: HttpClient
    url: str = field(repr=False)

    async def send(self, notice: Notice) -> None:
        """See `Notifier.send`."""
        await self.post(to_wire(notice))

    async def post(self, body: bytes) -> None:
        """Post a body to the webhook.

        Raises:
            Undelivered: Slack did not take it.
        """
        try:
            answer = await self.client.send("POST", self.url, headers=_HEADERS, body=body)
        except HttpError as error:
            raise Undelivered(f"Slack could not be reached: {error}") from error
        if answer.status != 200:
            raise error_from(answer)


def to_wire(notice: Notice) -> bytes:
    """The webhook's body for a message."""
    return text_to_wire(f"{notice.title}\n{lines(notice)}")


def text_to_wire(text: str) -> bytes:
    """The webhook's body for a text, which is shown as it is."""
    return msgspec.json.encode(
        {
            "text": _escaped(text),
            "mrkdwn": False,
            "link_names": False,
            "unfurl_links": False,
            "unfurl_media": False,
        }
    )


def error_from(answer: HttpResponse) -> Undelivered:
    """What an answer that is no success means."""
    if answer.status == 429:
        seconds = answer.headers.get("retry-after", "")
        wait = float(seconds) if seconds.isdecimal() else None
        return Undelivered("Slack takes no more messages now", retry_after_seconds=wait)
    if answer.status in _GONE:
        return Undelivered(
            f"Slack answered {answer.status}: the webhook or its channel is gone;"
            " correct SLACK_WEBHOOK_URL"
        )
    return Undelivered(f"Slack answered {answer.status}")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
