"""What vendors of OpenAI's protocol send, in whichever pieces it arrives."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.chat import ChatDelta, ChatRequest, Message, TokenUsage, Wire, WireDelta
from headgate.core.models import ProviderBroke
from headgate.providers.openai import BYTES_PER_TOKEN, OpenAIStream, from_wire
from scripted_http import ScriptedStream
from wire.openai_bodies import ANSWERS, STREAMS, Streamed, Whole

PLAIN = ChatRequest(model="m", messages=(Message("user", "12345678"),), stream=True)
BODY = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"hello"}]}'
FORWARDED = ChatRequest(
    model="m", messages=(Message("user", "hello"),), stream=True, wire=Wire("openai", BODY)
)

each_stream = pytest.mark.parametrize("case", STREAMS, ids=lambda case: case.vendor)
each_answer = pytest.mark.parametrize("case", ANSWERS, ids=lambda case: case.vendor)


def cut(body: bytes, *places: int) -> list[bytes]:
    bounds = [0, *sorted(places), len(body)]
    return [body[start:end] for start, end in itertools.pairwise(bounds)]


async def forwarded(pieces: list[bytes]) -> tuple[bytes, TokenUsage | None, bytes]:
    """The bytes for a caller of the same protocol, the count, and the ending."""
    stream = OpenAIStream(ScriptedStream(pieces), FORWARDED)
    frames = [piece.frames async for piece in stream if isinstance(piece, WireDelta)]
    assert all(block.endswith(b"\n\n") for block in frames)
    return b"".join(frames), stream.usage(), stream.ending()


async def translated(pieces: list[bytes]) -> tuple[list[ChatDelta], TokenUsage | None]:
    stream = OpenAIStream(ScriptedStream(pieces), PLAIN)
    return [piece async for piece in stream if isinstance(piece, ChatDelta)], stream.usage()


@each_stream
async def test_a_caller_of_the_protocol_gets_the_vendors_frames(case: Streamed) -> None:
    """Byte for byte, but for the usage and the end mark, which follow the settlement."""
    assert await forwarded([case.body]) == (case.forwarded, case.usage, case.ending)


@each_stream
async def test_frames_cut_at_any_one_byte_are_the_same_frames(case: Streamed) -> None:
    for place in range(len(case.body)):
        assert await forwarded(cut(case.body, place)) == (case.forwarded, case.usage, case.ending)


@each_stream
async def test_frames_that_arrive_byte_by_byte_are_the_same_frames(case: Streamed) -> None:
    pieces = cut(case.body, *range(len(case.body)))
    assert await forwarded(pieces) == (case.forwarded, case.usage, case.ending)


@each_stream
async def test_line_ends_of_two_characters_are_understood_at_any_cut(case: Streamed) -> None:
    body = case.body.replace(b"\n", b"\r\n")
    for place in range(len(body)):
        assert await forwarded(cut(body, place)) == (case.forwarded, case.usage, case.ending)


@given(data=st.data())
async def test_any_cut_of_any_stream_means_the_same(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(STREAMS))
    places = data.draw(st.lists(st.integers(0, len(case.body)), max_size=12))
    pieces = cut(case.body, *places)
    assert await forwarded(pieces) == (case.forwarded, case.usage, case.ending)
    assert await translated(pieces) == await translated([case.body])


@each_stream
async def test_another_caller_gets_the_meaning(case: Streamed) -> None:
    deltas, usage = await translated([case.body])
    assert "".join(delta.text for delta in deltas) == case.text
    calls = [call for delta in deltas for call in delta.tool_calls]
    assert tuple((call.name, call.arguments) for call in calls) == case.tools
    assert [call.index for call in calls] == list(range(len(case.tools)))
    assert usage == case.usage


@each_stream
async def test_every_stream_that_is_cut_short_is_broken(case: Streamed) -> None:
    """A stream is whole with its end mark only; the count of a broken one is no final count."""
    end = case.body.index(b"data:[DONE]" if b"data:[DONE]" in case.body else b"data: [DONE]\n")
    for length in range(0, end, 7):
        for request in (PLAIN, FORWARDED):
            stream = OpenAIStream(ScriptedStream([case.body[:length]]), request)
            with pytest.raises(ProviderBroke):
                _ = [piece async for piece in stream]
            assert stream.received_tokens() >= 0


@each_answer
def test_a_whole_answer_is_understood(case: Whole) -> None:
    response = from_wire(PLAIN, case.body)
    assert response.content == case.text
    assert response.finish_reason == case.finish_reason
    assert tuple((call.name, call.arguments) for call in response.tool_calls) == case.tools
    assert response.id
    assert response.wire == Wire("openai", case.body)


@each_answer
def test_a_whole_answers_tokens_are_the_vendors_or_an_estimate(case: Whole) -> None:
    response = from_wire(PLAIN, case.body)
    assert response.estimated == (case.usage is None)
    if case.usage is not None:
        assert response.usage == case.usage
    else:
        assert response.usage.output_tokens == math.ceil(len(case.text) / BYTES_PER_TOKEN)
        assert response.usage.input_tokens > 0
