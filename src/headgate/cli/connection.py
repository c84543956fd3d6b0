"""How commands reach the platform: over HTTP, or in this process on the data directory.

Both ways speak the same routes, so that a command is written once and cannot tell them apart.
"""

import hashlib
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, Protocol, TypeAlias

import click
import msgspec

Query: TypeAlias = Sequence[tuple[str, str]]

PAGE = 200

_HINTS = {
    "invalid_api_key": "Set HEADGATE_API_KEY, or name a file that holds the key with --key-file.",
    "insufficient_scope": "Use a key that has this scope, such as an admin key.",
    "budget_exceeded": "See `headgate budget show`.",
}


class CommandFailed(click.ClickException):
    """The command could not do its work; the message says why and what to change."""


class Reply(NamedTuple):
    """A whole answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body's value; its numbers with a fraction are exact decimals."""
        return json.loads(self.body, parse_float=Decimal) if self.body else None


class File(NamedTuple):
    """A request's body that is a file."""

    name: str
    content: bytes


class Connection(Protocol):
    """Sends requests to the platform's routes with the caller's credential.

    `body` is a `File`, or anything msgspec writes as JSON.
    """

    async def request(
        self, method: str, path: str, body: object = None, query: Query = ()
    ) -> Reply:
        """The answer, whatever its status.

        Raises:
            CommandFailed: there is none.
        """
        ...

    def stream(self, method: str, path: str, body: object) -> AsyncGenerator[bytes, None]:
        """The payloads of a stream of server-sent events, as they come.

        Raises:
            CommandFailed: the platform refused, or broke off.
        """
        ...


async def fetch(
    connection: Connection, method: str, path: str, body: object = None, query: Query = ()
) -> Reply:
    """The answer to a request that is expected to succeed.

    Raises:
        CommandFailed: the platform refused; carries its own message.
    """
    reply = await connection.request(method, path, body, query)
    refuse_errors(reply)
    return reply


def refuse_errors(reply: Reply) -> None:
    """Turn an answer that is an error into a failure of the command.

    Raises:
        CommandFailed: the status is 400 or above.
    """
    if reply.status < 400:
        return
    try:
        answer = reply.json
    except ValueError:
        answer = None
    error = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(error, dict) or "message" not in error:
        raise CommandFailed(
            f"The server answered with status {reply.status} and no explanation. Is it Headgate?"
        )
    raise failure(error)


def failure(error: Mapping[str, Any]) -> CommandFailed:
    """The failure that an `error` object of the platform stands for."""
    hint = _HINTS.get(str(error.get("code")), "")
    message = str(error["message"])
    return CommandFailed(f"{message.rstrip('.')}. {hint}" if hint else message)


async def payloads(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The `data` of each server-sent event in a stream of bytes, however the bytes are cut.

    An event that is not followed by its blank line is incomplete and is left out.
    """
    rest = b""
    data: list[bytes] = []
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for raw in lines:
            line = raw.removesuffix(b"\r")
            if line.startswith(b"data:"):
                data.append(line[5:].removeprefix(b" "))
            elif not line and data:
                yield b"\n".join(data)
                data = []


def encode(body: object) -> bytes:
    """A request's body: JSON, or the one part of `multipart/form-data`; nothing for None."""
    if isinstance(body, File):
        edge = _boundary(body)
        name = re.sub(r'["\\\x00-\x1f]', "_", body.name)
        head = f'--{edge}\r\ncontent-disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        return head.encode() + body.content + f"\r\n--{edge}--\r\n".encode()
    return b"" if body is None else msgspec.json.encode(body)


def content_type_of(body: object) -> str:
    """What the body is written in."""
    if isinstance(body, File):
        return f"multipart/form-data; boundary={_boundary(body)}"
    return "application/json"


def _boundary(file: File) -> str:
    """What stands around a file and, being made of it, not in it."""
    return hashlib.sha256(file.content).hexdigest()


async def fetch_all(connection: Connection, path: str) -> list[dict[str, Any]]:
    """All items of a list, page by page.

    Raises:
        CommandFailed: the platform refused; carries its own message.
    """
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        query = [("limit", str(PAGE))] + ([("cursor", cursor)] if cursor else [])
        page = (await fetch(connection, "GET", path, query=query)).json
        found += page["data"]
        cursor = page.get("nextCursor")
        if not cursor:
            return found
