"""Messages by e-mail, through Amazon SES (version 2 of its interface)."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from headgate.core.alerts import Notice, Undelivered
from headgate.core.errors import Overloaded
from headgate.notify.text import lines
from headgate.transport.http import HttpClient, HttpError
from headgate.transport.sigv4 import CredentialsSource, Target, sign

PATH = "/v2/email/outbound-emails"


@dataclass(frozen=True, slots=True)
class SesNotifier:
    """`Notifier` that mails from `sender` to all of `recipients`; `endpoint` is SES's address."""

    client: HttpClient
    endpoint: str
    region: str
    credentials: CredentialsSource
    sender: str
    recipients: tuple[str, ...]
    clock: Callable[[], float] = time.time

    async def send(self, notice: Notice) -> None:
        """See `Notifier.send`."""
        url = self.endpoint + PATH
        body = to_wire(notice, self.sender, self.recipients)
        try:
            credentials = await self.credentials.current()
        except Overloaded as error:
            raise Undelivered(f"there are no AWS credentials for SES: {error.message}") from error
        headers = sign(
            "POST",
            url,
            headers={"content-type": "application/json"},
            body=body,
            credentials=credentials,
            target=Target(self.region, "ses"),
            now=self.clock(),
        )
        try:
            answer = await self.client.send("POST", url, headers=headers, body=body)
        except HttpError as error:
            raise Undelivered(f"SES could not be reached: {error}") from error
        if answer.status != 200:
            # The error's name, such as MessageRejected; its text repeats addresses.
            kind = answer.headers.get("x-amzn-errortype", "").partition(":")[0]
            raise Undelivered(f"SES answered {answer.status} {kind}".rstrip())


def to_wire(notice: Notice, sender: str, recipients: tuple[str, ...]) -> bytes:
    """The body of SES's `SendEmail`."""
    simple = {
        "Subject": {"Data": notice.title, "Charset": "UTF-8"},
        "Body": {"Text": {"Data": f"{notice.title}\n\n{lines(notice)}\n", "Charset": "UTF-8"}},
    }
    return msgspec.json.encode(
        {
            "FromEmailAddress": sender,
            "Destination": {"ToAddresses": recipients},
            "Content": {"Simple": simple},
        }
    )
