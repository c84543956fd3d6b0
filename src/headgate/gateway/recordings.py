"""Streamed answers that are written down while they pass, and given again later."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

import msgspec

from headgate.core.cache import LARGEST_VALUE
from headgate.core.chat import ChatDelta, TokenUsage, WireDelta
from headgate.core.models import ChatStream


class Recording(msgspec.Struct, frozen=True):
    """A streamed answer that ended well; the fields are what `ChatStream` tells.

    A piece is a translated one, or the frames of a vendor whose protocol the caller speaks.
    """

    pieces: tuple[ChatDelta | bytes, ...]
    usage: TokenUsage | None
    input_usage: TokenUsage | None
    received_tokens: int
    ending: bytes


class RecordingStream:
    """A vendor's stream; what it gave can be put away once it has ended well."""

    def __init__(self, stream: ChatStream, put: Callable[[Recording], Awaitable[None]]) -> None:
        self._stream = stream
        self._put = put
        self._recording: Recording | None = None
        self._pieces = self._read()

    def __aiter__(self) -> AsyncIterator[ChatDelta | WireDelta]:
        return self._pieces

    def usage(self) -> TokenUsage | None:
        """See `ChatStream.usage`."""
        return self._stream.usage()

    def input_usage(self) -> TokenUsage | None:
        """See `ChatStream.input_usage`."""
        return self._stream.input_usage()

    def received_tokens(self) -> int:
        """See `ChatStream.received_tokens`."""
        return self._stream.received_tokens()

    def ending(self) -> bytes:
        """See `ChatStream.ending`."""
        return self._stream.ending()

    async def keep(self) -> None:
        """Put away what was recorded, unless the stream was cut short or is too long."""
        if self._recording is not None:
            await self._put(self._recording)

    async def aclose(self) -> None:
        """Stop the vendor."""
        await self._pieces.aclose()
        await self._stream.aclose()

    async def _read(self) -> AsyncGenerator[ChatDelta | WireDelta, None]:
        pieces: list[ChatDelta | bytes] = []
        size = 0
        async for piece in self._stream:
            # What is too long to be kept is not even remembered.
            if size <= LARGEST_VALUE:
                size += _size(piece)
                pieces.append(piece.frames if isinstance(piece, WireDelta) else piece)
            yield piece
        if size <= LARGEST_VALUE:
            stream = self._stream
            self._recording = Recording(
                tuple(pieces),
                stream.usage(),
                stream.input_usage(),
                stream.received_tokens(),
                stream.ending(),
            )


def _size(piece: ChatDelta | WireDelta) -> int:
    if isinstance(piece, WireDelta):
        return len(piece.frames)
    arguments = sum(len(call.arguments) for call in piece.tool_calls)
    thought = 0 if piece.thinking is None else len(piece.thinking.text)
    return len(piece.text) + arguments + thought


class RecordedStream:
    """A recording as a stream, in the pieces in which it came."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._pieces = self._read()

    def __aiter__(self) -> AsyncIterator[ChatDelta | WireDelta]:
        return self._pieces

    def usage(self) -> TokenUsage | None:
        """The vendor's count, if it gave one."""
        return self._recording.usage

    def input_usage(self) -> TokenUsage | None:
        """The vendor's count of the input, if it gave one."""
        return self._recording.input_usage

    def received_tokens(self) -> int:
        """The output tokens of the whole answer."""
        return self._recording.received_tokens

    def ending(self) -> bytes:
        """The vendor's own last frames."""
        return self._recording.ending

    async def aclose(self) -> None:
        """Give no more."""
        await self._pieces.aclose()

    async def _read(self) -> AsyncGenerator[ChatDelta | WireDelta, None]:
        for piece in self._recording.pieces:
            yield WireDelta(piece) if isinstance(piece, bytes) else piece
