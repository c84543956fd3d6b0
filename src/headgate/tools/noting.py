"""Models that note the rows of the ledger which their calls were settled with."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Self

from headgate.core.chat import ChatDelta, ChatRequest, ChatResponse
from headgate.core.embeddings import EmbeddingRequest, EmbeddingResponse
from headgate.core.metered import Metered, MeteredStream, Models
from headgate.core.models import PromptStyle
from headgate.core.usage import UsageEvent


@dataclass(frozen=True, slots=True)
class NotingModels:
    """`Models` over others; `events` are the rows of the calls that have ended, in order."""

    models: Models
    events: list[UsageEvent] = field(default_factory=list)

    async def complete(
        self, request: ChatRequest, *, call_key: str | None = None
    ) -> Metered[ChatResponse]:
        """See `Models.complete`."""
        answer = await self.models.complete(request, call_key=call_key)
        self.events.append(answer.event)
        return answer

    @contextlib.asynccontextmanager
    async def stream(
        self, request: ChatRequest, *, call_key: str | None = None
    ) -> AsyncIterator[MeteredStream]:
        """See `Models.stream`."""
        async with self.models.stream(request, call_key=call_key) as stream:
            yield _NotingStream(stream, self.events)

    async def embed(
        self, request: EmbeddingRequest, *, call_key: str | None = None
    ) -> Metered[EmbeddingResponse]:
        """See `Models.embed`."""
        answer = await self.models.embed(request, call_key=call_key)
        self.events.append(answer.event)
        return answer

    def style(self, model: str) -> PromptStyle:
        """See `Models.style`."""
        return self.models.style(model)


class _NotingStream:
    """A stream that notes its row at its end."""

    def __init__(self, stream: MeteredStream, events: list[UsageEvent]) -> None:
        self._stream = stream
        self._pieces = aiter(stream)
        self._events = events

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChatDelta:
        try:
            return await anext(self._pieces)
        except StopAsyncIteration:
            self._events.append(self.event)
            raise

    @property
    def event(self) -> UsageEvent:
        """See `MeteredStream.event`."""
        return self._stream.event
