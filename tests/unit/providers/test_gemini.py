"""Gemini as a vendor; the bodies are in the shapes that its documentation shows."""

from typing import Any

import msgspec
import pytest

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
    ToolCallDelta,
)
from headgate.core.embeddings import EmbeddingRequest
from headgate.core.models import (
    ProviderBroke,
    ProviderError,
    ProviderRefused,
    ProviderTimedOut,
    ProviderUnreachable,
)
from headgate.providers.gemini import (
    DEFAULT_OUTPUT_TOKENS,
    DOCUMENT_TOKENS,
    IMAGE_TOKENS,
    GeminiProvider,
    GeminiStream,
    GeminiVendor,
    embedding_to_wire,
    error_from,
    from_wire,
)
from headgate.transport.http import HttpBroke, HttpResponse, HttpTimedOut, HttpUnreachable
from scripted_http import Piece, ScriptedClient, ScriptedStream

VENDOR = GeminiVendor(
    name="gemini",
    base_url="https://api.example/",
    api_key="AIza-secret-key",
    catalog=frozenset({"gemini-small"}),
    recognises=lambda model: model.startswith("gemini-small-"),
    output_tokens={"gemini-pro": 8_192, "gemini-pro-latest": 65_536},
)
PLAIN = ChatRequest(model="gemini-small", messages=(Message("user", "hello"),))
USAGE = {"promptTokenCount": 4, "candidatesTokenCount": 2, "thoughtsTokenCount": 3}
COUNTED = TokenUsage(4, 5, 0, 0, 3)


def body(
    *parts: dict[str, Any], finish: str | None = "STOP", usage: Any = USAGE, **more: Any
) -> bytes:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    answer = {"candidates": [candidate | more], "responseId": "r"}
    return msgspec.json.encode(answer | ({"usageMetadata": usage} if usage else {}))


def frame(data: bytes) -> bytes:
    return b"data: " + data + b"\r\n\r\n"


def call(name: str, **more: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": {"q": 1}, "id": name}, **more}


def test_an_answer_with_thoughts_texts_and_calls() -> None:
    answer = from_wire(
        PLAIN,
        body(
            {"text": "hm", "thought": True},
            {"text": "one "},
            {"text": "two"},
            call("f", thoughtSignature="s0"),
            call("g"),
        ),
    )
    assert (answer.id, answer.model, answer.content) == ("r", "gemini-small", "one two")
    assert (answer.finish_reason, answer.usage, answer.estimated) == ("tool_calls", COUNTED, False)
    assert answer.thinking == (Thinking("hm", "gemini:0:s0"),)
    assert answer.tool_calls == (ToolCall("f", "f", '{"q":1}'), ToolCall("g", "g", '{"q":1}'))


def test_a_call_without_id_or_arguments_has_both() -> None:
    answer = from_wire(PLAIN, body({"functionCall": {"name": "f"}}))
    (found,) = answer.tool_calls
    assert (bool(found.id), found.arguments) == (True, "{}")


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("SOMETHING_NEW", "stop"),
    ],
)
def test_why_an_answer_ended(finish: str, reason: str) -> None:
    answer = from_wire(PLAIN, body({"text": "x"}, finish=finish))
    assert answer.finish_reason == reason
    assert (answer.refusal is not None) == (reason == "content_filter")


def test_a_prompt_that_was_blocked_is_an_answer_that_says_so() -> None:
    text = b'{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":9}}'
    answer = from_wire(PLAIN, text)
    assert (answer.finish_reason, answer.content) == ("content_filter", "")
    assert "SAFETY" in (answer.refusal or "")
    assert answer.usage == TokenUsage(9)


@pytest.mark.parametrize(
    "data",
    [b"{}", b"", b'{"candidates":[]}', body(finish=None), body(finish="MALFORMED_FUNCTION_CALL")],
)
def test_what_is_no_whole_answer_breaks(data: bytes) -> None:
    with pytest.raises(ProviderBroke):
        from_wire(PLAIN, data)


def test_an_answer_without_a_count_is_estimated() -> None:
    answer = from_wire(PLAIN, body({"text": "x" * 400}, usage=None))
    assert answer.estimated
    assert answer.usage.output_tokens >= 100


# Streams.


def streamed(*pieces: Piece, **options: Any) -> GeminiStream:
    return GeminiStream(ScriptedStream(pieces, **options), PLAIN)


async def read(stream: GeminiStream) -> list[ChatDelta]:
    return [piece async for piece in stream if isinstance(piece, ChatDelta)]


PIECES = (
    frame(body({"text": "hm", "thought": True}, finish=None, usage={"promptTokenCount": 4})),
    frame(body({"text": "one"}, finish=None, usage={"promptTokenCount": 4})),
    frame(body(call("f", thoughtSignature="s0"), call("g"), finish=None)),
    frame(body({"text": ""}, finish="STOP")),
)
DELTAS = [
    ChatDelta(thinking=Thinking("hm")),
    ChatDelta(text="one"),
    ChatDelta(thinking=Thinking(signature="gemini:0:s0")),
    ChatDelta(tool_calls=(ToolCallDelta(0, "f", "f"),)),
    ChatDelta(tool_calls=(ToolCallDelta(0, arguments='{"q":1}'),)),
    ChatDelta(tool_calls=(ToolCallDelta(1, "g", "g"),)),
    ChatDelta(tool_calls=(ToolCallDelta(1, arguments='{"q":1}'),)),
    ChatDelta(finish_reason="tool_calls"),
]


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("lost", [0, 2, 4])
async def test_a_stream_is_the_same_in_whichever_pieces_it_comes(size: int, lost: int) -> None:
    """Also where the blank line after the last frame is lost."""
    whole = b"".join(PIECES)
    whole = whole[: len(whole) - lost]
    stream = streamed(*(whole[at : at + size] for at in range(0, len(whole), size)))
    assert await read(stream) == DELTAS
    assert stream.usage() == COUNTED
    assert stream.ending() == b""


async def test_an_answer_that_is_whole_does_not_need_the_connection_any_more() -> None:
    stream = streamed(*PIECES, HttpBroke("gone"))
    assert await read(stream) == DELTAS
    assert stream.usage() == COUNTED


async def test_the_input_is_known_before_the_end_and_the_rest_is_not() -> None:
    stream = streamed(*PIECES[:2], HttpBroke("gone"))
    assert stream.input_usage() is None
    with pytest.raises(ProviderBroke):
        await read(stream)
    assert (stream.usage(), stream.input_usage()) == (None, TokenUsage(4))
    assert stream.received_tokens() == 2


async def test_a_stream_that_ends_without_a_reason_was_broken_off() -> None:
    stream = streamed(*PIECES[:3])
    with pytest.raises(ProviderBroke):
        await read(stream)
    assert stream.usage() is None
    assert stream.received_tokens() == 5


async def test_a_blocked_prompt_is_a_stream_of_one_piece() -> None:
    blocked = b'{"promptFeedback":{"blockReason":"OTHER"},"usageMetadata":{"promptTokenCount":9}}'
    stream = streamed(frame(blocked))
    (piece,) = await read(stream)
    assert (piece.finish_reason, "OTHER" in (piece.refusal or "")) == ("content_filter", True)
    assert stream.usage() == TokenUsage(9)


async def test_an_error_before_the_answer_is_a_refusal_and_in_its_midst_a_break() -> None:
    fault = frame(b'{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}')
    with pytest.raises(ProviderRefused, match="overloaded"):
        await read(streamed(fault))
    with pytest.raises(ProviderBroke):
        await read(streamed(PIECES[1], fault))
    with pytest.raises(ProviderRefused, match="limit"):
        await read(streamed(b"", status=429))


async def test_a_stream_that_is_left_is_closed() -> None:
    scripted = ScriptedStream(PIECES)
    stream = GeminiStream(scripted, PLAIN)
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
        (429, "rate_limited"),
        (500, "failed"),
        (503, "overloaded"),
    ],
)
def test_a_status_says_why_the_vendor_refused(status: int, kind: str) -> None:
    for text in (b'{"error":{"message":"the secret word"}}', b"<html>the secret word", b""):
        error = error_from(status, {"retry-after": "7"}, text)
        assert isinstance(error, ProviderRefused)
        assert error.kind == kind
        assert ("secret word" in error.message) == (kind == "invalid" and text[:2] == b'{"')


@pytest.mark.parametrize("status", [408, 504])
def test_a_vendor_that_says_it_was_too_slow_may_bill_all_the_same(status: int) -> None:
    assert isinstance(error_from(status, {}, b""), ProviderTimedOut)


def fault(message: str, **more: Any) -> bytes:
    return msgspec.json.encode({"error": {"message": message, **more}})


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (fault("API key not valid.", details=[{"reason": "API_KEY_INVALID"}]), "unauthorized"),
        (fault("User location is not supported", status="FAILED_PRECONDITION"), "unauthorized"),
        (fault("Your prepayment credits are depleted."), "unauthorized"),
        (
            fault("The input token count (2) exceeds the maximum number of tokens allowed (1)."),
            "context_length",
        ),
    ],
)
def test_what_a_400_means_stands_in_its_body(text: bytes, kind: str) -> None:
    error = error_from(400, {}, text)
    assert isinstance(error, ProviderRefused)
    assert error.kind == kind


def test_when_to_come_back_stands_in_the_head_or_in_the_body() -> None:
    text = fault("slow down", details=[{"retryDelay": "23s"}])
    for headers, seconds in (({}, 23.0), ({"retry-after": "7"}, 7.0)):
        error = error_from(429, headers, text)
        assert isinstance(error, ProviderRefused)
        assert error.retry_after_seconds == seconds


def test_a_key_in_the_vendors_words_is_removed() -> None:
    error = error_from(400, {}, fault("wrong: AIzaSyA-b_c1d2e3f4g5h6i7j8 here"))
    assert error.message == "wrong: [removed] here"


# The vendor.


def answers(data: bytes) -> HttpResponse:
    return HttpResponse(200, {}, data)


async def test_a_call_names_its_model_and_shows_its_key_in_the_head_alone() -> None:
    client = ScriptedClient(answers(body({"text": "x"})))
    strange = msgspec.structs.replace(PLAIN, model="../a?b#c/d")
    await GeminiProvider(VENDOR, client).complete(strange, idempotency_key="once")
    (sent,) = client.sent
    base = "https://api.example/v1beta/models"
    assert sent.url == f"{base}/..%2Fa%3Fb%23c%2Fd:generateContent"
    assert sent.headers["x-goog-api-key"] == "AIza-secret-key"
    assert sent.headers["idempotency-key"] == "once"
    assert "AIza-secret-key" not in f"{VENDOR!r} {sent.url}"


async def test_a_stream_asks_for_events() -> None:
    client = ScriptedClient(ScriptedStream(PIECES))
    await read(GeminiProvider(VENDOR, client).stream(PLAIN, idempotency_key="once"))
    (sent,) = client.sent
    assert sent.url.endswith("/gemini-small:streamGenerateContent?alt=sse")
    assert sent.headers["idempotency-key"] == "once"


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
    provider = GeminiProvider(VENDOR, ScriptedClient(failure, failure, failure))
    with pytest.raises(kind):
        await provider.complete(PLAIN, idempotency_key="once")
    with pytest.raises(kind):
        await provider.check()
    with pytest.raises(kind):
        await provider.embed(EmbeddingRequest(model="e", input=("a",)), idempotency_key="once")


async def test_the_vendor_counts_tokens() -> None:
    client = ScriptedClient(answers(b'{"totalTokens":31}'), answers(b"{}"))
    provider = GeminiProvider(VENDOR, client)
    assert await provider.count_tokens(PLAIN) == 31
    (sent,) = client.sent
    asked = msgspec.json.decode(sent.body)["generateContentRequest"]
    assert (asked["model"], len(asked["contents"])) == ("models/gemini-small", 1)
    with pytest.raises(ProviderBroke):
        await provider.count_tokens(PLAIN)


async def test_the_doctor_learns_that_the_key_is_wrong() -> None:
    wrong = HttpResponse(400, {}, fault("no", details=[{"reason": "API_KEY_INVALID"}]))
    provider = GeminiProvider(VENDOR, ScriptedClient(answers(b'{"models":[]}'), wrong))
    await provider.check()
    with pytest.raises(ProviderRefused, match="credential"):
        await provider.check()


async def test_texts_become_vectors_in_their_order() -> None:
    given = b'{"embeddings":[{"values":[1,0]},{"values":[0,1]}]}'
    counted = given[:-1] + b',"usageMetadata":{"promptTokenCount":3}}'
    client = ScriptedClient(answers(given), answers(counted), answers(b'{"embeddings":[]}'))
    provider = GeminiProvider(VENDOR, client)
    request = EmbeddingRequest(model="e", input=("a", "b"), dimensions=2)
    estimated = await provider.embed(request, idempotency_key="once")
    assert estimated.vectors == ((1.0, 0.0), (0.0, 1.0))
    assert (estimated.estimated, estimated.usage.input_tokens > 0) == (True, True)
    assert (await provider.embed(request, idempotency_key="x")).usage == TokenUsage(3)
    with pytest.raises(ProviderBroke):
        await provider.embed(request, idempotency_key="once")
    item = msgspec.json.decode(client.sent[0].body)["requests"][0]
    assert item == {
        "model": "models/e",
        "content": {"parts": [{"text": "a"}]},
        "outputDimensionality": 2,
    }
    assert client.sent[0].headers["idempotency-key"] == "once"


async def test_more_texts_than_one_call_takes_are_embedded_by_several_in_their_order() -> None:
    def given(first: int, texts: int) -> HttpResponse:
        vectors = [{"values": [first + number]} for number in range(texts)]
        usage = {"promptTokenCount": texts}
        return answers(msgspec.json.encode({"embeddings": vectors, "usageMetadata": usage}))

    client = ScriptedClient(given(0, 100), given(100, 1))
    texts = tuple(map(str, range(101)))
    found = await GeminiProvider(VENDOR, client).embed(
        EmbeddingRequest(model="e", input=texts), idempotency_key="once"
    )
    assert found.vectors == tuple((float(number),) for number in range(101))
    assert (found.usage, found.estimated) == (TokenUsage(101), False)
    assert [sent.headers["idempotency-key"] for sent in client.sent] == ["once-0", "once-1"]


def test_tokens_of_another_vendor_cannot_be_embedded() -> None:
    with pytest.raises(ProviderRefused) as refusal:
        embedding_to_wire(EmbeddingRequest(model="e", input=((1, 2),)))
    assert refusal.value.param == "input"


def test_the_input_is_bounded_by_bytes_and_by_what_media_can_count() -> None:
    provider = GeminiProvider(VENDOR, ScriptedClient())

    def ceiling(*parts: Any, **fields: Any) -> int:
        message = Message("user", parts)
        return provider.input_ceiling(
            ChatRequest(model="gemini-small", messages=(message,), **fields)
        )

    plain = ceiling(Text("hello"))
    assert plain > len("hello")
    assert ceiling(Text("hello"), Image("x")) >= plain + IMAGE_TOKENS
    assert ceiling(Text("hello"), Document("x")) >= plain + DOCUMENT_TOKENS
    assert ceiling(Text("hello"), Thinking(signature="s" * 99)) >= plain + 99
    assert ceiling(Text("hello"), tools=(Tool("f"),)) > plain
    assert provider.embedding_ceiling(EmbeddingRequest(model="e", input=("abc",))) > 3
    assert provider.input_estimate(PLAIN) < provider.input_ceiling(PLAIN)


def test_the_output_is_bounded_by_the_longest_name_that_fits() -> None:
    provider = GeminiProvider(VENDOR, ScriptedClient())
    models = ("gemini-pro", "gemini-pro-latest", "gemini-9")
    ceilings = [provider.output_ceiling(msgspec.structs.replace(PLAIN, model=m)) for m in models]
    assert ceilings == [8_192, 65_536, DEFAULT_OUTPUT_TOKENS]


async def test_models_are_those_of_the_catalog_and_what_is_recognised() -> None:
    provider = GeminiProvider(VENDOR, ScriptedClient())
    await provider.refresh()
    assert provider.models() == ["gemini-small"]
    assert provider.serves("gemini-small-2")
    assert not provider.serves("gpt-4o")


async def test_it_can_be_called_with_another_key() -> None:
    client = ScriptedClient(*[answers(b'{"totalTokens":1}')] * 2)
    platforms = GeminiProvider(VENDOR, client)
    await platforms.with_key("another-key").count_tokens(PLAIN)
    await platforms.count_tokens(PLAIN)
    given = [call.headers["x-goog-api-key"] for call in client.sent]
    assert given == ["another-key", VENDOR.api_key]
