"""Answers as server-sent events: when the head goes out, what keeps a silent one alive, its end.

The head waits for the first piece of the answer, so that a failure keeps its HTTP status; but not
longer than the heartbeat, so that nothing between here and the caller gives the connection up.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable

import msgspec

from headgate.core.chat import ChatRequest
from headgate.core.errors import HeadgateError
from headgate.core.models import ProviderError
from headgate.gateway.calls import Attempt, Caller, receipt
from headgate.gateway.failures import failure
from headgate.gateway.replays import FrameStream, Replays
from headgate.gateway.streams import StreamedAnswer, Writer
from headgate.http import errors
from headgate.http.calls import StreamReply
from headgate.http.receipts import receipt_headers, state_headers

PING = b": ping\n\n"

_LOG = logging.getLogger(__name__)


def event(value: object) -> bytes:
    """One server-sent event with `value` as JSON."""
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


async def stream_reply(
    replays: Replays,
    caller: Caller,
    request: ChatRequest,
    write: Callable[[StreamedAnswer], Writer],
    write_error: Callable[[dict[str, object]], bytes],
    *,
    heartbeat_seconds: float,
) -> StreamReply:
    """The reply for a streamed call.

    Raises:
        HeadgateError: it failed before its first piece, so the answer can still have a status.
    """
    attempts: list[Attempt] = []
    frames: FrameStream | AsyncGenerator[bytes, None]
    opening = asyncio.ensure_future(replays.stream(caller, request, write, attempts.append))
    try:
        await _opened(opening, heartbeat_seconds)
    except asyncio.CancelledError:
        await _abandon(opening)
        raise
    if opening.done():
        try:
            frames = opening.result()
        except BaseException:
            # What is raised holds this frame, which must not hold the task that holds it: the
            # three would wait for a collection of garbage.
            del opening
            raise
        headers = receipt_headers(frames.receipt, with_cost=False)
    else:
        # Another route may still take over: only what holds for all of them can be told.
        headers = state_headers(receipt(attempts[-1])) if attempts else []
        frames = _late(opening, heartbeat_seconds)
    guarded = _guarded(frames, write_error, opening)
    # A generator that nobody has started cleans nothing up: this one is begun before the caller
    # can leave.
    await anext(guarded)
    return StreamReply(guarded, headers)


async def _opened(opening: asyncio.Future[FrameStream], seconds: float) -> None:
    """Wait until a call has begun or failed, but no longer than `seconds`."""
    # As `asyncio.wait` does it for any number of futures, which takes 8 µs more.
    loop = asyncio.get_running_loop()
    is_over = loop.create_future()

    def end(_opening: asyncio.Future[FrameStream] | None = None) -> None:
        if not is_over.done():
            is_over.set_result(None)

    timer = loop.call_later(seconds, end)
    opening.add_done_callback(end)
    try:
        await is_over
    finally:
        timer.cancel()
        opening.remove_done_callback(end)


async def _late(
    opening: asyncio.Future[FrameStream], heartbeat_seconds: float
) -> AsyncGenerator[bytes, None]:
    try:
        while not opening.done():
            yield PING
            await _opened(opening, heartbeat_seconds)
    except (asyncio.CancelledError, GeneratorExit):
        await _abandon(opening)
        raise
    async with contextlib.aclosing(opening.result()) as answer:
        async for frame in answer:
            yield frame


async def _abandon(opening: asyncio.Future[FrameStream]) -> None:
    """Stop a call that nobody waits for any more, and settle it; one that has ended stays so."""
    if not opening.done():
        opening.cancel()
        await asyncio.wait((opening,))
    if not opening.cancelled() and opening.exception() is None:
        await opening.result().aclose()


async def _guarded(
    frames: FrameStream | AsyncGenerator[bytes, None],
    write_error: Callable[[dict[str, object]], bytes],
    opening: asyncio.Future[FrameStream],
) -> AsyncGenerator[bytes, None]:
    """Nothing, which begins it, and then the frames; whenever it is closed, the call is settled.

    A failure becomes the last frame, since the status has been sent.
    """
    try:
        async with contextlib.aclosing(frames):
            try:
                yield b""
                async for frame in frames:
                    yield frame
            except ProviderError as error:
                yield write_error(errors.body_of(failure(error)))
            except HeadgateError as error:
                yield write_error(errors.body_of(error))
            except Exception:  # noqa: BLE001 - the rim: logged, and told without a trace
                _LOG.exception("a stream failed")
                yield write_error(errors.fault_body())
    finally:
        await _abandon(opening)
