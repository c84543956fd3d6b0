"""A streamed answer is settled however it ends, exactly once."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import msgspec
import pytest

from fakes import DONE, FakeProvider, Received, StreamStep, until, words
from gateway_desk import CALLER, KEY, Desk, asks
from headgate.core.chat import ChatDelta, TokenUsage, WireDelta
from headgate.core.errors import Overloaded
from headgate.core.models import ProviderBroke, ProviderTimedOut
from headgate.gateway.calls import Caller
from headgate.gateway.streams import StreamedAnswer

A, B = ChatDelta(text="a"), ChatDelta(text="b")


def desk_of(*steps: StreamStep) -> tuple[Desk, FakeProvider]:
    provider = FakeProvider("one", list(steps))
    return Desk(provider), provider


async def text_of(answer: StreamedAnswer) -> str:
    return "".join([piece.text async for piece in answer if isinstance(piece, ChatDelta)])


async def test_a_stream_is_settled_on_the_vendors_count() -> None:
    desk, one = desk_of(A, B, TokenUsage(12, 7), DONE)
    await desk.limit(1000)
    answer = await desk.gateway.stream(CALLER, asks())
    before = answer.receipt
    assert before.event is None
    assert await text_of(answer) == "ab"
    assert answer.receipt.event == desk.event
    assert answer.usage == TokenUsage(12, 7)
    assert answer.ending == b"the end"
    assert (desk.event.billed, desk.event.status, desk.event.estimated) == (26, "ok", False)
    assert desk.event.first_token_ms is not None
    assert one.streams[0].is_closed
    await desk.rest()


async def test_a_vendor_that_gives_no_count_is_paid_by_ours() -> None:
    desk, _ = desk_of(A, B, DONE)
    await text_of(await desk.gateway.stream(CALLER, asks()))
    assert (desk.event.billed, desk.event.status, desk.event.estimated) == (14, "ok", True)


async def test_frames_are_handed_on_as_they_came() -> None:
    frames = [WireDelta(b"data: 1\n\n"), WireDelta(b"data: 2\n\n")]
    desk, _ = desk_of(*frames, TokenUsage(10, 2))
    answer = await desk.gateway.stream(CALLER, asks())
    assert [piece async for piece in answer] == frames


async def test_an_answer_without_any_piece_is_an_answer() -> None:
    desk, _ = desk_of(TokenUsage(10, 0))
    assert await text_of(await desk.gateway.stream(CALLER, asks())) == ""
    assert (desk.event.billed, desk.event.status) == (10, "ok")
    await desk.rest()


async def test_a_stream_ends_for_the_caller_once_its_row_is_durable() -> None:
    """What the client needs to see the end, the writer sends after the last piece."""
    desk, _ = desk_of(*words("a b"))
    committed = desk.store.hold_back("settle")
    answer = await desk.gateway.stream(CALLER, asks())
    reading = asyncio.create_task(text_of(answer))
    await until(lambda: "settle" in desk.store.asked)
    for _ in range(10):
        await asyncio.sleep(0)
    assert not reading.done()
    assert not desk.events
    committed.set()
    assert await reading == "ab"
    assert desk.event.status == "ok"


async def test_a_store_that_is_away_at_the_end_is_told_and_the_row_is_kept() -> None:
    desk, _ = desk_of(*words("a b"))
    desk.store.fail_once("settle", Overloaded("the store is away"))
    answer = await desk.gateway.stream(CALLER, asks())
    with pytest.raises(Overloaded):
        await text_of(answer)
    await desk.rest()
    assert desk.event.status == "ok"


@pytest.mark.parametrize("error", [ProviderBroke("gone"), ProviderTimedOut("slow")])
async def test_a_vendor_that_breaks_off_is_paid_for_what_came(error: Exception) -> None:
    desk, one = desk_of(A, B, error)
    await desk.limit(1000)
    answer = await desk.gateway.stream(CALLER, asks())
    with pytest.raises(type(error)):
        await text_of(answer)
    assert (desk.event.billed, desk.event.status, desk.event.estimated) == (14, "incomplete", True)
    assert one.streams[0].is_closed
    await desk.rest()


async def test_a_break_is_told_once_its_row_is_durable() -> None:
    desk, _ = desk_of(A, ProviderBroke("gone"))
    committed = desk.store.hold_back("settle")
    reading = asyncio.create_task(text_of(await desk.gateway.stream(CALLER, asks())))
    await until(lambda: "settle" in desk.store.asked)
    for _ in range(10):
        await asyncio.sleep(0)
    assert not reading.done()
    committed.set()
    with pytest.raises(ProviderBroke):
        await reading


async def test_a_break_after_the_vendors_count_is_billed_by_that_count() -> None:
    desk, _ = desk_of(A, TokenUsage(12, 7), ProviderBroke("gone"))
    with pytest.raises(ProviderBroke):
        await text_of(await desk.gateway.stream(CALLER, asks()))
    assert (desk.event.billed, desk.event.status, desk.event.estimated) == (26, "incomplete", False)


async def test_a_break_is_billed_by_what_the_vendor_counted_of_the_input() -> None:
    """Cached tokens cost less than the estimate of a text of that size."""
    read = TokenUsage(30, cached_input_tokens=25)
    desk, _ = desk_of(Received(1, read), A, ProviderBroke("gone"))
    with pytest.raises(ProviderBroke):
        await text_of(await desk.gateway.stream(CALLER, asks()))
    event = desk.event
    assert (event.input_tokens, event.cached_input_tokens, event.output_tokens) == (30, 25, 2)
    assert (event.status, event.estimated) == ("incomplete", True)


async def test_a_fault_of_ours_leaves_nothing_held() -> None:
    desk, _ = desk_of(A, LookupError("a fault"))
    await desk.limit(1000)
    answer = await desk.gateway.stream(CALLER, asks())
    with pytest.raises(LookupError):
        await text_of(answer)
    await desk.rest()
    assert (desk.event.billed, desk.event.status) == (12, "error")


async def test_a_stream_that_nobody_iterates_is_settled_when_it_is_closed() -> None:
    desk, one = desk_of(A, asyncio.Event())
    await desk.limit(1000)
    answer = await desk.gateway.stream(CALLER, asks())
    await answer.aclose()
    await answer.aclose()
    await desk.rest()
    assert (desk.event.billed, desk.event.status, desk.event.estimated) == (12, "cancelled", True)
    assert one.streams[0].is_closed


@pytest.mark.parametrize("read", range(1, 5))
async def test_a_reader_who_stops_is_billed_what_had_come(read: int) -> None:
    desk, one = desk_of(*[ChatDelta(text=str(number)) for number in range(4)], asyncio.Event())
    await desk.limit(1000)
    async with contextlib.aclosing(await desk.gateway.stream(CALLER, asks())) as answer:
        async for piece in answer:
            assert isinstance(piece, ChatDelta)
            if piece.text == str(read - 1):
                break
    await desk.rest()
    assert (desk.event.billed, desk.event.status) == (10 + 2 * read, "cancelled")
    assert one.streams[0].is_closed


async def test_a_stream_that_ended_stays_as_it_was_settled() -> None:
    desk, _ = desk_of(*words("a b"))
    answer = await desk.gateway.stream(CALLER, asks())
    await text_of(answer)
    await answer.aclose()
    assert desk.event.status == "ok"
    await desk.rest()


async def read_all(desk: Desk, seen: list[ChatDelta]) -> None:
    """Read a stream as the HTTP layer does."""
    async with contextlib.aclosing(await desk.gateway.stream(CALLER, asks())) as answer:
        async for piece in answer:
            assert isinstance(piece, ChatDelta)
            seen.append(piece)


@pytest.mark.parametrize("turns", range(30))
async def test_a_reader_who_is_cut_off_is_billed_what_was_produced(turns: int) -> None:
    """Before, during and after the first piece, and while the row is written: once."""
    desk, one = desk_of(Received(1), *words("a b c"))
    await desk.limit(1000)
    seen: list[ChatDelta] = []
    reading = asyncio.create_task(read_all(desk, seen))
    for _ in range(turns):
        await asyncio.sleep(0)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await desk.rest()
    if not one.streams:
        assert not desk.events
        return
    stream, event = one.streams[0], desk.event
    assert stream.is_closed
    usage = stream.usage()
    if usage is None:
        assert event.status == "cancelled"
        assert (event.output_tokens, event.estimated) == (stream.received_tokens(), True)
    else:
        assert event.status in {"ok", "cancelled"}
        assert (event.output_tokens, event.estimated) == (usage.output_tokens, False)
    assert event.output_tokens >= sum(bool(piece.text) for piece in seen)
    if turns == 29:
        assert (event.status, reading.cancelled()) == ("ok", False)


@pytest.mark.parametrize("turns", range(8))
async def test_a_second_cut_while_the_first_is_cleaned_up_bills_nothing_twice(turns: int) -> None:
    desk, one = desk_of(A, asyncio.Event())
    await desk.limit(1000)
    seen: list[ChatDelta] = []
    reading = asyncio.create_task(read_all(desk, seen))
    await until(lambda: bool(seen))
    reading.cancel()
    for _ in range(turns):
        await asyncio.sleep(0)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await desk.rest()
    assert (desk.event.billed, desk.event.status) == (12, "cancelled")
    assert one.streams[0].is_closed


async def test_a_writer_that_is_thrown_away_settles_the_stream() -> None:
    """`GeneratorExit` reaches the answer through every generator around it."""
    desk, _ = desk_of(A, B, asyncio.Event())
    await desk.limit(1000)

    async def frames() -> AsyncGenerator[str, None]:
        async with contextlib.aclosing(await desk.gateway.stream(CALLER, asks())) as answer:
            async for piece in answer:
                assert isinstance(piece, ChatDelta)
                yield piece.text

    writer = frames()
    assert await anext(writer) == "a"
    await writer.aclose()
    await desk.rest()
    assert (desk.event.billed, desk.event.status) == (12, "cancelled")


async def test_the_place_in_the_rate_limit_is_kept_until_the_stream_ends() -> None:
    desk, _ = desk_of(*words("a b"))
    answer = await desk.gateway.stream(CALLER, asks(max_tokens=500))
    counters = desk.limiter._keys[KEY.key_id]
    assert counters.running == 1
    await text_of(answer)
    assert counters.running == 0
    assert desk.limited_tokens() == 12


def caller_until(seconds: float) -> Caller:
    """Whose answer has to be over by then."""
    ends_at = asyncio.get_running_loop().time() + seconds
    return msgspec.structs.replace(CALLER, ends_at=ends_at)


async def test_an_answer_that_has_no_more_time_is_stopped_and_billed_what_had_come() -> None:
    desk, one = desk_of(A, asyncio.Event())
    await desk.limit(1000)
    answer = await desk.gateway.stream(caller_until(0.02), asks())
    with pytest.raises(ProviderTimedOut, match="longer than it may here"):
        await text_of(answer)
    assert (desk.event.billed, desk.event.status) == (12, "incomplete")
    assert one.streams[0].is_closed
    await desk.rest()


async def test_an_answer_with_enough_time_comes_whole() -> None:
    desk, _ = desk_of(A, B, TokenUsage(12, 7), DONE)
    answer = await desk.gateway.stream(caller_until(3600), asks())
    assert await text_of(answer) == "ab"
    assert desk.event.status == "ok"


async def test_a_vendor_that_is_slow_within_the_time_is_called_slow() -> None:
    desk, _ = desk_of(A, ProviderTimedOut("the vendor fell silent"))
    answer = await desk.gateway.stream(caller_until(3600), asks())
    with pytest.raises(ProviderTimedOut, match="fell silent"):
        await text_of(answer)


async def test_who_leaves_an_answer_of_limited_time_is_no_time_out() -> None:
    desk, one = desk_of(A, asyncio.Event())
    answer = await desk.gateway.stream(caller_until(3600), asks())
    reading = asyncio.create_task(text_of(answer))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert desk.event.status == "cancelled"
    assert one.streams[0].is_closed
