"""API Gateway's way to callers over WebSockets: an ASGI application that notes what it is sent."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote


@dataclass
class ConnectionsStandIn:
    """Takes messages for the connections in `open`; of any other it says that it is gone.

    Attributes:
        answers: statuses that are given first, whatever is asked.
        told: what each connection was sent, as JSON.
        asked: methods and paths, as they came.
        headers: of the last request.
    """

    open: set[str] = field(default_factory=set)
    answers: list[int] = field(default_factory=list)
    told: dict[str, list[Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    more: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        body = (await receive())["body"]
        path = scope["raw_path"].decode()
        self.asked.append(f"{scope['method']} {path}")
        self.headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        status = self.answers.pop(0) if self.answers else self._take(scope["method"], path, body)
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def _take(self, method: str, path: str, body: bytes) -> int:
        name = unquote(path.rpartition("/")[2])
        if name not in self.open:
            return 410
        if method == "DELETE":
            self.open.discard(name)
            return 204
        self.told.setdefault(name, []).append(json.loads(body))
        self.more.set()
        return 200

    async def wait_for(self, name: str, kind: str) -> Any:
        """The first message of a kind for a connection, once it has come."""
        while True:
            for message in self.told.get(name, ()):
                if message["type"] == kind:
                    return message
            self.more.clear()
            await self.more.wait()
