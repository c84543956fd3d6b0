"""The pieces of a streamed answer put together, and told on the way, a few times a second."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import msgspec

from headgate.agents.outcomes import Reply
from headgate.core.chat import (
    ChatDelta,
    ChatRequest,
    FinishReason,
    Thinking,
    ToolCall,
    ToolCallDelta,
)
from headgate.core.metered import Models
from headgate.core.usage import UsageEvent

# Often enough to read along; each telling is a write.
TELL_SECONDS = 0.075


@dataclass(slots=True)
class Pieces:
    """An answer on its way; `tell` gets the text that is new."""

    tell: Callable[[str], Awaitable[object]]
    clock: Callable[[], float] = time.monotonic
    _text: list[str] = field(default_factory=list)
    _untold: list[str] = field(default_factory=list)
    _told_at: float = float("-inf")
    _calls: dict[int, ToolCall] = field(default_factory=dict)
    _thoughts: list[Thinking] = field(default_factory=list)
    _is_thought_open: bool = False
    _finish_reason: FinishReason = "stop"

    async def gather(self, models: Models, request: ChatRequest, call_key: str) -> UsageEvent:
        """Ask, and take all pieces; gives the row of the ledger.

        Raises:
            HeadgateError: there is no whole answer.
        """
        async with models.stream(request, call_key=call_key) as stream:
            async for piece in stream:
                self._take(piece)
                if self._untold and self.clock() - self._told_at >= TELL_SECONDS:
                    await self._tell()
            if self._untold:
                await self._tell()
            return stream.event

    def reply(self, model: str) -> Reply:
        """The whole answer."""
        return Reply(
            text="".join(self._text),
            tool_calls=tuple(self._calls[index] for index in sorted(self._calls)),
            thinking=tuple(self._thoughts),
            finish_reason=self._finish_reason,
            model=model,
        )

    async def _tell(self) -> None:
        text = "".join(self._untold)
        self._untold.clear()
        self._told_at = self.clock()
        await self.tell(text)

    def _take(self, piece: ChatDelta) -> None:
        if text := piece.text or piece.refusal:
            self._text.append(text)
            self._untold.append(text)
        for part in piece.tool_calls:
            self._take_call(part)
        if piece.thinking is not None:
            self._take_thought(piece.thinking)
        self._finish_reason = piece.finish_reason or self._finish_reason

    def _take_call(self, part: ToolCallDelta) -> None:
        known = self._calls.get(part.index, ToolCall(part.id or "", part.name or "", ""))
        self._calls[part.index] = msgspec.structs.replace(
            known, arguments=known.arguments + part.arguments
        )

    def _take_thought(self, part: Thinking) -> None:
        if self._is_thought_open:
            before = self._thoughts.pop()
            part = Thinking(before.text + part.text, part.signature, part.sealed)
        self._thoughts.append(part)
        # A signature, or what is sealed, is a thought's end.
        self._is_thought_open = part.signature is None and part.sealed is None
