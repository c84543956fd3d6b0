"""Bedrock as a vendor; the bodies and events are in the shapes that AWS documents."""

import asyncio
import importlib
import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.chat import (
    ChatDelta,
    ChatRequest,
    Message,
    Text,
    Thinking,
    TokenUsage,
    Tool,
    ToolCall,
)
from headgate.core.embeddings import EmbeddingRequest
from headgate.core.errors import Overloaded
from headgate.core.models import (
    ProviderBroke,
    ProviderError,
    ProviderRefused,
    ProviderTimedOut,
    ProviderUnreachable,
)
from headgate.core.protocols.eventstream import encode
from headgate.providers.bedrock import (
    DEFAULT_OUTPUT_TOKENS,
    DOCUMENT_TOKENS,
    IMAGE_TOKENS,
    BedrockProvider,
    BedrockStream,
    BedrockVendor,
    error_from,
    from_wire,
)
from headgate.transport.http import (
    HttpBroke,
    HttpError,
    HttpResponse,
    HttpStream,
    HttpTimedOut,
    HttpUnreachable,
)
from headgate.transport.sigv4 import Credentials
from scripted_http import Piece, ScriptedClient, ScriptedStream

NOW = 1_795_435_200.0
MODEL = "eu.anthropic.claude-haiku-4-5-20251001-v1:0"
ARN = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0"
TITAN = "amazon.titan-embed-text-v2:0"
KEY = Credentials("AKIDEXAMPLE", "secret-of-aws", "session")
VENDOR = BedrockVendor(
    name="bedrock",
    endpoint="https://bedrock.example/",
    region="eu-west-1",
    credentials=KEY,
    catalog=frozenset({"amazon.nova-lite-v1:0"}),
    recognises=lambda model: model.startswith("eu."),
    output_tokens={"anthropic.claude": 32_000, "anthropic.claude-haiku-4": 64_000},
)
PLAIN = ChatRequest(model=MODEL, messages=(Message("user", "hello"),))
ANSWER: dict[str, Any] = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}},
                {"reasoningContent": {"redactedContent": "c2VhbGVk"}},
                {"text": "Grüße"},
                {"toolUse": {"toolUseId": "t1", "name": "search", "input": {"q": 1.0}}},
            ],
        }
    },
    "stopReason": "tool_use",
    "usage": {
        "inputTokens": 10,
        "outputTokens": 20,
        "totalTokens": 110,
        "cacheReadInputTokens": 50,
        "cacheWriteInputTokens": 30,
        "cacheDetails": [{"ttl": "1h", "inputTokens": 20}, {"ttl": "5m", "inputTokens": 10}],
    },
    "metrics": {"latencyMs": 551},
}
COUNTED = TokenUsage(90, 20, 50, 30, 0, 20)
OK = HttpResponse(200, {}, msgspec.json.encode(ANSWER))


def event(kind: str, **payload: Any) -> bytes:
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return encode(headers, msgspec.json.encode(payload | {"p": "padding"}))


def exception(kind: str, message: str = "no") -> bytes:
    headers = {":exception-type": kind, ":message-type": "exception"}
    return encode(headers, msgspec.json.encode({"message": message}))


START = event("messageStart", role="assistant")
TEXT = event("contentBlockDelta", contentBlockIndex=0, delta={"text": "Grüße"})
STOP = event("messageStop", stopReason="end_turn")
END = event("metadata", usage=ANSWER["usage"], metrics={"latencyMs": 1})
WHOLE = START + TEXT + event("contentBlockStop", contentBlockIndex=0) + STOP + END


def provider(*answers: Any, vendor: BedrockVendor = VENDOR) -> tuple[BedrockProvider, Any]:
    client = ScriptedClient(*answers)
    return BedrockProvider(vendor, client, clock=lambda: NOW), client


def streamed(*pieces: Piece, **options: Any) -> tuple[BedrockStream, ScriptedStream]:
    scripted = ScriptedStream(pieces, **options)

    async def begin() -> HttpStream:
        return scripted

    return BedrockStream(begin), scripted


async def pieces_of(stream: BedrockStream) -> list[Any]:
    return [piece async for piece in stream]


# What Bedrock is sent.


@pytest.mark.parametrize("model", [MODEL, ARN])
async def test_a_call_is_signed_as_awss_own_library_signs_it(model: str) -> None:
    """The id of the model is encoded in the path, and once more in what is signed."""
    auth: Any = importlib.import_module("botocore.auth")
    request: Any = importlib.import_module("botocore.awsrequest")
    keys: Any = importlib.import_module("botocore.credentials")
    bedrock, client = provider(OK)
    await bedrock.complete(msgspec.structs.replace(PLAIN, model=model), idempotency_key="att_1")
    (sent,) = client.sent
    path = sent.url.removeprefix("https://bedrock.example/model/")
    assert path == model.replace(":", "%3A").replace("/", "%2F") + "/converse"
    headers = {
        name: value
        for name, value in sent.headers.items()
        if name not in {"authorization", "x-amz-date", "x-amz-security-token"}
    }
    assert headers == {"content-type": "application/json", "idempotency-key": "att_1"}
    theirs = request.AWSRequest("POST", sent.url, headers=headers, data=sent.body)
    theirs.context["timestamp"] = sent.headers["x-amz-date"]
    credentials = keys.Credentials(KEY.access_key_id, KEY.secret_access_key, KEY.session_token)
    signer = auth.SigV4Auth(credentials, "bedrock", "eu-west-1")
    theirs.headers["X-Amz-Date"] = sent.headers["x-amz-date"]
    theirs.headers["X-Amz-Security-Token"] = KEY.session_token
    signature = signer.signature(
        signer.string_to_sign(theirs, signer.canonical_request(theirs)), theirs
    )
    assert sent.headers["authorization"].endswith(f"Signature={signature}")


async def test_the_limit_is_the_callers_or_the_models_maximum() -> None:
    bedrock, client = provider(OK, OK)
    await bedrock.complete(PLAIN, idempotency_key="a")
    await bedrock.complete(msgspec.structs.replace(PLAIN, max_tokens=7), idempotency_key="a")
    limits = [
        msgspec.json.decode(sent.body)["inferenceConfig"]["maxTokens"] for sent in client.sent
    ]
    assert limits == [64_000, 7]


async def test_without_credentials_nothing_is_sent() -> None:
    class Absent:
        async def current(self) -> Credentials:
            raise Overloaded("the role's service at 169.254.169.254 is away")

    bedrock, client = provider(
        vendor=BedrockVendor(
            name="bedrock", endpoint="https://b.example", region="r", credentials=Absent()
        )
    )
    for failing in (
        bedrock.complete(PLAIN, idempotency_key="a"),
        pieces_of(bedrock.stream(PLAIN, idempotency_key="a")),
        bedrock.check(),
    ):
        with pytest.raises(ProviderRefused) as refusal:
            await failing
        assert refusal.value.kind == "unauthorized"
        assert "169" not in refusal.value.message
    assert client.sent == []


def test_the_secret_is_never_shown() -> None:
    assert "secret" not in repr(VENDOR)


# What Bedrock answers.


def test_a_whole_answer() -> None:
    response = from_wire(PLAIN, OK.body)
    assert (response.content, response.finish_reason, response.usage) == (
        "Grüße",
        "tool_calls",
        COUNTED,
    )
    assert response.thinking == (Thinking("hm", "sig"), Thinking(sealed="c2VhbGVk"))
    assert response.tool_calls == (ToolCall("t1", "search", '{"q":1.0}'),)
    assert not response.estimated
    assert response.id


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("malformed_model_output", "stop"),
        ("of_a_younger_edition", "stop"),
    ],
)
def test_every_reason_to_stop_has_a_meaning(reason: str, expected: str) -> None:
    body = msgspec.json.encode(ANSWER | {"stopReason": reason})
    assert from_wire(PLAIN, body).finish_reason == expected


def test_the_stop_sequence_is_told_where_the_model_tells() -> None:
    more = {"stopReason": "stop_sequence", "additionalModelResponseFields": {"stop_sequence": "E"}}
    assert from_wire(PLAIN, msgspec.json.encode(ANSWER | more)).stop_sequence == "E"


def test_an_answer_without_a_count_is_estimated() -> None:
    response = from_wire(PLAIN, msgspec.json.encode(ANSWER | {"usage": None}))
    assert response.estimated
    assert response.usage.output_tokens > 0


# Streams.


async def test_a_stream_is_its_pieces_and_its_count() -> None:
    stream, scripted = streamed(WHOLE)
    assert await pieces_of(stream) == [
        ChatDelta(text="Grüße"),
        ChatDelta(finish_reason="stop"),
    ]
    assert (stream.usage(), stream.input_usage(), stream.ending()) == (COUNTED, None, b"")
    assert scripted.is_closed
    assert scripted.is_read


@given(places=st.lists(st.integers(0, len(WHOLE)), max_size=8))
async def test_any_cut_means_the_same(places: list[int]) -> None:
    bounds = [0, *sorted(places), len(WHOLE)]
    stream, _ = streamed(*(WHOLE[a:b] for a, b in itertools.pairwise(bounds)))
    assert len(await pieces_of(stream)) == 2
    assert stream.usage() == COUNTED


async def test_every_stream_that_is_cut_short_is_broken() -> None:
    for length in range(len(WHOLE)):
        stream, _ = streamed(WHOLE[:length])
        with pytest.raises(ProviderBroke):
            await pieces_of(stream)
        assert stream.usage() is None


async def test_a_changed_byte_breaks_the_answer_after_what_came_before_it() -> None:
    stream, _ = streamed(START + TEXT + STOP[:-1] + b"\0")
    pieces = aiter(stream)
    assert await anext(pieces) == ChatDelta(text="Grüße")
    with pytest.raises(ProviderBroke):
        await anext(pieces)
    assert stream.received_tokens() == 1


async def test_tokens_received_are_counted_by_events_or_by_size() -> None:
    tool = event(
        "contentBlockStart",
        contentBlockIndex=1,
        start={"toolUse": {"toolUseId": "t", "name": "a"}},
    )
    long = event("contentBlockDelta", contentBlockIndex=1, delta={"toolUse": {"input": "x" * 70}})
    stream, _ = streamed(START, TEXT, TEXT, tool)
    with pytest.raises(ProviderBroke):
        await pieces_of(stream)
    assert stream.received_tokens() == 2
    stream, _ = streamed(START, tool, long)
    with pytest.raises(ProviderBroke):
        await pieces_of(stream)
    assert stream.received_tokens() == 20


async def test_leaving_a_silent_stream_closes_the_connection() -> None:
    silence = asyncio.Event()
    stream, scripted = streamed(START + TEXT, silence)
    async for _ in stream:
        break
    await stream.aclose()
    assert scripted.is_closed


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("throttlingException", "rate_limited"),
        ("serviceUnavailableException", "overloaded"),
        ("validationException", "invalid"),
        ("modelStreamErrorException", "failed"),
        ("internalServerException", "failed"),
    ],
)
async def test_an_exception_before_the_answer_is_a_refusal_and_after_its_beginning_a_break(
    kind: str, expected: str
) -> None:
    stream, _ = streamed(exception(kind))
    with pytest.raises(ProviderRefused) as refusal:
        await pieces_of(stream)
    assert refusal.value.kind == expected
    stream, _ = streamed(START + TEXT + exception(kind, "arn:aws:x"))
    with pytest.raises(ProviderBroke) as broken:
        await pieces_of(stream)
    assert "arn" not in broken.value.message


async def test_an_error_of_the_framing_itself_breaks_the_answer_too() -> None:
    stream, _ = streamed(START + encode({":message-type": "error", ":error-code": "x"}, b""))
    with pytest.raises(ProviderBroke):
        await pieces_of(stream)


async def test_a_stream_that_is_refused_says_so() -> None:
    headers = {"x-amzn-errortype": "ThrottlingException:http://internal.example/"}
    stream, _ = streamed(b'{"message":"slow down"}', status=429, headers=headers)
    with pytest.raises(ProviderRefused) as refusal:
        await pieces_of(stream)
    assert refusal.value.kind == "rate_limited"


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (HttpUnreachable("x"), ProviderUnreachable),
        (HttpTimedOut("x"), ProviderTimedOut),
        (HttpBroke("x"), ProviderBroke),
    ],
)
async def test_connections_fail_in_three_ways(
    failure: HttpError, expected: type[ProviderError]
) -> None:
    bedrock, _ = provider(failure, failure)
    with pytest.raises(expected):
        await bedrock.complete(PLAIN, idempotency_key="a")
    with pytest.raises(expected):
        await bedrock.check()
    stream, _ = streamed(START, failure)
    with pytest.raises(expected):
        await pieces_of(stream)


# Errors.


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (400, "ServiceQuotaExceededException", "rate_limited"),
        (401, "", "unauthorized"),
        (403, "AccessDeniedException", "unauthorized"),
        (404, "ResourceNotFoundException", "not_found"),
        (424, "ModelErrorException", "failed"),
        (429, "ThrottlingException", "rate_limited"),
        (429, "ModelNotReadyException", "overloaded"),
        (500, "InternalServerException", "failed"),
        (503, "ServiceUnavailableException", "overloaded"),
    ],
)
def test_an_error_means_what_the_caller_can_do(status: int, kind: str, expected: str) -> None:
    """Its name may stand in a header or in the body."""
    for headers, body in (
        ({"x-amzn-errortype": kind, "retry-after": "2"}, b'{"message":"secret words"}'),
        (
            {"retry-after": "2"},
            b'{"__type":"com.amazon#%s","message":"secret words"}' % kind.encode(),
        ),
    ):
        error = error_from(status, headers, body)
        assert isinstance(error, ProviderRefused)
        assert error.kind == expected
        assert "secret" not in error.message
        if status == 429:
            assert error.retry_after_seconds == 2


def test_a_model_that_is_too_slow_timed_out() -> None:
    headers = {"x-amzn-errortype": "ModelTimeoutException"}
    assert isinstance(error_from(408, headers, b""), ProviderTimedOut)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Input is too long for requested model.", "context_length"),
        ("The model returned the following errors: prompt is too long: 9 tokens", "context_length"),
        ("The provided model identifier is invalid.", "not_found"),
        ("The value at messages.0.content.0 is wrong", "invalid"),
        ("", "invalid"),
    ],
)
def test_a_refusal_of_the_request_says_why(message: str, kind: str) -> None:
    body = msgspec.json.encode({"message": message})
    error = error_from(400, {"x-amzn-errortype": "ValidationException"}, body)
    assert isinstance(error, ProviderRefused)
    assert error.kind == kind
    if kind in {"invalid", "context_length"}:
        assert error.message == (message or "the vendor refused the request")


def test_resources_accounts_and_keys_are_not_told() -> None:
    said = (
        "User: arn:aws:sts::123456789012:assumed-role/ours/me of 123456789012 with"
        " AKIAIOSFODNN7EXAMPLE at https://internal.example/x is wrong"
    )
    error = error_from(400, {}, msgspec.json.encode({"message": said}))
    for secret in ("assumed-role", "123456789012", "AKIA", "internal.example"):
        assert secret not in error.message
    assert error.message.endswith("is wrong")


# Vectors.


def vector(number: float) -> HttpResponse:
    return HttpResponse(
        200, {}, msgspec.json.encode({"embedding": [number], "inputTextTokenCount": 3})
    )


async def test_texts_are_embedded_in_their_order_each_with_its_own_key() -> None:
    texts = tuple(f"text {number}" for number in range(10))
    bedrock, client = provider(*(vector(number) for number in range(10)))
    response = await bedrock.embed(
        EmbeddingRequest(model=TITAN, input=texts), idempotency_key="att"
    )
    assert response.vectors == tuple((float(number),) for number in range(10))
    assert (response.usage, response.estimated) == (TokenUsage(30), False)
    assert {sent.url.rpartition("/")[2] for sent in client.sent} == {"invoke"}
    keys = [sent.headers["idempotency-key"] for sent in client.sent]
    assert keys == [f"att-{number}" for number in range(10)]


async def test_vectors_without_a_count_are_estimated() -> None:
    bedrock, _ = provider(HttpResponse(200, {}, b'{"embedding":[1]}'))
    response = await bedrock.embed(
        EmbeddingRequest(model=TITAN, input=("hello",)), idempotency_key="a"
    )
    assert response.estimated
    assert response.usage.input_tokens > 0


async def test_a_refusal_after_a_part_of_the_work_is_no_proof_that_nothing_is_owed() -> None:
    throttled = HttpResponse(429, {"x-amzn-errortype": "ThrottlingException"}, b"{}")
    wanted = EmbeddingRequest(model=TITAN, input=("a", "b"))
    bedrock, _ = provider(throttled, throttled)
    with pytest.raises(ProviderRefused):
        await bedrock.embed(wanted, idempotency_key="a")
    bedrock, _ = provider(vector(1), throttled)
    with pytest.raises(ProviderBroke):
        await bedrock.embed(wanted, idempotency_key="a")


# What the gateway and the doctor ask.


def test_which_models_are_served_and_how_much_they_write() -> None:
    bedrock, _ = provider()
    assert bedrock.models() == ["amazon.nova-lite-v1:0"]
    assert bedrock.serves("amazon.nova-lite-v1:0")
    assert bedrock.serves("eu.anything")
    assert not bedrock.serves("gpt-4o")
    assert bedrock.output_ceiling(PLAIN) == 64_000
    other = msgspec.structs.replace(PLAIN, model="a.b")
    assert bedrock.output_ceiling(other) == DEFAULT_OUTPUT_TOKENS


async def test_the_ceiling_covers_texts_media_and_tools() -> None:
    bedrock, _ = provider()
    image = Message("user", (Text("x" * 1_000),))
    plain = msgspec.structs.replace(PLAIN, messages=(image,))
    assert bedrock.input_ceiling(plain) > 1_000
    tools = msgspec.structs.replace(plain, tools=(Tool("a"),))
    assert bedrock.input_ceiling(tools) > bedrock.input_ceiling(plain) + 1_000
    assert min(IMAGE_TOKENS, DOCUMENT_TOKENS) > 4_000
    assert await bedrock.count_tokens(plain) == bedrock.input_estimate(plain)
    assert bedrock.embedding_ceiling(EmbeddingRequest(model=TITAN, input=("ü",))) >= 2
    await bedrock.refresh()


async def test_a_credential_that_aws_knows_is_good_enough() -> None:
    denied = HttpResponse(403, {"x-amzn-errortype": "AccessDeniedException"}, b"{}")
    unknown = HttpResponse(403, {"x-amzn-errortype": "UnrecognizedClientException"}, b"{}")
    bedrock, client = provider(HttpResponse(200, {}, b"{}"), denied, unknown)
    await bedrock.check()
    await bedrock.check()
    with pytest.raises(ProviderRefused):
        await bedrock.check()
    assert client.sent[0].url == "https://bedrock.example/async-invoke?maxResults=1"
