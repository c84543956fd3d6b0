"""Streams that go on without their reader."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import pytest

from headgate.core.errors import Conflict, InvalidRequest, NotFound
from headgate.gateway.kept_streams import KeptStreams

NEVER = 3600.0
QUIET = b": quiet\n\n"


class Source:
    """A stream of events that come when they are asked for by number."""

    def __init__(self, *frames: bytes, endless: bool = False) -> None:
        self.frames = frames
        self.endless = endless
        self.given = 0
        self.is_closed = asyncio.Event()

    async def read(self) -> AsyncGenerator[bytes, None]:
        try:
            yield b""
            for frame in self.frames:
                self.given += 1
                yield frame
            if self.endless:
                await asyncio.Event().wait()
        finally:
            self.is_closed.set()


def events(count: int) -> list[bytes]:
    return [b"data: %d\n\n" % number for number in range(1, count + 1)]


async def begun(
    kept: KeptStreams, source: Source, *, quiet_seconds: float = NEVER
) -> AsyncGenerator[bytes, None]:
    frames = source.read()
    await anext(frames)
    return await kept.begin("req_1", "key_1", frames, quiet_seconds=quiet_seconds, quiet=QUIET)


async def resumed(
    kept: KeptStreams, after: int, *, key_id: str = "key_1"
) -> AsyncGenerator[bytes, None]:
    return await kept.resume("req_1", key_id, after, quiet_seconds=NEVER, quiet=QUIET)


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def rest(reading: AsyncGenerator[bytes, None]) -> list[bytes]:
    return [event async for event in reading]


async def test_events_get_numbers_and_comments_none() -> None:
    kept = KeptStreams()
    source = Source(
        b": ping\n\n", b"data: a\n\nevent: x\ndata: b\n\n", b"data: c\r\n\r\n", b"data: d"
    )
    reading = await begun(kept, source)
    assert await rest(reading) == [
        b"id: 1\ndata: a\n\n",
        b"id: 2\nevent: x\ndata: b\n\n",
        b"id: 3\ndata: c\r\n\r\n",
        b"id: 4\ndata: d",
    ]
    await kept.aclose()


@pytest.mark.parametrize("seen", range(6))
async def test_a_reader_that_comes_back_misses_nothing(seen: int) -> None:
    kept = KeptStreams()
    reading = await begun(kept, Source(*events(5)))
    first = [await anext(reading) for _ in range(seen)]
    await reading.aclose()
    await settled()
    again = await rest(await resumed(kept, seen))
    assert first + again == [b"id: %d\n%b" % (n, e) for n, e in enumerate(events(5), 1)]
    await kept.aclose()


async def test_who_comes_back_reads_what_comes_too() -> None:
    kept, gate = KeptStreams(), asyncio.Event()

    async def frames() -> AsyncGenerator[bytes, None]:
        yield b""
        yield b"data: 1\n\n"
        await gate.wait()
        yield b"data: 2\n\n"

    source = frames()
    await anext(source)
    reading = await kept.begin("req_1", "key_1", source, quiet_seconds=NEVER, quiet=QUIET)
    assert await anext(reading) == b"id: 1\ndata: 1\n\n"
    await reading.aclose()
    again = await resumed(kept, 1)
    following = asyncio.create_task(rest(again))
    await settled()
    gate.set()
    assert await following == [b"id: 2\ndata: 2\n\n"]
    await kept.aclose()


async def test_silence_is_filled() -> None:
    kept = KeptStreams()
    reading = await begun(kept, Source(endless=True), quiet_seconds=0.001)
    assert [await anext(reading), await anext(reading)] == [QUIET, QUIET]
    await reading.aclose()
    await kept.aclose()


async def test_another_key_finds_nothing() -> None:
    kept = KeptStreams()
    await begun(kept, Source(*events(1)))
    with pytest.raises(NotFound):
        await resumed(kept, 0, key_id="key_2")
    kept.stop("req_1", "key_2")
    await (await resumed(kept, 0)).aclose()
    await kept.aclose()


async def test_an_event_that_was_not_there_yet_is_refused() -> None:
    kept = KeptStreams()
    await begun(kept, Source(*events(2)))
    await settled()
    with pytest.raises(InvalidRequest):
        await resumed(kept, 3)
    await kept.aclose()


async def test_a_stream_that_nobody_reads_is_abandoned_after_a_while() -> None:
    kept = KeptStreams(idle_seconds=0.001)
    source = Source(*events(1), endless=True)
    reading = await begun(kept, source)
    assert await anext(reading)
    assert not source.is_closed.is_set()
    await reading.aclose()
    await source.is_closed.wait()
    with pytest.raises(NotFound):
        await resumed(kept, 0)
    assert kept.size == 0


async def test_a_stream_that_is_read_again_in_time_is_not_abandoned() -> None:
    kept = KeptStreams(idle_seconds=0.2)
    source = Source(*events(1), endless=True)
    await (await begun(kept, source)).aclose()
    reading = await resumed(kept, 0)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.4):
            await source.is_closed.wait()
    assert not source.is_closed.is_set()
    await reading.aclose()
    await kept.aclose()


async def test_a_stream_that_is_stopped_ends_at_once_for_its_readers_too() -> None:
    kept = KeptStreams()
    source = Source(endless=True)
    reading = await begun(kept, source)
    following = asyncio.create_task(rest(reading))
    await settled()
    kept.stop("req_1", "key_1")
    assert await following == []
    await source.is_closed.wait()
    await kept.aclose()


@pytest.mark.parametrize("kept", [KeptStreams(most_bytes_each=60), KeptStreams(most_bytes=60)])
async def test_without_a_reader_the_vendor_is_not_read_on_when_the_window_is_full(
    kept: KeptStreams,
) -> None:
    source = Source(*events(100))
    reading = await begun(kept, source)
    await reading.aclose()
    await settled()
    assert source.given < 10
    assert kept.size < 100
    again = await rest(await resumed(kept, 0))
    assert len(again) == 100
    await kept.aclose()


async def test_what_was_given_goes_first_and_is_not_there_any_more() -> None:
    kept = KeptStreams(most_bytes_each=60)
    reading = await begun(kept, Source(*events(100)))
    for _ in range(50):
        await anext(reading)
        await settled()
    await reading.aclose()
    assert kept.size < 100
    with pytest.raises(Conflict):
        await resumed(kept, 1)
    assert (await rest(await resumed(kept, 49)))[0].startswith(b"id: 50\n")
    await kept.aclose()


async def test_streams_that_are_over_make_room() -> None:
    kept = KeptStreams(most_bytes=60)
    await (await begun(kept, Source(*events(4)))).aclose()
    await settled()
    frames = Source(*events(4)).read()
    await anext(frames)
    other = await kept.begin("req_2", "key_1", frames, quiet_seconds=NEVER, quiet=QUIET)
    assert len(await rest(other)) == 4
    with pytest.raises(NotFound):
        await resumed(kept, 0)
    await kept.aclose()


async def test_a_stream_that_is_abandoned_at_once_is_closed() -> None:
    kept = KeptStreams()
    source = Source(endless=True)
    await begun(kept, source)
    await kept.aclose()
    assert source.is_closed.is_set()


def neighbours() -> tuple[KeptStreams, KeptStreams]:
    """Two processes, of which the second asks the first."""
    first = KeptStreams()
    return first, KeptStreams(elsewhere=first.answer)


async def test_a_stream_of_another_process_is_handed_on() -> None:
    first, second = neighbours()
    reading = await begun(first, Source(*events(5)))
    await anext(reading)
    again = await second.resume("req_1", "key_1", 1, quiet_seconds=60, quiet=QUIET)
    assert await rest(again) == [b"id: %d\n%b" % (n, e) for n, e in enumerate(events(5), 1)][1:]
    await reading.aclose()
    await first.aclose()


@pytest.mark.parametrize(
    ("key_id", "after", "error"),
    [("key_2", 0, NotFound), ("key_1", 9, InvalidRequest)],
)
async def test_what_another_process_refuses_is_refused_here(
    key_id: str, after: int, error: type[Exception]
) -> None:
    first, second = neighbours()
    reading = await begun(first, Source(*events(5)))
    assert len(await rest(reading)) == 5
    with pytest.raises(error):
        await second.resume("req_1", key_id, after, quiet_seconds=60, quiet=QUIET)
    await first.aclose()


@pytest.mark.parametrize("question", [b"", b"nonsense", b"{}"])
async def test_a_question_that_is_none_is_not_answered(question: bytes) -> None:
    assert await KeptStreams().answer(question) is None


async def test_a_process_that_dies_amid_its_answer_has_no_stream() -> None:
    async def dying() -> AsyncGenerator[bytes, None]:
        yield b'{"refus'

    async def elsewhere(_question: bytes) -> AsyncGenerator[bytes, None]:
        return dying()

    kept = KeptStreams(elsewhere=elsewhere)
    with pytest.raises(NotFound):
        await kept.resume("req_1", "key_1", 0, quiet_seconds=60, quiet=QUIET)
