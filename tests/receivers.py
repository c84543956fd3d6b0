"""Those whom alerts reach: a web server and a mail server, both real, that keep what they get."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from servers import serve

CERTIFICATES = Path(__file__).parent / "certificates"
USER = "alerts"
PASSWORD = "p4ss-word"


class Request(NamedTuple):
    """A request as it arrived; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Answer(NamedTuple):
    """What the web server says."""

    status: int = 200
    headers: Mapping[str, str] = {}


@dataclass
class WebServer:
    """Answers `answers` one after the other, then 200.

    Attributes:
        accepted: the requests that were answered with 200.
    """

    url: str = ""
    answers: list[Answer] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    accepted: list[Request] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        request = Request(scope["method"], scope["path"], headers, body)
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else Answer()
        if answer.status == 200:
            self.accepted.append(request)
        sent = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": sent})
        await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def web_server(*answers: Answer) -> AsyncIterator[WebServer]:
    """A web server on a free port."""
    server = WebServer(answers=list(answers))
    async with serve(server) as url:
        server.url = url
        yield server


class Mail(NamedTuple):
    """A message as it was handed over."""

    sender: str
    recipients: list[str]
    message: EmailMessage
    raw: bytes


@dataclass
class MailServer:
    """Takes mail, after it has refused it as often as `refusals` says.

    Attributes:
        unknown: recipients that it refuses.
    """

    port: int = 0
    refusals: list[str] = field(default_factory=list)
    unknown: frozenset[str] = frozenset()
    mails: list[Mail] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    gate: asyncio.Event | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.unknown:
            return "550 nobody here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - the same
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        self.asked.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.refusals:
            return self.refusals.pop(0)
        raw = envelope.content
        assert isinstance(raw, bytes)
        message = message_from_bytes(raw, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.mails.append(Mail(envelope.mail_from or "", envelope.rcpt_tos, message, raw))
        return "250 OK"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login.decode())
        is_right = data == LoginPassword(USER.encode(), PASSWORD.encode())
        return AuthResult(success=is_right, handled=False)


@asynccontextmanager
async def mail_server(
    *refusals: str,
    encryption: str = "none",
    login: bool = False,
    unknown: frozenset[str] = frozenset(),
) -> AsyncIterator[MailServer]:
    """A mail server on a free port; with `login` those may log in who know USER and PASSWORD."""
    kept = MailServer(refusals=list(refusals), unknown=unknown)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "localhost.pem", CERTIFICATES / "localhost.key")
    protocols: list[SMTP] = []

    def protocol() -> SMTP:
        protocols.append(
            SMTP(
                kept,
                hostname="localhost",
                ident="mail",
                tls_context=context if encryption == "starttls" else None,
                require_starttls=encryption == "starttls",
                authenticator=kept.authenticate if login else None,
                # The library knows of no other TLS than by STARTTLS.
                auth_required=login and encryption == "starttls",
                auth_require_tls=encryption == "starttls",
            )
        )
        return protocols[-1]

    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        protocol, "127.0.0.1", 0, ssl=context if encryption == "tls" else None
    )
    kept.port = server.sockets[0].getsockname()[1]
    try:
        yield kept
    finally:
        server.close()
        await server.wait_closed()


def trusting() -> ssl.SSLContext:
    """Whoever trusts the certificate of these tests."""
    return ssl.create_default_context(cafile=CERTIFICATES / "localhost.pem")
