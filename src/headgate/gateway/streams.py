"""An answer on its way to the caller, whose money is settled however it ends."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Protocol

import msgspec

from headgate.core.chat import ChatDelta, TokenUsage, WireDelta
from headgate.core.models import (
    ChatStream,
    ProviderError,
    ProviderRefused,
    ProviderTimedOut,
    ProviderUnreachable,
)
from headgate.core.usage import CallStatus
from headgate.gateway.calls import Attempt, Receipt, receipt
from headgate.gateway.recordings import RecordingStream
from headgate.gateway.routing import within


class StreamedAnswer:
    """A streamed answer; it settles when it ends, breaks off or is abandoned.

    Iterate it inside `contextlib.aclosing`: that is what stops the vendor when the caller leaves.
    A vendor that breaks off raises its `ProviderError` from the iteration, after settling.

    Attributes:
        write: where the answer may be asked for again, writes all of it, as `Attempt.settle` says.
    """

    write: Callable[[], bytes] | None = None

    def __init__(self, attempt: Attempt, stream: ChatStream, input_estimate: int) -> None:
        self._attempt = attempt
        self._stream = stream
        self._input_estimate = input_estimate
        ends_at = attempt.caller.ends_at
        self._pieces = aiter(stream) if ends_at is None else _until(ends_at, aiter(stream))
        self._first: ChatDelta | WireDelta | None = None
        self._answer = self._read()

    @property
    def receipt(self) -> Receipt:
        """The receipt as it stands now; with its event once the answer has ended."""
        return receipt(self._attempt)

    @property
    def model(self) -> str:
        """The model that answers."""
        return self._attempt.route.model

    @property
    def usage(self) -> TokenUsage:
        """What was used: the vendor's count, or ours where it gave none."""
        counted = self._stream.usage()
        if counted is not None:
            return counted
        read = self._stream.input_usage() or TokenUsage(self._input_estimate)
        return msgspec.structs.replace(read, output_tokens=self._stream.received_tokens())

    @property
    def ending(self) -> bytes:
        """The vendor's own last frames, where frames are forwarded."""
        return self._stream.ending()

    async def open(self, seconds: float) -> None:
        """Wait for the first piece; until it has come, failures are as those of a whole answer.

        Raises:
            ProviderError: the vendor refused or failed, or took longer than `seconds`.
        """
        try:
            self._first = await within(seconds, anext(self._pieces, None))
        except (ProviderRefused, ProviderUnreachable):
            await self._stream.aclose()
            raise
        except BaseException as error:
            # The vendor may have begun: what had come before its first whole piece is billed too.
            self._charge(_status_of(error), error if isinstance(error, ProviderError) else None)
            await self._stream.aclose()
            raise
        self._attempt.mark_first_token()

    def __aiter__(self) -> AsyncIterator[ChatDelta | WireDelta]:
        return self._answer

    async def aclose(self) -> None:
        """Stop the vendor and settle, unless the answer has ended."""
        await self._answer.aclose()
        # A generator that nobody has started has nothing to clean up by itself.
        self._settle("cancelled")
        await self._stream.aclose()

    async def _read(self) -> AsyncGenerator[ChatDelta | WireDelta, None]:
        try:
            if self._first is not None:
                yield self._first
            async for piece in self._pieces:
                yield piece
        except ProviderError as error:
            if self._attempt.trial is not None:
                self._attempt.trial.failed(error)
            self._settle("incomplete", error)
            await self._attempt.durable()
            raise
        except BaseException as error:
            self._settle(_status_of(error))
            raise
        else:
            self._settle("ok")
            await self._attempt.durable()
            if isinstance(self._stream, RecordingStream):
                await self._stream.keep()
        finally:
            await self._stream.aclose()

    def _settle(self, status: CallStatus, failure: ProviderError | None = None) -> None:
        """Charge what was used and give the place in the rate limit back, the first time only."""
        if self._attempt.event is None:
            self._charge(status, failure)
            self._attempt.place.leave()
            if status in {"ok", "cancelled"} and self._attempt.trial is not None:
                self._attempt.trial.succeeded()

    def _charge(self, status: CallStatus, failure: ProviderError | None) -> None:
        self._attempt.settle(
            self.usage,
            status,
            estimated=self._stream.usage() is None,
            write=self.write,
            failure=failure,
        )
        # Whoever writes an answer holds it: together they would wait for a collection of garbage.
        self.write = None


async def _until(
    ends_at: float, pieces: AsyncIterator[ChatDelta | WireDelta]
) -> AsyncGenerator[ChatDelta | WireDelta, None]:
    """The pieces, as long as there is time.

    Raises:
        ProviderTimedOut: there are more, and no time.
    """
    loop = asyncio.get_running_loop()
    while True:
        try:
            piece = await within(max(0.0, ends_at - loop.time()), anext(pieces, None))
        except ProviderTimedOut:
            if loop.time() < ends_at:
                raise  # it is the vendor that was slow
            raise ProviderTimedOut(
                "the answer took longer than it may here, and was stopped"
            ) from None
        if piece is None:
            return
        yield piece


class Writer(Protocol):
    """Writes an answer in one protocol."""

    def piece(self, piece: ChatDelta | WireDelta) -> bytes:
        """The frames of a piece; none where the protocol does not show it."""
        ...

    def end(self) -> bytes:
        """The last frames; the answer's receipt has its event by then."""
        ...


class WrittenStream:
    """A streamed answer as the frames of its caller's protocol.

    Its end leaves only after the answer has settled. With `note`, all of it is kept for who asks
    again, and `note` is told the receipt of its row then.
    """

    def __init__(
        self,
        answer: StreamedAnswer,
        writer: Writer,
        *,
        note: Callable[[Receipt], None] | None = None,
    ) -> None:
        self._answer = answer
        self._writer = writer
        self._note = note
        self._kept: list[bytes] = []
        self._end = b""
        answer.write = self._write_end
        self._frames = self._read()

    @property
    def receipt(self) -> Receipt:
        """See `StreamedAnswer.receipt`."""
        return self._answer.receipt

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._frames

    async def aclose(self) -> None:
        """Stop the vendor and settle, unless the answer has ended."""
        await self._frames.aclose()
        await self._answer.aclose()

    async def _read(self) -> AsyncGenerator[bytes, None]:
        async with contextlib.aclosing(self._answer):
            async for piece in self._answer:
                if frame := self._writer.piece(piece):
                    if self._note is not None:
                        self._kept.append(frame)
                    yield frame
        yield self._end

    def _write_end(self) -> bytes:
        self._end = self._writer.end()
        if self._note is not None:
            self._note(self.receipt)
        return b"".join((*self._kept, self._end))


def _status_of(error: BaseException) -> CallStatus:
    """How a call ended that did not end by itself."""
    if isinstance(error, ProviderError):
        return "incomplete"
    # Any other is a fault of ours, which must not leave money held.
    return "cancelled" if isinstance(error, asyncio.CancelledError | GeneratorExit) else "error"
