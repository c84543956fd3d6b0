"""Conversations over a WebSocket, without one."""

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from headgate.http.routes import RouteTable
from headgate.http.sockets.conversation import Conversation
from headgate.http.sockets.outbox import Close
from headgate.http.table import routes
from platform_in_memory import ADMIN, Platform


@dataclass
class Talk:
    """A conversation, one sentence at a time."""

    here: Platform
    conversation: Conversation = field(init=False)
    is_closing: bool = False
    now: float = 0.0

    def __post_init__(self) -> None:
        self.conversation = Conversation(
            RouteTable(routes()), self.here.services, lambda: self.is_closing, lambda: self.now
        )

    async def hear(self, action: str, **fields: Any) -> None:
        await self.conversation.hear(json.dumps({"action": action, **fields}))

    async def said(self) -> Any:
        said = await self.conversation.say()
        return said if isinstance(said, Close) else json.loads(said)

    async def until_end(self) -> list[dict[str, Any]]:
        """All that is said up to the first `done` or `error`."""
        told = [await self.said()]
        while told[-1]["type"] not in {"done", "error"}:
            told.append(await self.said())
        return told


@contextlib.asynccontextmanager
async def talking(here: Platform, key: str | None = ADMIN) -> AsyncIterator[Talk]:
    talk = Talk(here)
    if key is not None:
        await talk.hear("authenticate", apiKey=key)
        assert (await talk.said())["type"] == "ready"
    yield talk
    await talk.conversation.aclose()
