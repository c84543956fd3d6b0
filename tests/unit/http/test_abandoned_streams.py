"""A stream's reply is thrown away at any moment, also before its first frame: it settles once."""

import asyncio
import contextlib

import pytest

from fakes import FakeProvider, StreamStep, words
from gateway_desk import CALLER, Desk, asks
from headgate.core.chat import ChatDelta, WireDelta
from headgate.gateway.streams import StreamedAnswer
from headgate.http.calls import StreamReply
from headgate.http.streams import PING, stream_reply

SOON = 0.001
NEVER = 3600.0


class Texts:
    """Writes the texts of the pieces, and `done`."""

    def __init__(self, answer: StreamedAnswer) -> None:
        self.answer = answer

    def piece(self, piece: ChatDelta | WireDelta) -> bytes:
        assert isinstance(piece, ChatDelta)
        return piece.text.encode()

    def end(self) -> bytes:
        return b"done"


async def reply_of(desk: Desk, *, heartbeat_seconds: float) -> StreamReply:
    return await stream_reply(
        desk.replays,
        CALLER,
        asks(),
        Texts,
        lambda error: repr(error).encode(),
        heartbeat_seconds=heartbeat_seconds,
    )


async def desk_of(*steps: StreamStep) -> tuple[Desk, FakeProvider]:
    provider = FakeProvider("one", list(steps))
    desk = Desk(provider)
    await desk.limit(1000)
    return desk, provider


@pytest.mark.parametrize("read", range(4))
async def test_a_reply_that_nobody_reads_on_is_settled(read: int) -> None:
    """Though the caller left before the head could be sent, so that no frame was asked for."""
    desk, one = await desk_of(*[ChatDelta(text=str(number)) for number in range(5)])
    reply = await reply_of(desk, heartbeat_seconds=NEVER)
    frames = [await anext(reply.frames) for _ in range(read)]
    await reply.frames.aclose()
    await desk.rest()
    assert frames == [str(number).encode() for number in range(read)]
    assert (desk.event.billed, desk.event.status) == (10 + 2 * max(1, read), "cancelled")
    assert one.streams[0].is_closed


@pytest.mark.parametrize("read", range(3))
async def test_a_reply_of_a_silent_vendor_that_nobody_reads_on_is_settled(read: int) -> None:
    desk, one = await desk_of(asyncio.Event())
    reply = await reply_of(desk, heartbeat_seconds=SOON)
    await one.called.wait()
    assert [await anext(reply.frames) for _ in range(read)] == [PING] * read
    await reply.frames.aclose()
    await desk.rest()
    assert (desk.event.billed, desk.event.status) == (10, "cancelled")
    assert one.streams[0].is_closed


async def test_a_reply_whose_answer_came_after_the_head_and_was_never_read_is_settled() -> None:
    first = asyncio.Event()
    desk, one = await desk_of(first, ChatDelta(text="a"), asyncio.Event())
    reply = await reply_of(desk, heartbeat_seconds=SOON)
    await one.called.wait()
    first.set()
    for _ in range(20):
        await asyncio.sleep(0)
    await reply.frames.aclose()
    await desk.rest()
    assert (desk.event.billed, desk.event.status) == (12, "cancelled")
    assert one.streams[0].is_closed


@pytest.mark.parametrize("turns", range(40))
@pytest.mark.parametrize("heartbeat_seconds", [NEVER, 0])
async def test_a_reply_is_cut_off_at_any_turn_and_settles_once(
    turns: int, heartbeat_seconds: float
) -> None:
    desk, one = await desk_of(*words("a b c"))

    async def serve() -> bytes:
        reply = await reply_of(desk, heartbeat_seconds=heartbeat_seconds)
        async with contextlib.aclosing(reply.frames) as frames:
            await asyncio.sleep(0)  # the head
            return b"".join([frame async for frame in frames])

    serving = asyncio.create_task(serve())
    for _ in range(turns):
        await asyncio.sleep(0)
    serving.cancel()
    (sent,) = await asyncio.gather(serving, return_exceptions=True)
    await desk.rest()
    if not one.streams:
        assert not desk.events
        return
    assert one.streams[0].is_closed
    assert desk.event.status in {"ok", "cancelled"}
    if isinstance(sent, bytes):
        assert sent.replace(PING, b"") == b"abcdone"
        assert desk.event.status == "ok"


@pytest.mark.parametrize("heartbeat_seconds", [NEVER, SOON])
async def test_a_fault_of_ours_is_the_last_frame_and_nothing_more(
    heartbeat_seconds: float,
) -> None:
    gate = asyncio.Event()
    fault: list[StreamStep] = [gate, LookupError("a fault of ours")]
    if heartbeat_seconds == NEVER:
        fault.insert(0, ChatDelta(text="a"))
    desk, _ = await desk_of(*fault)
    reply = await reply_of(desk, heartbeat_seconds=heartbeat_seconds)
    gate.set()
    frames = [frame async for frame in reply.frames if frame != PING]
    assert b"internal_error" in frames[-1]
    await desk.rest()
    assert desk.event.status == "error"
