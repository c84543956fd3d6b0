"""Messages by e-mail, through an SMTP server."""

import contextlib
import functools
import logging
import ssl
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Literal, TypeAlias

import aiosmtplib

from headgate.core.alerts import Notice, Undelivered
from headgate.notify.text import lines

Encryption: TypeAlias = Literal["starttls", "tls", "none"]

ANSWER_SECONDS = 10.0

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail is handed over, and as whom.

    Attributes:
        encryption: `starttls` begins in the clear and refuses to go on so; `tls` is encrypted from
            the first byte.
        tls: whom to trust; the certificates of the system where it is None.
    """

    host: str
    port: int
    encryption: Encryption
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class SmtpNotifier:
    """`Notifier` that mails from `sender` to all of `recipients`."""

    server: SmtpServer
    sender: str
    recipients: tuple[str, ...]

    async def send(self, notice: Notice) -> None:
        """See `Notifier.send`."""
        await self._talk(message_of(notice, self.sender, self.recipients))

    async def check(self) -> None:
        """Log in, and send nothing.

        Raises:
            Undelivered: the server cannot be used.
        """
        await self._talk(None)

    async def _talk(self, message: EmailMessage | None) -> None:
        client = _client(self.server)
        try:
            await client.connect()
            if message is not None:
                refused, _ = await client.send_message(message)
                if refused:
                    _LOG.warning("the SMTP server refused %d recipients", len(refused))
            # What was taken is taken, whatever the farewell.
            with contextlib.suppress(aiosmtplib.SMTPException):
                await client.quit()
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Undelivered(f"the SMTP server {_reason(error)}") from error
        finally:
            # At once, also where the one who waits has left: no message goes out after that.
            client.close()


def message_of(notice: Notice, sender: str, recipients: tuple[str, ...]) -> EmailMessage:
    """A message as plain text.

    Raises:
        ValueError: a header would hold the end of a line.
    """
    message = EmailMessage()
    message["From"] = Address(addr_spec=sender)
    message["To"] = [Address(addr_spec=recipient) for recipient in recipients]
    message["Subject"] = notice.title
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    # So that nobody's "out of office" comes back.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(f"{notice.title}\n\n{lines(notice)}\n")
    return message


@functools.lru_cache(maxsize=1)
def _system_context() -> ssl.SSLContext:
    # Reading the certificates holds the event loop up, so it is done once.
    return ssl.create_default_context()


def _client(server: SmtpServer) -> aiosmtplib.SMTP:
    encrypted = server.encryption != "none"
    return aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        username=server.user,
        password=server.password,
        use_tls=server.encryption == "tls",
        start_tls=server.encryption == "starttls",
        tls_context=(server.tls or _system_context()) if encrypted else None,
        timeout=ANSWER_SECONDS,
    )


def _reason(error: Exception) -> str:
    """What went wrong; codes only, since a server's words repeat addresses and what was sent."""
    if isinstance(error, aiosmtplib.SMTPResponseException):
        refused = isinstance(error, aiosmtplib.SMTPAuthenticationError)
        said = "refuses the login" if refused else "refuses"
        return f"{said} ({error.code})"
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        codes = sorted({each.code for each in error.recipients})
        return f"refuses all recipients ({', '.join(map(str, codes))})"
    if isinstance(error, aiosmtplib.SMTPTimeoutError):
        return "did not answer in time"
    if isinstance(error.__cause__ or error, ssl.SSLError):
        return "has no encryption that can be trusted"
    if isinstance(error, OSError):
        return "could not be reached, or broke off"
    # What is left is the library's own: the server lacks an extension.
    return "does not offer the encryption or the login that is set"
