"""Streams that are written down while they pass."""

import contextlib

import pytest

from fakes import USAGE, FakeStream
from headgate.core.cache import LARGEST_VALUE
from headgate.core.chat import ChatDelta, WireDelta
from headgate.core.models import ChatStream, ProviderBroke
from headgate.gateway.recordings import RecordedStream, Recording, RecordingStream

PIECES: list[ChatDelta | WireDelta] = [
    ChatDelta(text="a "),
    WireDelta(b"data: b\n\n"),
    ChatDelta(finish_reason="stop"),
]


class Kept(list[Recording]):
    async def keep(self, recording: Recording) -> None:
        self.append(recording)


async def read(stream: ChatStream) -> list[ChatDelta | WireDelta]:
    return [piece async for piece in stream]


async def test_a_stream_that_ends_well_is_kept_and_given_again_as_it_came() -> None:
    kept = Kept()
    stream = RecordingStream(FakeStream([*PIECES, USAGE]), kept.keep)
    assert await read(stream) == PIECES
    await stream.keep()
    (recording,) = kept
    again = RecordedStream(recording)
    assert await read(again) == PIECES
    assert again.usage() == stream.usage() == USAGE
    assert again.input_usage() == stream.input_usage()
    assert again.received_tokens() == stream.received_tokens()
    assert again.ending() == stream.ending()


async def test_a_stream_that_breaks_off_is_not_kept() -> None:
    kept = Kept()
    stream = RecordingStream(FakeStream([*PIECES, ProviderBroke("gone")]), kept.keep)
    with pytest.raises(ProviderBroke):
        await read(stream)
    await stream.keep()
    assert not kept


async def test_a_stream_that_is_left_is_stopped_and_not_kept() -> None:
    kept, vendor = Kept(), FakeStream([*PIECES, USAGE])
    async with contextlib.aclosing(RecordingStream(vendor, kept.keep)) as stream:
        await anext(aiter(stream))
    assert vendor.is_closed
    await stream.keep()
    assert not kept


async def test_a_stream_that_is_too_long_passes_and_is_not_kept() -> None:
    kept = Kept()
    long: list[ChatDelta | WireDelta] = [
        WireDelta(b"x" * LARGEST_VALUE),
        ChatDelta(text="x"),
        ChatDelta(text="y"),
    ]
    stream = RecordingStream(FakeStream([*long, USAGE]), kept.keep)
    assert await read(stream) == long
    await stream.keep()
    assert not kept


async def test_a_recording_that_is_left_gives_no_more() -> None:
    kept = Kept()
    recording = RecordingStream(FakeStream([*PIECES, USAGE]), kept.keep)
    await read(recording)
    await recording.keep()
    stream = RecordedStream(kept[0])
    await anext(aiter(stream))
    await stream.aclose()
    assert await read(stream) == []
