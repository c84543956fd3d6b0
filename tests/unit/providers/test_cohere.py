"""Cohere as a vendor; the bodies are in the shapes that its documentation shows."""

from typing import Any

import msgspec
import pytest

from headgate.core.chat import (
    ChatDelta,
    ChatRequest,
    Document,
    Image,
    Message,
    Reasoning,
    Text,
    Thinking,
    TokenUsage,
    Tool,
    ToolCall,
    ToolCallDelta,
    data_url,
)
from headgate.core.embeddings import EmbeddingRequest
from headgate.core.models import (
    ProviderBroke,
    ProviderError,
    ProviderRefused,
    ProviderTimedOut,
    ProviderUnreachable,
)
from headgate.providers.cohere import (
    DEFAULT_OUTPUT_TOKENS,
    IMAGE_TOKENS,
    CohereProvider,
    CohereStream,
    CohereVendor,
    embedding_to_wire,
    error_from,
    from_wire,
)
from headgate.transport.http import HttpBroke, HttpResponse, HttpTimedOut, HttpUnreachable
from scripted_http import Piece, ScriptedClient, ScriptedStream

VENDOR = CohereVendor(
    name="cohere",
    base_url="https://api.example/",
    api_key="secret-key",
    catalog=frozenset({"command-small"}),
    recognises=lambda model: model.startswith("command-small-"),
    output_tokens={"command": 4_096, "command-a": 8_192},
)
PLAIN = ChatRequest(model="command-small", messages=(Message("user", "hello"),))
THINKS = msgspec.structs.replace(PLAIN, reasoning=Reasoning("auto"))
USAGE = {
    "billed_units": {"input_tokens": 4.0, "output_tokens": 5.0},
    "tokens": {"input_tokens": 494.0, "output_tokens": 5.0},
}
COUNTED = TokenUsage(4, 5)


def body(
    *content: dict[str, Any], finish: str = "COMPLETE", usage: Any = USAGE, **message: Any
) -> bytes:
    turn = {"role": "assistant", "content": content, **message}
    return msgspec.json.encode(
        {"id": "c", "finish_reason": finish, "message": turn, "usage": usage}
    )


def call(name: str, arguments: str | None = '{"q":1}') -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"id": name, "type": "function", "function": function}


def test_an_answer_with_thoughts_and_texts() -> None:
    given = body({"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "one"})
    answer = from_wire(THINKS, given)
    assert (answer.id, answer.model, answer.content) == ("c", "command-small", "one")
    assert (answer.finish_reason, answer.usage, answer.estimated) == ("stop", COUNTED, False)
    assert answer.thinking == (Thinking("hm", "cohere:"),)
    assert from_wire(PLAIN, given).thinking == ()


def test_an_answer_with_a_plan_and_calls() -> None:
    given = body(finish="TOOL_CALL", tool_plan="look", tool_calls=[call("f"), call("g", None)])
    answer = from_wire(PLAIN, given)
    assert (answer.content, answer.finish_reason) == ("look", "tool_calls")
    assert answer.tool_calls == (ToolCall("f", "f", '{"q":1}'), ToolCall("g", "g", "{}"))


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        ("COMPLETE", "stop"),
        ("STOP_SEQUENCE", "stop"),
        ("MAX_TOKENS", "length"),
        ("ERROR_TOXIC", "content_filter"),
        ("SOMETHING_NEW", "stop"),
    ],
)
def test_why_an_answer_ended(finish: str, reason: str) -> None:
    answer = from_wire(PLAIN, body({"type": "text", "text": "x"}, finish=finish))
    assert (answer.finish_reason, answer.stop_sequence) == (reason, None)


def test_the_only_stop_is_the_one_that_it_was() -> None:
    given = body(finish="STOP_SEQUENCE")
    for stop, told in ((("x",), "x"), (("x", "y"), None)):
        request = msgspec.structs.replace(PLAIN, stop=stop)
        assert from_wire(request, given).stop_sequence == told


@pytest.mark.parametrize("data", [b"{}", b"", body(finish="ERROR")])
def test_what_is_no_whole_answer_breaks(data: bytes) -> None:
    with pytest.raises(ProviderBroke):
        from_wire(PLAIN, data)


def test_an_answer_that_took_too_long_says_so() -> None:
    with pytest.raises(ProviderTimedOut):
        from_wire(PLAIN, body(finish="TIMEOUT"))


def test_an_answer_without_a_count_is_estimated() -> None:
    answer = from_wire(PLAIN, body({"type": "text", "text": "x" * 400}, usage=None))
    assert answer.estimated
    assert answer.usage.output_tokens >= 100


# Streams.


def event(name: str, index: int | None = None, **delta: Any) -> bytes:
    content: dict[str, Any] = {"type": name}
    if index is not None:
        content["index"] = index
    if delta:
        content["delta"] = delta
    return f"event: {name}\ndata: ".encode() + msgspec.json.encode(content) + b"\n\n"


def content(name: str, index: int, **piece: Any) -> bytes:
    return event(name, index, message={"content": piece})


def tool(name: str, index: int, **piece: Any) -> bytes:
    return event(name, index, message={"tool_calls": piece})


def end(reason: str = "COMPLETE") -> bytes:
    return event("message-end", finish_reason=reason, usage=USAGE)


EVENTS = (
    event("message-start", message={"role": "assistant", "content": [], "tool_calls": []}),
    content("content-start", 0, type="thinking", thinking=""),
    content("content-delta", 0, thinking="hm"),
    event("content-end", 0),
    content("content-start", 1, type="text", text=""),
    content("content-delta", 1, text="one"),
    event("content-end", 1),
    event("citation-start", 0, message={"citations": {"start": 1}}),
    event("tool-plan-delta", message={"tool_plan": "look"}),
    tool("tool-call-start", 2, **call("f", "")),
    tool("tool-call-delta", 2, function={"arguments": '{"q":'}),
    tool("tool-call-delta", 2, function={"arguments": "1}"}),
    event("tool-call-end", 2),
    tool("tool-call-start", 3, **call("g", "")),
    event("tool-call-end", 3),
    end("TOOL_CALL"),
    b"data: [DONE]\n\n",
)
DELTAS = [
    ChatDelta(thinking=Thinking("hm")),
    ChatDelta(thinking=Thinking(signature="cohere:")),
    ChatDelta(text="one"),
    ChatDelta(text="look"),
    ChatDelta(tool_calls=(ToolCallDelta(0, "f", "f"),)),
    ChatDelta(tool_calls=(ToolCallDelta(0, arguments='{"q":'),)),
    ChatDelta(tool_calls=(ToolCallDelta(0, arguments="1}"),)),
    ChatDelta(tool_calls=(ToolCallDelta(1, "g", "g"),)),
    ChatDelta(tool_calls=(ToolCallDelta(1, arguments="{}"),)),
    ChatDelta(finish_reason="tool_calls"),
]


def streamed(*pieces: Piece, request: ChatRequest = THINKS, **options: Any) -> CohereStream:
    return CohereStream(ScriptedStream(pieces, **options), request)


async def read(stream: CohereStream) -> list[ChatDelta]:
    return [piece async for piece in stream if isinstance(piece, ChatDelta)]


@pytest.mark.parametrize("size", [1, 7, 100_000])
async def test_a_stream_is_the_same_in_whichever_pieces_it_comes(size: int) -> None:
    whole = b"".join(EVENTS)
    stream = streamed(*(whole[at : at + size] for at in range(0, len(whole), size)))
    assert await read(stream) == DELTAS
    assert (stream.usage(), stream.input_usage(), stream.ending()) == (COUNTED, None, b"")


async def test_thoughts_are_for_those_who_asked_and_count_in_any_case() -> None:
    stream = streamed(*EVENTS, request=PLAIN)
    assert await read(stream) == DELTAS[2:]
    assert stream.received_tokens() == 5


async def test_arguments_may_come_with_the_beginning_of_a_call() -> None:
    head = tool("tool-call-start", 0, **call("f", '{"q":1}'))
    (first, _) = await read(streamed(head, event("tool-call-end", 0), end()))
    pieces = (ToolCallDelta(0, "f", "f"), ToolCallDelta(0, arguments='{"q":1}'))
    assert first.tool_calls == pieces


async def test_pieces_of_nothing_are_left_aside() -> None:
    strange = (
        event("content-delta", 0),
        event("tool-call-start", 0),
        tool("tool-call-delta", 9, function={"arguments": "x"}),
        event("tool-call-end", 9),
        event("content-end", 0),
        b": comment\n\n",
        event("something-new", 0),
    )
    assert await read(streamed(*strange, end())) == [ChatDelta(finish_reason="stop")]


async def test_a_stream_that_breaks_off_has_no_count() -> None:
    for pieces in (EVENTS[:6], (*EVENTS[:6], HttpBroke("gone"))):
        stream = streamed(*pieces)
        with pytest.raises(ProviderBroke):
            await read(stream)
        assert stream.usage() is None
        assert stream.received_tokens() == 2


async def test_a_stream_that_the_vendor_gives_up_breaks() -> None:
    with pytest.raises(ProviderBroke):
        await read(streamed(*EVENTS[:6], end("ERROR")))
    with pytest.raises(ProviderTimedOut):
        await read(streamed(*EVENTS[:6], end("TIMEOUT")))
    with pytest.raises(ProviderRefused, match="limit"):
        await read(streamed(b"", status=429))


async def test_a_stream_that_is_left_is_closed() -> None:
    scripted = ScriptedStream(EVENTS)
    stream = CohereStream(scripted, PLAIN)
    async for _ in stream:
        break
    await stream.aclose()
    assert scripted.is_closed
    assert not scripted.is_read


# What the vendor's failures mean.


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid"),
        (401, "unauthorized"),
        (402, "unauthorized"),
        (403, "unauthorized"),
        (404, "not_found"),
        (422, "invalid"),
        (429, "rate_limited"),
        (498, "unauthorized"),
        (500, "failed"),
        (503, "overloaded"),
    ],
)
def test_a_status_says_why_the_vendor_refused(status: int, kind: str) -> None:
    for text in (b'{"message":"the secret word"}', b"<html>the secret word", b""):
        error = error_from(status, {"retry-after": "7"}, text)
        assert isinstance(error, ProviderRefused)
        assert error.kind == kind
        assert ("secret word" in error.message) == (kind == "invalid" and text[:1] == b"{")
        if status == 429:
            assert error.retry_after_seconds == 7.0


@pytest.mark.parametrize("status", [408, 504])
def test_a_vendor_that_says_it_was_too_slow_may_bill_all_the_same(status: int) -> None:
    assert isinstance(error_from(status, {}, b""), ProviderTimedOut)


def test_an_input_that_is_too_long_says_so() -> None:
    text = b'{"message":"too many tokens: size limit exceeded by 7 tokens."}'
    error = error_from(400, {}, text)
    assert isinstance(error, ProviderRefused)
    assert (error.kind, error.param) == ("context_length", "messages")


# The vendor.


def answers(data: bytes) -> HttpResponse:
    return HttpResponse(200, {}, data)


async def test_calls_show_their_key_in_the_head_alone() -> None:
    client = ScriptedClient(answers(body()), ScriptedStream(EVENTS))
    provider = CohereProvider(VENDOR, client)
    await provider.complete(PLAIN, idempotency_key="once")
    streams = msgspec.structs.replace(PLAIN, stream=True)
    await read(provider.stream(streams, idempotency_key="once"))
    for sent, is_stream in zip(client.sent, (False, True), strict=True):
        assert sent.url == "https://api.example/v2/chat"
        assert sent.headers["authorization"] == "Bearer secret-key"
        assert sent.headers["idempotency-key"] == "once"
        assert msgspec.json.decode(sent.body)["stream"] == is_stream
    assert "secret-key" not in f"{VENDOR!r}"


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (HttpUnreachable("x"), ProviderUnreachable),
        (HttpTimedOut("x"), ProviderTimedOut),
        (HttpBroke("x"), ProviderBroke),
        (HttpResponse(503, {}, b""), ProviderRefused),
    ],
)
async def test_a_call_that_fails(failure: Any, kind: type[ProviderError]) -> None:
    provider = CohereProvider(VENDOR, ScriptedClient(failure, failure, failure))
    with pytest.raises(kind):
        await provider.complete(PLAIN, idempotency_key="once")
    with pytest.raises(kind):
        await provider.check()
    with pytest.raises(kind):
        await provider.embed(EmbeddingRequest(model="e", input=("a",)), idempotency_key="x")


async def test_the_doctor_learns_that_the_key_is_wrong() -> None:
    client = ScriptedClient(answers(b'{"models":[]}'), HttpResponse(401, {}, b""))
    provider = CohereProvider(VENDOR, client)
    await provider.check()
    with pytest.raises(ProviderRefused, match="credential"):
        await provider.check()


async def test_texts_become_vectors_in_their_order() -> None:
    given = {"id": "e", "embeddings": {"float": [[1, 0], [0, 1]]}}
    counted = given | {"meta": {"billed_units": {"input_tokens": 3}}}
    bodies = [given, counted, {"embeddings": {"float": []}}, {"embeddings": []}]
    client = ScriptedClient(*(answers(msgspec.json.encode(item)) for item in bodies))
    provider = CohereProvider(VENDOR, client)
    request = EmbeddingRequest(model="e", input=("a", "b"), dimensions=2)
    estimated = await provider.embed(request, idempotency_key="once")
    assert estimated.vectors == ((1.0, 0.0), (0.0, 1.0))
    assert (estimated.estimated, estimated.usage.input_tokens > 0) == (True, True)
    assert (await provider.embed(request, idempotency_key="x")).usage == TokenUsage(3)
    for _ in range(2):
        with pytest.raises(ProviderBroke):
            await provider.embed(request, idempotency_key="once")
    assert msgspec.json.decode(client.sent[0].body) == {
        "model": "e",
        "texts": ["a", "b"],
        "input_type": "search_document",
        "embedding_types": ["float"],
        "truncate": "NONE",
        "output_dimension": 2,
    }
    assert client.sent[0].headers["idempotency-key"] == "once"


async def test_more_texts_than_one_call_takes_are_embedded_by_several_in_their_order() -> None:
    def given(first: int, texts: int) -> HttpResponse:
        vectors = [[first + number] for number in range(texts)]
        usage = {"billed_units": {"input_tokens": texts}}
        return answers(msgspec.json.encode({"embeddings": {"float": vectors}, "meta": usage}))

    client = ScriptedClient(given(0, 96), given(96, 2))
    found = await CohereProvider(VENDOR, client).embed(
        EmbeddingRequest(model="e", input=("a",) * 98), idempotency_key="once"
    )
    assert found.vectors == tuple((float(number),) for number in range(98))
    assert (found.usage, found.estimated) == (TokenUsage(98), False)
    assert [sent.headers["idempotency-key"] for sent in client.sent] == ["once-0", "once-1"]


def test_tokens_of_another_vendor_cannot_be_embedded() -> None:
    with pytest.raises(ProviderRefused) as refusal:
        embedding_to_wire(EmbeddingRequest(model="e", input=((1, 2),)))
    assert refusal.value.param == "input"


async def test_the_input_is_bounded_by_bytes_and_by_what_pictures_can_count() -> None:
    provider = CohereProvider(VENDOR, ScriptedClient())

    def ceiling(*parts: Any, **fields: Any) -> int:
        message = Message("user", parts)
        request = ChatRequest(model="command-small", messages=(message,), **fields)
        return provider.input_ceiling(request)

    plain = ceiling(Text("hello"))
    assert plain > len("hello")
    assert ceiling(Text("hello"), Image("x")) >= plain + IMAGE_TOKENS
    assert ceiling(Text("hello"), Document(data_url("text/plain", "aGVsbG8="))) >= plain + 5
    assert ceiling(Text("hello"), tools=(Tool("f"),)) > plain
    assert provider.embedding_ceiling(EmbeddingRequest(model="e", input=("abc",))) > 3
    assert await provider.count_tokens(PLAIN) < provider.input_ceiling(PLAIN)


def test_the_output_is_bounded_by_the_longest_name_that_fits() -> None:
    provider = CohereProvider(VENDOR, ScriptedClient())
    models = ("command-small", "command-a-1", "other")
    ceilings = [provider.output_ceiling(msgspec.structs.replace(PLAIN, model=m)) for m in models]
    assert ceilings == [4_096, 8_192, DEFAULT_OUTPUT_TOKENS]


async def test_models_are_those_of_the_catalog_and_what_is_recognised() -> None:
    provider = CohereProvider(VENDOR, ScriptedClient())
    await provider.refresh()
    assert provider.models() == ["command-small"]
    assert provider.serves("command-small-2")
    assert not provider.serves("gpt-4o")


async def test_it_can_be_called_with_another_key() -> None:
    client = ScriptedClient(*[answers(b'{"models":[]}')] * 2)
    platforms = CohereProvider(VENDOR, client)
    await platforms.with_key("another-key").check()
    await platforms.check()
    given = [call.headers["authorization"] for call in client.sent]
    assert given == ["Bearer another-key", f"Bearer {VENDOR.api_key}"]
