"""Speaks ASGI to an application without a server, one message at a time."""

import asyncio
from typing import Any
from urllib.parse import unquote

import msgspec

from headgate.simulate.exchange import Message


class Client:
    """One request; `left` lets the client go away, `messages` is what it was sent.

    The path is as it stands on the wire, percent-encoded.
    `is_read` says that the whole request was read, `is_answered` that a part of a body came.
    """

    def __init__(
        self,
        method: str,
        path: str,
        body: bytes | dict[str, Any] = b"",
        headers: dict[str, str] | None = None,
    ) -> None:
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        given = {"authorization": "Bearer any"} if headers is None else headers
        self.scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        }
        self.left = asyncio.Event()
        self.is_read = asyncio.Event()
        self.is_answered = asyncio.Event()
        self.messages: list[Message] = []
        self._requests: list[Message] = [
            {"type": "http.request", "body": data[:5], "more_body": True},
            {"type": "http.request", "body": data[5:], "more_body": False},
        ]

    async def receive(self) -> Message:
        if self._requests:
            return self._requests.pop(0)
        self.is_read.set()
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.messages.append(message)
        if message.get("body"):
            self.is_answered.set()

    @property
    def unread(self) -> bytes:
        """What of the body nobody has asked for yet."""
        return b"".join(message["body"] for message in self._requests)

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.messages[0]["headers"]}

    @property
    def data(self) -> bytes:
        return b"".join(message["body"] for message in self.messages[1:])

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.data)

    @property
    def is_whole(self) -> bool:
        return not self.messages[-1].get("more_body", True)
