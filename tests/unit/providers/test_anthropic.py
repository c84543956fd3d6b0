"""Anthropic as a vendor; the events are in the shapes that its documentation shows."""

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.chat import (
    ChatDelta,
    ChatRequest,
    Document,
    Image,
    Message,
    Text,
    Thinking,
    TokenUsage,
    Tool,
    ToolCall,
    Wire,
    WireDelta,
)
from headgate.core.embeddings import EmbeddingRequest
from headgate.core.models import (
    ProviderBroke,
    ProviderError,
    ProviderRefused,
    ProviderTimedOut,
    ProviderUnreachable,
)
from headgate.core.protocols.anthropic import MessagesRequest, chat_request
from headgate.providers.anthropic import (
    DEFAULT_OUTPUT_TOKENS,
    DOCUMENT_TOKENS,
    IMAGE_TOKENS,
    VERSION,
    AnthropicProvider,
    AnthropicStream,
    AnthropicVendor,
    count_to_wire,
    error_from,
    from_wire,
    to_wire,
)
from headgate.transport.http import (
    HttpBroke,
    HttpError,
    HttpResponse,
    HttpTimedOut,
    HttpUnreachable,
)
from scripted_http import Piece, ScriptedClient, ScriptedStream

VENDOR = AnthropicVendor(
    name="anthropic",
    base_url="https://api.example/",
    api_key="sk-ant-secret-key",
    catalog=frozenset({"claude-small", "claude-large"}),
    recognises=lambda model: model.startswith("claude-small-"),
    output_tokens={"claude-3": 4_096, "claude-3-7": 64_000},
)
PLAIN = ChatRequest(model="claude-small", messages=(Message("user", "hello"),))
STREAMED = msgspec.structs.replace(PLAIN, stream=True)


def came(text: str, headers: dict[str, str] | None = None) -> ChatRequest:
    """The request of a caller of the protocol."""
    body = text.encode()
    return chat_request(msgspec.json.decode(body, type=MessagesRequest), body, headers)


BODY = '{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hello"}],"stream":true}'
FORWARDED = came(BODY)


def event(name: str, data: str) -> bytes:
    return f"event: {name}\ndata: {data}\n\n".encode()


START = event(
    "message_start",
    '{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",'
    '"model":"claude-small","content":[],"stop_reason":null,"stop_sequence":null,"usage":'
    '{"input_tokens":10,"cache_creation_input_tokens":30,"cache_read_input_tokens":50,'
    '"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20},'
    '"output_tokens":2,"service_tier":"standard"}}}',
)
PING = event("ping", '{"type": "ping"}')
CONTENT = b"".join(
    (
        event(
            "content_block_start",
            '{"type":"content_block_start","index":0,"content_block":{"type":"thinking",'
            '"thinking":"","signature":""}}',
        ),
        event(
            "content_block_delta",
            '{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta",'
            '"thinking":"hm"}}',
        ),
        event(
            "content_block_delta",
            '{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta",'
            '"signature":"sig"}}',
        ),
        event("content_block_stop", '{"type":"content_block_stop","index":0}'),
        event(
            "content_block_start",
            '{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}',
        ),
        PING,
        event(
            "content_block_delta",
            '{"type":"content_block_delta","index":1,"delta":{"type":"text_delta",'
            '"text":"Grüße, event: message_stop \\"error\\""}}',
        ),
        event("content_block_stop", '{"type":"content_block_stop","index":1}'),
        event(
            "content_block_start",
            '{"type":"content_block_start","index":2,"content_block":{"type":"tool_use",'
            '"id":"toolu_1","name":"search","input":{}}}',
        ),
        event(
            "content_block_delta",
            '{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta",'
            '"partial_json":"{\\"q\\": 1}"}}',
        ),
        event("content_block_stop", '{"type":"content_block_stop","index":2}'),
    )
)
ENDING = event(
    "message_delta",
    '{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},'
    '"usage":{"output_tokens":25,"output_tokens_details":{"thinking_tokens":5}}}',
) + event("message_stop", '{"type":"message_stop"}')
WHOLE = START + PING + CONTENT + ENDING
USAGE = TokenUsage(
    90,
    25,
    cached_input_tokens=50,
    cache_write_tokens=30,
    reasoning_tokens=5,
    cache_write_1h_tokens=20,
)


# What the vendor is sent.


def test_a_body_is_forwarded_with_only_the_model_changed() -> None:
    """Fields that nobody here knows arrive, and so does what is written oddly inside of one."""
    request = came(
        '{ "messages": [{"role":"user","content":"a", "x":1.50}], "model": "m",'
        ' "unknown": {"a":1, "a":[2 ]}, "temperature": 0.10, "max_tokens": 9}'
    )
    sent = to_wire(msgspec.structs.replace(request, model="there"), 64)
    assert sent == (
        b'{"messages":[{"role":"user","content":"a", "x":1.50}],"model":"there",'
        b'"unknown":{"a":1, "a":[2 ]},"temperature":0.10,"max_tokens":9}'
    )


def test_what_only_the_vendor_has_is_forwarded() -> None:
    request = came(
        '{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"a"}],'
        '"tools":[{"type":"bash_20250124","name":"bash"}]}'
    )
    assert request.native
    assert msgspec.json.decode(to_wire(request, 64))["tools"][0]["type"] == "bash_20250124"


def test_a_request_in_other_words_is_translated_and_always_has_a_limit() -> None:
    for limit, sent in ((None, 64), (9, 9)):
        request = msgspec.structs.replace(PLAIN, max_tokens=limit, wire=Wire("openai", b"{}"))
        assert msgspec.json.decode(to_wire(request, 64)) == {
            "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
            "max_tokens": sent,
            "model": "claude-small",
        }
    assert msgspec.json.decode(to_wire(STREAMED, 64))["stream"] is True


def test_a_count_is_asked_for_in_the_callers_words_or_in_ours() -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"a"}],"unknown":1}'
    asked = msgspec.structs.replace(PLAIN, wire=Wire("anthropic", body))
    assert msgspec.json.decode(count_to_wire(asked, 64)) == {
        "model": "claude-small",
        "messages": [{"role": "user", "content": "a"}],
        "unknown": 1,
    }
    assert msgspec.json.decode(count_to_wire(PLAIN, 64)).keys() == {"model", "messages"}


# What it costs at most.

texts = st.text(st.characters(codec="utf-8"), max_size=40)
conversations = st.builds(
    ChatRequest,
    model=st.just("m"),
    messages=st.lists(
        st.builds(
            Message,
            role=st.sampled_from(["system", "user", "assistant"]),
            content=texts
            | st.lists(st.builds(Text, texts) | st.builds(Thinking, texts), max_size=3).map(tuple),
            tool_calls=st.lists(st.builds(ToolCall, texts, texts, texts), max_size=2).map(tuple),
        ),
        min_size=1,
        max_size=4,
    ).map(tuple),
    tools=st.lists(st.builds(Tool, texts, texts), max_size=2).map(tuple),
)


def bytes_read(request: ChatRequest) -> int:
    """Tokens under a tokenizer without merges, with a mark before and after each turn."""
    size = 0
    for message in request.messages:
        parts = [message.text]
        parts += [p.text for p in message.content if isinstance(p, Thinking)]
        for call in message.tool_calls:
            parts += [call.name, call.arguments]
        size += 4 + sum(len(part.encode()) for part in parts)
    return size + sum(len((t.name + t.description).encode()) for t in request.tools)


@given(conversations)
def test_no_tokenizer_counts_more_than_the_ceiling(request: ChatRequest) -> None:
    provider = AnthropicProvider(VENDOR, ScriptedClient())
    assert provider.input_ceiling(request) >= bytes_read(request)


def test_images_and_documents_count_their_maximum_and_not_their_bytes() -> None:
    provider = AnthropicProvider(VENDOR, ScriptedClient())
    data = "A" * 100_000
    parts = (
        Image(f"data:image/png;base64,{data}"),
        Document(f"data:application/pdf;base64,{data}"),
    )
    request = ChatRequest(model="m", messages=(Message("user", parts),))
    as_sent = came(
        '{"model":"m","max_tokens":9,"messages":[{"role":"user","content":['
        f'{{"type":"image","source":{{"type":"base64","media_type":"image/png","data":"{data}"}}}},'
        '{"type":"document","source":{"type":"base64","media_type":"application/pdf",'
        f'"data":"{data}"}}}}]}}]}}'
    )
    most = IMAGE_TOKENS + DOCUMENT_TOKENS
    for one in (request, as_sent):
        assert most < provider.input_ceiling(one) < most + 1_000


def test_the_vendors_own_tools_count_a_description_that_nobody_sent() -> None:
    provider = AnthropicProvider(VENDOR, ScriptedClient())

    def ceiling(*tools: Tool) -> int:
        return provider.input_ceiling(msgspec.structs.replace(PLAIN, tools=tools))

    own, vendors = Tool("f", parameters={"type": "object"}), Tool("f")
    assert ceiling() < ceiling(own) < ceiling(own, own) < ceiling(vendors)


def test_the_output_is_bounded_by_the_longest_name_that_fits() -> None:
    provider = AnthropicProvider(VENDOR, ScriptedClient())
    models = ("claude-3-opus", "claude-3-7-sonnet-latest", "claude-future")
    ceilings = [provider.output_ceiling(msgspec.structs.replace(PLAIN, model=m)) for m in models]
    assert ceilings == [4_096, 64_000, DEFAULT_OUTPUT_TOKENS]


def test_models_are_those_of_the_catalog_and_what_is_recognised() -> None:
    provider = AnthropicProvider(VENDOR, ScriptedClient())
    assert provider.models() == ["claude-large", "claude-small"]
    assert provider.serves("claude-small-20990101")
    assert not provider.serves("gpt-4o")


# What the vendor's failures mean.


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (307, "failed"),
        (400, "invalid"),
        (401, "unauthorized"),
        (402, "unauthorized"),
        (403, "unauthorized"),
        (404, "not_found"),
        (413, "invalid"),
        (429, "rate_limited"),
        (500, "failed"),
        (503, "overloaded"),
        (529, "overloaded"),
    ],
)
@pytest.mark.parametrize(
    "body",
    [
        b'{"type":"error","error":{"type":"api_error","message":"the secret word"}}',
        b'{"error":"the secret word"}',
        b"<html><h1>the secret word</h1></html>",
        b"",
    ],
)
def test_a_status_says_why_the_vendor_refused(status: int, kind: str, body: bytes) -> None:
    error = error_from(status, {"retry-after": "7"}, body)
    assert isinstance(error, ProviderRefused)
    assert error.kind == kind
    assert error.retry_after_seconds == (7.0 if status in {401, 403, 404, 429, 503, 529} else None)
    # The caller gets the vendor's words only where they are about the caller's own request.
    if kind != "invalid":
        assert "secret word" not in error.message
    assert error.message


@pytest.mark.parametrize("status", [408, 504])
def test_a_vendor_that_says_it_was_too_slow_may_bill_all_the_same(status: int) -> None:
    assert isinstance(error_from(status, {}, b""), ProviderTimedOut)


def fault(kind: str, message: str) -> bytes:
    return msgspec.json.encode({"type": "error", "error": {"type": kind, "message": message}})


def test_an_input_that_is_too_long_says_so() -> None:
    body = fault("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum")
    error = error_from(400, {}, body)
    assert isinstance(error, ProviderRefused)
    assert (error.kind, error.param) == ("context_length", "messages")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, fault("invalid_request_error", "Your credit balance is too low to access the API.")),
        (403, fault("billing_error", "There is an issue with your billing.")),
    ],
)
def test_an_empty_account_is_the_platforms_own_matter(status: int, body: bytes) -> None:
    error = error_from(status, {}, body)
    assert isinstance(error, ProviderRefused)
    assert error.kind == "unauthorized"
    assert "credit" not in error.message
    assert "billing" not in error.message


def test_a_refusal_of_the_request_is_told_without_secrets() -> None:
    body = fault("invalid_request_error", "max_tokens: 99 > 64 for sk-ant-secret-key-1234567")
    error = error_from(400, {}, body)
    assert error.message == "max_tokens: 99 > 64 for [removed]"


# Whole answers.


def test_a_whole_answer_is_understood() -> None:
    body = msgspec.json.encode(
        {
            "id": "msg_1",
            "type": "message",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "sig"},
                {"type": "text", "text": "one"},
                {"type": "text", "text": " two"},
                {"type": "tool_use", "id": "t1", "name": "f", "input": msgspec.Raw(b'{"n": 1.50}')},
            ],
            "stop_reason": "tool_use",
            "stop_sequence": None,
            "usage": {"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 3},
        }
    )
    response = from_wire(PLAIN, body)
    assert (response.id, response.model, response.content) == ("msg_1", "claude-small", "one two")
    assert response.thinking == (Thinking("hm", "sig"),)
    assert response.tool_calls == (ToolCall("t1", "f", '{"n": 1.50}'),)
    assert response.finish_reason == "tool_calls"
    assert response.usage == TokenUsage(15, 3, cached_input_tokens=5)
    assert response.wire == Wire("anthropic", body)
    assert not response.estimated


def test_a_refusal_and_an_answer_without_a_count_are_understood() -> None:
    body = (
        b'{"content":[],"stop_reason":"refusal","stop_details":{"type":"refusal",'
        b'"explanation":"I will not"}}'
    )
    response = from_wire(PLAIN, body)
    assert (response.finish_reason, response.refusal) == ("content_filter", "I will not")
    assert response.estimated
    assert response.usage.input_tokens > 0


async def test_a_vendor_can_be_called_with_another_key() -> None:
    client = ScriptedClient(*[HttpResponse(200, {}, b'{"content":[]}')] * 2)
    platforms = AnthropicProvider(VENDOR, client)
    await platforms.with_key("sk-ant-another").complete(PLAIN, idempotency_key="att_1")
    await platforms.complete(PLAIN, idempotency_key="att_2")
    given = [call.headers["x-api-key"] for call in client.sent]
    assert given == ["sk-ant-another", "sk-ant-secret-key"]


async def test_each_call_has_the_key_the_version_and_an_idempotency_key() -> None:
    client = ScriptedClient(HttpResponse(200, {}, b'{"content":[]}'))
    provider = AnthropicProvider(VENDOR, client)
    await provider.complete(PLAIN, idempotency_key="att_1")
    (sent,) = client.sent
    assert (sent.method, sent.url) == ("POST", "https://api.example/v1/messages")
    assert sent.headers["x-api-key"] == "sk-ant-secret-key"
    assert sent.headers["anthropic-version"] == VERSION
    assert sent.headers["idempotency-key"] == "att_1"


async def test_a_forwarded_body_is_read_as_its_caller_said() -> None:
    """The version and the betas are the caller's; in another protocol they mean nothing."""
    headers = {"anthropic-version": "2026-10-21", "anthropic-beta": "x-1", "x-api-key": "stolen"}
    client = ScriptedClient(*[HttpResponse(200, {}, b'{"content":[]}')] * 2)
    provider = AnthropicProvider(VENDOR, client)
    own = came(BODY.replace(',"stream":true', ""), headers)
    other = msgspec.structs.replace(
        own, wire=Wire("other", b"{}", own.wire.headers if own.wire else ())
    )
    for request in (own, other):
        await provider.complete(request, idempotency_key="k")
    first, second = client.sent
    assert first.headers["anthropic-version"] == "2026-10-21"
    assert first.headers["anthropic-beta"] == "x-1"
    assert second.headers["anthropic-version"] == VERSION
    assert "anthropic-beta" not in second.headers
    assert first.headers["x-api-key"] == second.headers["x-api-key"] == "sk-ant-secret-key"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (HttpResponse(529, {}, b""), ProviderRefused),
        (HttpResponse(200, {}, b"<html>"), ProviderBroke),
        (HttpUnreachable("x"), ProviderUnreachable),
        (HttpTimedOut("x"), ProviderTimedOut),
        (HttpBroke("x"), ProviderBroke),
    ],
)
async def test_what_is_no_answer_is_an_error(
    answer: HttpResponse | HttpError, error: type[ProviderError]
) -> None:
    provider = AnthropicProvider(VENDOR, ScriptedClient(answer, answer))
    with pytest.raises(error):
        await provider.complete(PLAIN, idempotency_key="k")
    with pytest.raises(error):
        await provider.count_tokens(PLAIN)


async def test_tokens_are_counted_by_the_vendor() -> None:
    client = ScriptedClient(HttpResponse(200, {}, b'{"input_tokens":2095}'))
    assert await AnthropicProvider(VENDOR, client).count_tokens(PLAIN) == 2095
    assert client.sent[0].url == "https://api.example/v1/messages/count_tokens"


async def test_there_are_no_embeddings() -> None:
    provider = AnthropicProvider(VENDOR, ScriptedClient())
    request = EmbeddingRequest(model="m", input=("a",))
    assert provider.embedding_ceiling(request) == 0
    with pytest.raises(ProviderRefused) as refused:
        await provider.embed(request, idempotency_key="k")
    assert (refused.value.kind, refused.value.param) == ("invalid", "model")


@pytest.mark.parametrize(
    ("answer", "is_well"),
    [
        (HttpResponse(200, {}, b"{}"), True),
        (HttpResponse(404, {}, b""), True),
        (HttpResponse(401, {}, b""), False),
        (HttpResponse(500, {}, b""), False),
        (HttpUnreachable("x"), False),
    ],
)
async def test_a_check_calls_no_model(answer: HttpResponse | HttpError, is_well: bool) -> None:
    client = ScriptedClient(answer)
    provider = AnthropicProvider(VENDOR, client)
    await provider.refresh()
    if is_well:
        await provider.check()
    else:
        with pytest.raises(ProviderError):
            await provider.check()
    assert client.sent[0].url == "https://api.example/v1/models?limit=1"


# Streams.


def cut(body: bytes, *places: int) -> list[bytes]:
    bounds = [0, *sorted(places), len(body)]
    return [body[start:end] for start, end in itertools.pairwise(bounds)]


async def forwarded(*pieces: Piece) -> tuple[bytes, AnthropicStream]:
    stream = AnthropicStream(ScriptedStream(pieces), FORWARDED)
    frames = [piece.frames async for piece in stream if isinstance(piece, WireDelta)]
    assert all(block.endswith(b"\n\n") for block in frames)
    return b"".join(frames), stream


async def translated(*pieces: Piece) -> tuple[list[ChatDelta], AnthropicStream]:
    stream = AnthropicStream(ScriptedStream(pieces), STREAMED)
    return [piece async for piece in stream if isinstance(piece, ChatDelta)], stream


async def test_a_caller_of_the_protocol_gets_the_vendors_events() -> None:
    """Byte for byte, but for the final count and the end, which follow the settlement."""
    frames, stream = await forwarded(WHOLE)
    assert frames == START + CONTENT
    assert stream.ending() == ENDING
    assert stream.usage() == USAGE


@given(data=st.data())
async def test_any_cut_means_the_same(data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, len(WHOLE)), max_size=12))
    frames, stream = await forwarded(*cut(WHOLE, *places))
    assert (frames, stream.ending(), stream.usage()) == (START + CONTENT, ENDING, USAGE)
    deltas, stream = await translated(*cut(WHOLE, *places))
    assert deltas == (await translated(WHOLE))[0]
    assert stream.usage() == USAGE


async def test_another_caller_gets_the_meaning() -> None:
    deltas, stream = await translated(WHOLE)
    assert "".join(delta.text for delta in deltas) == 'Grüße, event: message_stop "error"'
    assert [delta.thinking for delta in deltas if delta.thinking] == [
        Thinking("hm"),
        Thinking("", "sig"),
    ]
    calls = [call for delta in deltas for call in delta.tool_calls]
    assert [(call.index, call.id, call.name, call.arguments) for call in calls] == [
        (0, "toolu_1", "search", ""),
        (0, None, None, '{"q": 1}'),
    ]
    assert deltas[-1] == ChatDelta(finish_reason="tool_calls")
    assert stream.ending() == b""


async def test_an_answer_begins_with_content_and_not_before() -> None:
    """Until then another vendor may still take over."""
    for make in (forwarded, translated):
        with pytest.raises(ProviderBroke):
            await make(START + PING)
    stream = AnthropicStream(ScriptedStream([START + PING]), FORWARDED)
    with pytest.raises(ProviderBroke):
        await anext(aiter(stream))


@pytest.mark.parametrize("request_", [FORWARDED, STREAMED], ids=["forwarded", "translated"])
async def test_a_stream_without_its_last_event_is_broken(request_: ChatRequest) -> None:
    """And what came of the count before the end was told is no final count."""
    for length in (*range(0, len(START + CONTENT), 7), len(WHOLE) - 1):
        stream = AnthropicStream(ScriptedStream([WHOLE[:length]]), request_)
        with pytest.raises(ProviderBroke):
            _ = [piece async for piece in stream]
        assert stream.received_tokens() >= 0
        assert (stream.usage() is None) == (length < len(START + CONTENT))


async def test_a_count_that_content_follows_is_forwarded_and_is_no_final_one() -> None:
    early = event(
        "message_delta", '{"type":"message_delta","delta":{},"usage":{"output_tokens":3}}'
    )
    body = START + CONTENT + early + CONTENT
    stream = AnthropicStream(ScriptedStream([body]), FORWARDED)
    pieces = aiter(stream)
    assert await anext(pieces) == WireDelta(body)
    with pytest.raises(ProviderBroke):
        await anext(pieces)
    assert stream.usage() is None


ERROR = event(
    "error", '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
)


@pytest.mark.parametrize("request_", [FORWARDED, STREAMED], ids=["forwarded", "translated"])
async def test_an_error_instead_of_an_answer_is_a_refusal(request_: ChatRequest) -> None:
    stream = AnthropicStream(ScriptedStream([PING + ERROR]), request_)
    with pytest.raises(ProviderRefused) as refused:
        await anext(aiter(stream))
    assert refused.value.kind == "overloaded"


async def test_an_error_in_the_middle_follows_what_came_before_it() -> None:
    """In one piece of the connection or in many."""
    stream = AnthropicStream(ScriptedStream([START + CONTENT + ERROR]), FORWARDED)
    pieces = aiter(stream)
    first = await anext(pieces)
    assert isinstance(first, WireDelta)
    assert first.frames == START + CONTENT
    with pytest.raises(ProviderBroke):
        await anext(pieces)
    assert stream.received_tokens() > 0


@pytest.mark.parametrize("request_", [FORWARDED, STREAMED], ids=["forwarded", "translated"])
async def test_received_tokens_are_about_what_was_written(request_: ChatRequest) -> None:
    def piece(text: str) -> bytes:
        data: Any = {"type": "content_block_delta", "index": 0, "delta": {"text": text}}
        return event("content_block_delta", msgspec.json.encode(data).decode())

    for texts_, tokens in ((["word "] * 9, 9), (["w" * 350], 100)):
        body = START + b"".join(map(piece, texts_))
        stream = AnthropicStream(ScriptedStream([body]), request_)
        with pytest.raises(ProviderBroke):
            _ = [piece async for piece in stream]
        assert stream.received_tokens() == tokens


@pytest.mark.parametrize("request_", [FORWARDED, STREAMED], ids=["forwarded", "translated"])
async def test_the_input_is_known_from_the_first_event_on(request_: ChatRequest) -> None:
    """So an answer that breaks off is not billed as if nothing had been cached."""
    stream = AnthropicStream(ScriptedStream([START + CONTENT]), request_)
    assert stream.input_usage() is None
    await anext(aiter(stream))
    assert stream.input_usage() == msgspec.structs.replace(
        USAGE, output_tokens=0, reasoning_tokens=0
    )
    assert stream.usage() is None
    await stream.aclose()


async def test_events_without_a_line_for_their_name_are_told_by_their_content() -> None:
    bare = b"".join(
        b"data: " + frame.partition(b"data: ")[2] + b"\n\n" for frame in WHOLE.split(b"\n\n")[:-1]
    )
    frames, stream = await forwarded(b": hello\n\n" + bare)
    assert stream.usage() == USAGE
    assert b'message_stop"' not in frames.replace(b"event: message_stop", b"")


async def test_a_refused_stream_is_an_error_and_is_closed() -> None:
    script = ScriptedStream([b""], status=429, headers={"retry-after": "3"})
    stream = AnthropicProvider(VENDOR, ScriptedClient(script)).stream(
        STREAMED, idempotency_key="att_2"
    )
    with pytest.raises(ProviderRefused) as refused:
        await anext(aiter(stream))
    assert refused.value.retry_after_seconds == 3
    assert script.is_closed


async def test_a_stream_that_is_left_is_closed() -> None:
    script = ScriptedStream([START + CONTENT])
    client = ScriptedClient(script)
    stream = AnthropicProvider(VENDOR, client).stream(FORWARDED, idempotency_key="att_2")
    await anext(aiter(stream))
    await stream.aclose()
    assert script.is_closed
    assert client.sent[0].headers["idempotency-key"] == "att_2"


async def test_a_whole_stream_is_read_to_its_end() -> None:
    """Its connection serves again."""
    script = ScriptedStream([WHOLE, b""])
    stream = AnthropicStream(script, STREAMED)
    _ = [piece async for piece in stream]
    assert script.is_read
