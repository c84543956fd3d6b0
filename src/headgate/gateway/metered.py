"""The models as one caller's: what tools, documents and agents call, through the whole gateway.

A call with a call key goes the way of a request with an idempotency key: its answer and its row are
kept in one transaction, and whoever makes it again gets both from the store.
"""

import contextlib
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Self, TypeVar

import msgspec

from headgate.core.answers import answer_key
from headgate.core.chat import ChatDelta, ChatRequest, ChatResponse, WireDelta
from headgate.core.embeddings import EmbeddingRequest, EmbeddingResponse
from headgate.core.keys import VirtualKey
from headgate.core.metered import CallLabels, Metered, MeteredStream
from headgate.core.models import PromptStyle, ProviderError
from headgate.core.usage import UsageEvent
from headgate.gateway.calls import Caller, Place, Receipt
from headgate.gateway.failures import failure
from headgate.gateway.gateway import Answer
from headgate.gateway.replays import FrameStream, Replays
from headgate.gateway.streams import StreamedAnswer

T = TypeVar("T")

_encode = msgspec.msgpack.Encoder().encode
_CHAT = msgspec.msgpack.Decoder(Metered[ChatResponse])
_VECTORS = msgspec.msgpack.Decoder(Metered[EmbeddingResponse])


@dataclass(frozen=True, slots=True)
class MeteredAccess:
    """`ModelAccess` in the process of the gateway."""

    replays: Replays

    def models(
        self,
        key: VirtualKey,
        labels: CallLabels,
        place: Place | None = None,
        ends_at: float | None = None,
    ) -> "MeteredModels":
        """The models as `key` may use them; at a `place` calls count no further requests.

        All calls have to be over at `ends_at`, see `Caller`.
        """
        caller = Caller(
            key=key,
            request_id=labels.request_id,
            tags=labels.tags,
            use_case=labels.use_case,
            request_type=labels.request_type,
            run_id=labels.run_id,
            place=place,
            purse=labels.purse,
            ends_at=ends_at,
        )
        return MeteredModels(self.replays, caller)


@dataclass(frozen=True, slots=True)
class MeteredModels:
    """`Models` for one caller."""

    replays: Replays
    caller: Caller

    async def complete(
        self, request: ChatRequest, *, call_key: str | None = None
    ) -> Metered[ChatResponse]:
        """See `Models.complete`."""
        if call_key is None:
            return _metered(await self.replays.gateway.complete(self.caller, request))
        caller = self._keyed("complete", call_key, request)
        return _CHAT.decode((await self.replays.complete(caller, request, _write)).body)

    @contextlib.asynccontextmanager
    async def stream(
        self, request: ChatRequest, *, call_key: str | None = None
    ) -> AsyncIterator[MeteredStream]:
        """See `Models.stream`."""
        if call_key is None:
            answer = await self.replays.gateway.stream(self.caller, request)
            async with contextlib.aclosing(answer):
                yield _Live(answer)
        else:
            caller = self._keyed("stream", call_key, request)
            frames = await self.replays.stream(caller, request, _Lines)
            async with contextlib.aclosing(frames):
                yield _Kept(frames)

    async def embed(
        self, request: EmbeddingRequest, *, call_key: str | None = None
    ) -> Metered[EmbeddingResponse]:
        """See `Models.embed`."""
        if call_key is None:
            return _metered(await self.replays.gateway.embed(self.caller, request))
        caller = self._keyed("embed", call_key, request)
        return _VECTORS.decode((await self.replays.embed(caller, request, _write)).body)

    def style(self, model: str) -> PromptStyle:
        """See `Models.style`."""
        return self.replays.gateway.catalog.style(model, self.caller.key)

    def _keyed(self, kind: str, call_key: str, request: ChatRequest | EmbeddingRequest) -> Caller:
        key = answer_key(self.caller.key.key_id, f"models {kind}", call_key, _encode(request))
        return msgspec.structs.replace(self.caller, answer_key=key, call_key=key.id)


def _metered(answer: Answer[T]) -> Metered[T]:
    return Metered(answer.response, _row(answer.receipt))


def _write(answer: Answer[ChatResponse] | Answer[EmbeddingResponse]) -> bytes:
    return _encode(Metered(answer.response, _row(answer.receipt)))


def _row(receipt: Receipt) -> UsageEvent:
    if receipt.event is None:
        raise RuntimeError("an answer was told before it was settled")
    return receipt.event


class _Live:
    """`MeteredStream` over an answer that nobody asks for again."""

    def __init__(self, answer: StreamedAnswer) -> None:
        self._answer = answer
        self._pieces = aiter(answer)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChatDelta:
        try:
            return _translated(await anext(self._pieces))
        except ProviderError as error:
            raise failure(error) from None

    @property
    def event(self) -> UsageEvent:
        """See `MeteredStream.event`."""
        return _row(self._answer.receipt)


class _Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of a kept stream or, at its end, its row; JSON, one on a line."""

    piece: ChatDelta | None = None
    event: UsageEvent | None = None


_LINE = msgspec.json.Decoder(_Line)


class _Lines:
    """Writes an answer as lines."""

    def __init__(self, answer: StreamedAnswer) -> None:
        self._answer = answer

    def piece(self, piece: ChatDelta | WireDelta) -> bytes:
        """The line of a piece."""
        return msgspec.json.encode(_Line(_translated(piece))) + b"\n"

    def end(self) -> bytes:
        """The line of the row."""
        return msgspec.json.encode(_Line(event=_row(self._answer.receipt))) + b"\n"


class _Kept:
    """`MeteredStream` over lines; of an answer from the store all of them come at once."""

    def __init__(self, frames: FrameStream) -> None:
        self._frames = aiter(frames)
        self._lines: deque[bytes] = deque()
        self._event: UsageEvent | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChatDelta:
        while True:
            try:
                while not self._lines:
                    self._lines.extend((await anext(self._frames)).splitlines())
            except ProviderError as error:
                raise failure(error) from None
            line = _LINE.decode(self._lines.popleft())
            if line.piece is not None:
                return line.piece
            self._event = line.event

    @property
    def event(self) -> UsageEvent:
        """See `MeteredStream.event`."""
        if self._event is None:
            raise RuntimeError("the row of a stream was asked for before its end")
        return self._event


def _translated(piece: ChatDelta | WireDelta) -> ChatDelta:
    if isinstance(piece, WireDelta):
        raise TypeError("a provider forwarded frames to a caller of another protocol")
    return piece
