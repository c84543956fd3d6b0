"""One vendor of OpenAI's protocol; `tests/wire` shows the shapes in which vendors answer."""

import asyncio
import dataclasses
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.chat import (
    ChatDelta,
    ChatRequest,
    Image,
    Message,
    Text,
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
from headgate.core.protocols.openai import ChatCompletionRequest, chat_request
from headgate.providers.openai import (
    IMAGE_TOKENS,
    OpenAIProvider,
    OpenAIStream,
    OpenAIVendor,
    embedding_to_wire,
    error_from,
    to_wire,
)
from headgate.providers.openai_requests import LimitField
from headgate.transport.http import (
    HttpBroke,
    HttpError,
    HttpResponse,
    HttpTimedOut,
    HttpUnreachable,
)
from scripted_http import Piece, ScriptedClient, ScriptedStream

OPENAI = OpenAIVendor(
    name="openai",
    base_url="https://api.example/v1/",
    api_key="sk-secret-key",
    catalog=frozenset({"small", "large"}),
    recognises=lambda model: model.startswith("small-"),
    limit_field="max_completion_tokens",
    output_tokens={"gpt-4": 8_192, "gpt-4o": 16_384},
)
OTHER = OpenAIVendor(name="other", base_url="http://127.0.0.1:1/v1")
ROWS = {"max_completion_tokens": OPENAI, "max_tokens": OTHER}
PLAIN = ChatRequest(model="m", messages=(Message("user", "hello"),))
ANSWER = HttpResponse(200, {}, b'{"choices":[{"message":{"content":"hi"}}]}')
DONE = b"data: [DONE]\n\n"


def came(text: str) -> ChatRequest:
    """The request of a caller of the protocol."""
    body = text.encode()
    return chat_request(msgspec.json.decode(body, type=ChatCompletionRequest), body).request


FORWARDED = came('{"model":"m","stream":true,"messages":[{"role":"user","content":"hello"}]}')


def frame(**delta: Any) -> bytes:
    return b"data: " + msgspec.json.encode({"choices": [{"index": 0, "delta": delta}]}) + b"\n\n"


# What the vendor is sent.


def test_a_body_is_forwarded_with_only_the_model_changed() -> None:
    """Fields that nobody here knows arrive, and so does what is written oddly inside of one."""
    request = came(
        '{ "messages": [{"role":"user","content":"a","content":"b", "x":1.50}], "model": "m",'
        ' "unknown": {"a":1, "a":[2 ]}, "seed": 7, "top_p": 0.10, "stream": false,'
        ' "max_tokens": null}'
    )
    assert to_wire(OTHER, msgspec.structs.replace(request, model="there")) == (
        b'{"messages":[{"role":"user","content":"a","content":"b", "x":1.50}],"model":"there",'
        b'"unknown":{"a":1, "a":[2 ]},"seed":7,"top_p":0.10,"stream":false,"max_tokens":null}'
    )


def test_of_a_field_that_is_sent_twice_the_vendor_gets_what_was_checked() -> None:
    request = came(
        '{"model":"a","max_tokens":900,"messages":[{"role":"user","content":"a"}],'
        '"max_tokens":5,"model":"b"}'
    )
    assert request.max_tokens == 5
    assert msgspec.json.decode(to_wire(OTHER, request))["max_tokens"] == 5
    assert to_wire(OTHER, request).count(b"max_tokens") == 1


def test_a_stream_is_always_asked_for_its_usage() -> None:
    """Other options of the stream stay as they are."""
    body = '{"model":"m","messages":[{"role":"user","content":"a"}],"stream":true%s}'
    for options, expected in (
        ("", b'{"include_usage":true}'),
        (',"stream_options":null', b'{"include_usage":true}'),
        (
            ',"stream_options":{"include_obfuscation":false,"include_usage":false}',
            b'{"include_obfuscation":false,"include_usage":true}',
        ),
    ):
        sent = to_wire(OTHER, came(body % options))
        assert sent.endswith(b'"stream":true,"stream_options":' + expected + b"}")
    translated = msgspec.structs.replace(PLAIN, stream=True)
    assert to_wire(OTHER, translated).endswith(b'"stream_options":{"include_usage":true}}')


def limits(vendor: OpenAIVendor, sent: str, gateways: int | None) -> dict[str, int | None]:
    request = came('{"model":"m","messages":[{"role":"user","content":"a"}]' + sent + "}")
    if gateways is not None:
        request = msgspec.structs.replace(request, max_tokens=gateways)
    fields = msgspec.json.decode(to_wire(vendor, request))
    return {name: fields[name] for name in ROWS if name in fields}


@pytest.mark.parametrize("field", ["max_completion_tokens", "max_tokens"])
@pytest.mark.parametrize(
    "sent", ["", ',"max_tokens":null', ',"max_completion_tokens":null,"max_tokens":null']
)
def test_the_gateways_limit_is_set_once_in_the_rows_field(field: LimitField, sent: str) -> None:
    assert limits(ROWS[field], sent, 64) == {field: 64}


@pytest.mark.parametrize("field", ["max_completion_tokens", "max_tokens"])
def test_a_callers_limit_in_the_older_field_stays_there(field: LimitField) -> None:
    """All vendors heed it, and a body is changed no more than it must be."""
    assert limits(ROWS[field], ',"max_tokens":9', None) == {"max_tokens": 9}


@pytest.mark.parametrize("field", ["max_completion_tokens", "max_tokens"])
@pytest.mark.parametrize("older", ["", ',"max_tokens":900', ',"max_tokens":null'])
def test_a_callers_limit_in_the_newer_field_reaches_every_vendor(
    field: LimitField, older: str
) -> None:
    """A vendor that does not know the newer field would write more than was reserved."""
    assert limits(ROWS[field], ',"max_completion_tokens":9' + older, None) == {field: 9}


def test_a_request_in_other_words_is_translated() -> None:
    request = msgspec.structs.replace(PLAIN, max_tokens=9, wire=Wire("other", b"{}"))
    assert msgspec.json.decode(to_wire(OPENAI, request)) == {
        "messages": [{"role": "user", "content": "hello"}],
        "max_completion_tokens": 9,
        "model": "m",
    }


def test_embeddings_are_asked_for_as_numbers() -> None:
    """That is what the vector is read as, whatever the caller is given."""
    request = EmbeddingRequest(model="m", input=((1, 2),), dimensions=3)
    assert msgspec.json.decode(embedding_to_wire(OTHER, request)) == {
        "input": [[1, 2]],
        "dimensions": 3,
        "model": "m",
        "encoding_format": "float",
    }
    body = b'{"model":"alias","input":"a","encoding_format":"base64","input_type":"query"}'
    forwarded = EmbeddingRequest(model="m", input=("a",), wire=Wire("openai", body))
    assert msgspec.json.decode(embedding_to_wire(OTHER, forwarded)) == {
        "input": "a",
        "input_type": "query",
        "model": "m",
        "encoding_format": "float",
    }


# What it costs at most.

texts = st.text(st.characters(codec="utf-8"), max_size=40)
conversations = st.builds(
    ChatRequest,
    model=st.just("m"),
    messages=st.lists(
        st.builds(
            Message,
            role=st.sampled_from(["system", "user"]),
            content=texts | st.lists(st.builds(Text, texts), min_size=1, max_size=3).map(tuple),
            name=st.none() | texts,
            tool_calls=st.lists(st.builds(ToolCall, texts, texts, texts), max_size=2).map(tuple),
        ),
        min_size=1,
        max_size=4,
    ).map(tuple),
    tools=st.lists(
        st.builds(Tool, texts, texts, st.none() | st.just({"type": "object"})), max_size=2
    ).map(tuple),
)


def bytes_read(request: ChatRequest) -> int:
    """Tokens under a tokenizer without merges, with the marks that chat models add to a message."""
    size = 3
    for message in request.messages:
        parts = [message.text, message.name or ""]
        for call in message.tool_calls:
            parts += [call.name, call.arguments]
        size += 4 + sum(len(part.encode()) for part in parts)
    for tool in request.tools:
        size += len(tool.name.encode()) + len(tool.description.encode())
    return size


@given(conversations)
def test_no_tokenizer_counts_more_than_the_ceiling(request: ChatRequest) -> None:
    """Not for a request in other words, not for a caller's own body, with images or without."""
    provider = OpenAIProvider(OTHER, ScriptedClient())
    assert provider.input_ceiling(request) >= bytes_read(request)
    body = to_wire(OTHER, request)
    as_sent = msgspec.structs.replace(request, wire=Wire("openai", body))
    assert provider.input_ceiling(as_sent) >= bytes_read(request)
    picture = Message("user", (Image("data:image/png;base64,AAAA"),))
    seen = msgspec.structs.replace(request, messages=(*request.messages, picture))
    with_image = msgspec.structs.replace(seen, wire=Wire("openai", to_wire(OTHER, seen)))
    assert provider.input_ceiling(with_image) >= bytes_read(request) + IMAGE_TOKENS


def test_an_image_counts_its_maximum_and_not_its_bytes() -> None:
    provider = OpenAIProvider(OTHER, ScriptedClient())
    image = Image("data:image/png;base64," + "A" * 1_000_000)
    for count in (1, 2):
        request = ChatRequest(model="m", messages=(Message("user", (image,) * count),))
        as_sent = msgspec.structs.replace(request, wire=Wire("openai", to_wire(OTHER, request)))
        for one in (request, as_sent):
            ceiling = provider.input_ceiling(one)
            assert count * IMAGE_TOKENS < ceiling < count * IMAGE_TOKENS + 1_000


def test_fields_that_nobody_here_knows_count_beside_images_too() -> None:
    image = '{"type":"image_url","image_url":{"url":"data:x"}}'
    body = '{"model":"m","messages":[{"role":"user","content":[%s]}],"functions":["%s"]}'
    provider = OpenAIProvider(OTHER, ScriptedClient())
    assert provider.input_ceiling(came(body % (image, "f" * 9_000))) > IMAGE_TOKENS + 9_000


def test_the_output_is_bounded_by_the_longest_name_that_fits() -> None:
    provider = OpenAIProvider(OPENAI, ScriptedClient())
    models = ("gpt-4o-mini", "gpt-4-turbo", "unknown")
    ceilings = [provider.output_ceiling(msgspec.structs.replace(PLAIN, model=m)) for m in models]
    assert ceilings == [16_384, 8_192, 4_096]


def test_an_estimate_is_a_quarter_of_the_bytes() -> None:
    provider = OpenAIProvider(OTHER, ScriptedClient())
    size = len(FORWARDED.wire.body) if FORWARDED.wire else 0
    assert provider.input_estimate(FORWARDED) == -(-size // 4)


def test_an_embedding_counts_its_bytes_or_tokens_at_most() -> None:
    provider = OpenAIProvider(OTHER, ScriptedClient())
    of_texts = provider.embedding_ceiling(EmbeddingRequest(model="m", input=("grüß", "")))
    of_tokens = provider.embedding_ceiling(EmbeddingRequest(model="m", input=((1, 2, 3),)))
    # Two marks around each text are what tokenizers add.
    assert of_texts >= 6 + 2 * 2
    assert of_tokens >= 3 + 2


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
        (422, "invalid"),
        (429, "rate_limited"),
        (500, "failed"),
        (502, "failed"),
        (503, "overloaded"),
        (529, "overloaded"),
    ],
)
@pytest.mark.parametrize(
    "body",
    [
        b'{"error":{"message":"the secret word","type":"t","param":null,"code":null}}',
        b'{"error":"the secret word"}',
        b'{"object":"error","message":"the secret word","code":40000}',
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


def test_an_empty_account_is_no_rate_limit() -> None:
    """No waiting cures it, so the caller is not told to wait."""
    body = b'{"error":{"message":"You exceeded your quota","code":"insufficient_quota"}}'
    error = error_from(429, {"retry-after": "7"}, body)
    assert isinstance(error, ProviderRefused)
    assert (error.kind, error.retry_after_seconds) == ("unauthorized", None)
    assert "exceeded your quota" not in error.message


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":{"message":"too long","code":"context_length_exceeded"}}',
        b'{"object":"error","message":"This model\'s maximum context length is 8 tokens."}',
    ],
)
def test_an_input_that_is_too_long_is_told_apart(body: bytes) -> None:
    error = error_from(400, {}, body)
    assert isinstance(error, ProviderRefused)
    assert (error.kind, error.param) == ("context_length", "messages")


@pytest.mark.parametrize(
    "body",
    [
        '{"error":{"message":"%s","param":"temperature"}}',
        '{"error":{"message":"%s","metadata":{"raw":"%s"}}}',
        '{"error":"%s"}',
        '{"message":"%s","type":"BadRequestError","code":400}',
        '{"message":{"detail":[{"msg":"%s"}]}}',
        '{"detail":[{"loc":["body"],"msg":"%s"}]}',
    ],
)
def test_a_refusal_of_the_request_is_told_without_secrets(body: str) -> None:
    said = "key sk-abcdef123456, Bearer tok, org-acme1 at https://a.example/x and 10.1.2.3:80"
    error = error_from(400, {}, body.replace("%s", said).encode())
    assert isinstance(error, ProviderRefused)
    assert error.kind == "invalid"
    assert error.message.startswith("key [removed]")
    for secret in ("sk-", "tok", "org-", "a.example", "10.1"):
        assert secret not in error.message


def test_the_part_of_the_request_that_is_wrong_is_told() -> None:
    error = error_from(400, {}, b'{"error":{"message":"too hot","param":"temperature"}}')
    assert isinstance(error, ProviderRefused)
    assert (error.message, error.param) == ("too hot", "temperature")


async def test_what_filters_think_of_the_question_is_no_piece_of_the_answer() -> None:
    """Azure's first frame has no choices; the results beside a choice stay with it."""
    judged = b'data: {"choices":[],"prompt_filter_results":[{"prompt_index":0}],"id":""}\n\n'
    content = (
        b'data: {"choices":[{"index":0,"delta":{"content":"hi"},"content_filter_results":{}}]}\n\n'
    )
    for request in (PLAIN, FORWARDED):
        stream = OpenAIStream(ScriptedStream([judged, content, DONE]), request)
        pieces = [piece async for piece in stream]
        assert pieces in ([ChatDelta(text="hi")], [WireDelta(content)])


def test_a_question_that_filters_refuse_is_a_bad_request() -> None:
    body = {
        "error": {
            "message": "The response was filtered due to Azure's content management policy.",
            "code": "content_filter",
            "status": 400,
            "param": "prompt",
            "innererror": {"code": "ResponsibleAIPolicyViolation"},
        }
    }
    error = error_from(400, {}, msgspec.json.encode(body))
    assert isinstance(error, ProviderRefused)
    assert (error.kind, error.param) == ("invalid", "prompt")


# Whole answers.


async def test_a_vendor_may_have_names_and_addresses_of_its_own_for_models() -> None:
    """As Azure has for deployments; its key stands in a header of its own."""
    current = OpenAIVendor(
        name="azure",
        base_url="https://r.example/openai/v1",
        api_key="azure-key",
        key_header="api-key",
        deployments={"m": "our chat/1"},
    )
    dated = dataclasses.replace(
        current, base_url="https://r.example/openai", api_version="2024-10-21"
    )
    vectors = HttpResponse(200, {}, b'{"data":[{"embedding":[1.0]}]}')
    client = ScriptedClient(ANSWER, ANSWER, vectors, HttpResponse(200, {}, b""))
    await OpenAIProvider(current, client).complete(PLAIN, idempotency_key="a")
    await OpenAIProvider(dated, client).complete(PLAIN, idempotency_key="a")
    wanted = EmbeddingRequest(model="other", input=("a",))
    await OpenAIProvider(dated, client).embed(wanted, idempotency_key="a")
    await OpenAIProvider(dated, client).check()
    assert [sent.url.removeprefix("https://r.example/openai/") for sent in client.sent] == [
        "v1/chat/completions",
        "deployments/our%20chat%2F1/chat/completions?api-version=2024-10-21",
        "deployments/other/embeddings?api-version=2024-10-21",
        "models?api-version=2024-10-21",
    ]
    assert msgspec.json.decode(client.sent[0].body)["model"] == "our chat/1"
    assert msgspec.json.decode(client.sent[2].body)["model"] == "other"
    assert all(sent.headers["api-key"] == "azure-key" for sent in client.sent)
    assert not any("authorization" in sent.headers for sent in client.sent)


async def test_a_call_carries_the_credential_and_its_idempotency_key() -> None:
    client = ScriptedClient(ANSWER, ANSWER)
    await OpenAIProvider(OPENAI, client).complete(PLAIN, idempotency_key="att_1")
    await OpenAIProvider(OTHER, client).complete(PLAIN, idempotency_key="att_2")
    first, second = client.sent
    assert (first.method, first.url) == ("POST", "https://api.example/v1/chat/completions")
    assert first.headers == {
        "content-type": "application/json",
        "authorization": "Bearer sk-secret-key",
        "idempotency-key": "att_1",
    }
    assert second.headers == {"content-type": "application/json", "idempotency-key": "att_2"}


async def test_a_vendor_can_be_called_with_another_key() -> None:
    client = ScriptedClient(ANSWER, ANSWER)
    platforms = OpenAIProvider(OPENAI, client)
    users = platforms.with_key("sk-another")
    await users.complete(PLAIN, idempotency_key="att_1")
    await platforms.complete(PLAIN, idempotency_key="att_2")
    sent = [(call.url, call.headers["authorization"]) for call in client.sent]
    url = "https://api.example/v1/chat/completions"
    assert sent == [(url, "Bearer sk-another"), (url, "Bearer sk-secret-key")]
    assert users.provider == platforms.provider


def test_a_row_does_not_show_its_credential() -> None:
    assert "sk-secret" not in repr(OPENAI) + repr(OpenAIProvider(OPENAI, ScriptedClient()))


FAILURES = [
    (HttpUnreachable("x"), ProviderUnreachable),
    (HttpTimedOut("x"), ProviderTimedOut),
    (HttpBroke("x"), ProviderBroke),
]


@pytest.mark.parametrize(("failure", "kind"), FAILURES)
async def test_no_answer_is_a_failure_of_the_vendor(
    failure: HttpError, kind: type[ProviderError]
) -> None:
    provider = OpenAIProvider(OPENAI, ScriptedClient(failure, failure))
    with pytest.raises(kind):
        await provider.complete(PLAIN, idempotency_key="k")
    with pytest.raises(kind):
        await provider.embed(EmbeddingRequest(model="m", input=("a",)), idempotency_key="k")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (HttpResponse(429, {}, b""), ProviderRefused),
        (HttpResponse(200, {}, b"<html>"), ProviderBroke),
        (HttpResponse(200, {}, b'{"choices":[]}'), ProviderBroke),
        (HttpResponse(200, {}, b'{"error":{"message":"no"}}'), ProviderBroke),
    ],
)
async def test_an_answer_that_is_none_is_a_failure(
    answer: HttpResponse, kind: type[ProviderError]
) -> None:
    provider = OpenAIProvider(OPENAI, ScriptedClient(answer))
    with pytest.raises(kind):
        await provider.complete(PLAIN, idempotency_key="k")


# Embeddings.


async def test_vectors_come_in_the_order_of_their_texts() -> None:
    body = (
        b'{"data":[{"index":1,"embedding":[3,4]},{"index":0,"embedding":[1,2.5]}],'
        b'"usage":{"prompt_tokens":7,"total_tokens":7}}'
    )
    client = ScriptedClient(HttpResponse(200, {}, body))
    response = await OpenAIProvider(OPENAI, client).embed(
        EmbeddingRequest(model="m", input=("a", "b")), idempotency_key="k"
    )
    assert response.vectors == ((1.0, 2.5), (3.0, 4.0))
    assert (response.usage, response.estimated) == (TokenUsage(7), False)
    assert client.sent[0].url == "https://api.example/v1/embeddings"


async def test_vectors_without_indexes_or_a_count_are_taken_as_they_come() -> None:
    body = b'{"data":[{"embedding":[1]},{"index":null,"embedding":[2]}]}'
    response = await OpenAIProvider(OPENAI, ScriptedClient(HttpResponse(200, {}, body))).embed(
        EmbeddingRequest(model="m", input=("aaaa", "bbbb")), idempotency_key="k"
    )
    assert response.vectors == ((1.0,), (2.0,))
    assert response.estimated
    assert response.usage.input_tokens >= 2


@pytest.mark.parametrize("body", [b'{"data":[]}', b"{}", b"[", b'{"data":[{"embedding":"AAAA"}]}'])
async def test_vectors_that_are_none_are_a_failure(body: bytes) -> None:
    provider = OpenAIProvider(OPENAI, ScriptedClient(HttpResponse(200, {}, body)))
    with pytest.raises(ProviderBroke):
        await provider.embed(EmbeddingRequest(model="m", input=("a",)), idempotency_key="k")


# The models that a vendor serves.


async def test_a_row_serves_its_catalog_and_what_it_recognises() -> None:
    client = ScriptedClient()
    provider = OpenAIProvider(OPENAI, client)
    assert provider.models() == ["large", "small"]
    served = [provider.serves(model) for model in ("small", "small-2026", "medium")]
    assert served == [True, True, False]
    await provider.refresh()
    assert client.sent == []


async def test_a_vendor_that_lists_its_models_is_asked_for_them() -> None:
    row = OpenAIVendor(name="ollama", base_url="http://127.0.0.1:1/v1", discover=True)
    listing = HttpResponse(200, {}, b'{"object":"list","data":[{"id":"llama","created":1.5}]}')
    gone: list[HttpResponse | HttpError] = [
        HttpUnreachable("x"),
        HttpResponse(401, {}, b'{"error":"no"}'),
        HttpResponse(200, {}, b"[" * 100_000),
    ]
    client = ScriptedClient(*(step for failure in gone for step in (listing, failure)))
    provider = OpenAIProvider(row, client)
    for _ in gone:
        await provider.refresh()
        assert provider.models() == ["llama"]
        await provider.refresh()
        assert provider.models() == []
    assert client.sent[0].url == "http://127.0.0.1:1/v1/models"


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (HttpResponse(200, {}, b"{}"), None),
        (HttpResponse(404, {}, b"no list"), None),
        (HttpResponse(401, {}, b"{}"), ProviderRefused),
        (HttpResponse(500, {}, b"{}"), ProviderRefused),
        (HttpUnreachable("x"), ProviderUnreachable),
    ],
)
async def test_a_check_finds_a_vendor_that_is_away_or_refuses_the_credential(
    answer: HttpResponse | HttpError, failure: type[ProviderError] | None
) -> None:
    client = ScriptedClient(answer)
    provider = OpenAIProvider(OPENAI, client)
    if failure is None:
        await provider.check()
    else:
        with pytest.raises(failure):
            await provider.check()
    assert (client.sent[0].method, client.sent[0].url) == ("GET", "https://api.example/v1/models")


# Streams.


def stream_of(*pieces: Piece, request: ChatRequest = FORWARDED) -> OpenAIStream:
    return OpenAIStream(ScriptedStream(pieces), request)


async def pieces_before_failure(
    stream: OpenAIStream, kind: type[ProviderError] = ProviderBroke
) -> list[ChatDelta | WireDelta]:
    pieces: list[ChatDelta | WireDelta] = []

    async def read() -> None:
        async for piece in stream:
            pieces.append(piece)  # noqa: PERF401 - what came before the failure counts

    with pytest.raises(kind):
        await read()
    return pieces


async def test_a_stream_opens_no_connection_before_it_is_read() -> None:
    answer = ScriptedStream([frame(content="a"), DONE])
    client = ScriptedClient(answer)
    stream = OpenAIProvider(OPENAI, client).stream(FORWARDED, idempotency_key="att_1")
    assert not answer.is_entered
    assert await anext(aiter(stream)) == WireDelta(frame(content="a"))
    assert client.sent[0].headers["idempotency-key"] == "att_1"
    await stream.aclose()
    assert answer.is_closed


async def test_a_stream_that_nobody_reads_is_closed_without_harm() -> None:
    answer = ScriptedStream([])
    stream = OpenAIStream(answer, FORWARDED)
    await stream.aclose()
    await stream.aclose()
    assert (answer.is_entered, stream.usage(), stream.received_tokens()) == (False, None, 0)


@pytest.mark.parametrize("request_", [FORWARDED, PLAIN], ids=["forwarded", "translated"])
async def test_leaving_a_stream_closes_the_connection(request_: ChatRequest) -> None:
    answer = ScriptedStream([frame(content="a"), asyncio.Event()])
    stream = OpenAIStream(answer, request_)
    await anext(aiter(stream))
    await stream.aclose()
    assert answer.is_closed


async def test_a_refused_stream_fails_with_its_status() -> None:
    answer = ScriptedStream([b'{"error":', b'"no"}'], status=429, headers={"retry-after": "3"})
    with pytest.raises(ProviderRefused) as refused:
        await anext(aiter(OpenAIStream(answer, FORWARDED)))
    assert (refused.value.kind, refused.value.retry_after_seconds) == ("rate_limited", 3.0)
    assert answer.is_closed


@pytest.mark.parametrize(("failure", "kind"), FAILURES)
async def test_a_stream_that_does_not_begin_fails(
    failure: HttpError, kind: type[ProviderError]
) -> None:
    stream = OpenAIStream(ScriptedStream([], refusal=failure), FORWARDED)
    assert await pieces_before_failure(stream, kind) == []


async def test_a_stream_that_breaks_has_given_what_came() -> None:
    stream = stream_of(frame(content="a"), frame(content="b"), HttpBroke("x"))
    assert await pieces_before_failure(stream) == [
        WireDelta(frame(content="a")),
        WireDelta(frame(content="b")),
    ]
    assert (stream.usage(), stream.received_tokens(), stream.ending()) == (None, 2, b"")


@pytest.mark.parametrize("request_", [FORWARDED, PLAIN], ids=["forwarded", "translated"])
async def test_a_stream_without_its_end_mark_is_broken(request_: ChatRequest) -> None:
    stream = stream_of(frame(content="a"), request=request_)
    assert len(await pieces_before_failure(stream)) == 1


ERROR = b'data: {"error":{"message":"the secret word","code":500}}\n\n'


@pytest.mark.parametrize("request_", [FORWARDED, PLAIN], ids=["forwarded", "translated"])
@pytest.mark.parametrize(
    "pieces",
    [(frame(content="a"), ERROR), (frame(content="a") + ERROR,)],
    ids=["apart", "together"],
)
async def test_an_error_in_the_middle_breaks_the_stream_after_what_came(
    request_: ChatRequest, pieces: tuple[bytes, ...]
) -> None:
    stream = stream_of(*pieces, DONE, request=request_)
    assert len(await pieces_before_failure(stream)) == 1


@pytest.mark.parametrize("first", [b"data: <html>\n\n", b"data: 7\n\n", ERROR])
async def test_nonsense_instead_of_an_answer_is_not_forwarded(first: bytes) -> None:
    """Nothing has come then, so another vendor can take over."""
    assert await pieces_before_failure(stream_of(first, DONE)) == []


async def test_comments_before_the_answer_are_no_content() -> None:
    """As long as nothing has come another vendor can take over."""
    waiting = asyncio.Event()
    stream = stream_of(b": busy\n\n", b": busy\n\n", waiting, frame(content="a"), b": b\n\n", DONE)
    reading = asyncio.ensure_future(anext(aiter(stream)))
    await asyncio.sleep(0)
    assert not reading.done()
    waiting.set()
    assert await reading == WireDelta(frame(content="a"))
    assert [piece async for piece in stream] == [WireDelta(b": b\n\n")]


async def test_nothing_after_the_end_mark_counts() -> None:
    stream = stream_of(frame(content="a") + DONE + frame(content="b"))
    assert [piece async for piece in stream] == [WireDelta(frame(content="a"))]


async def test_a_vendor_that_holds_the_connection_after_the_end_does_not_hold_the_caller() -> None:
    answer = ScriptedStream([frame(content="a"), DONE, asyncio.Event()])
    pieces = [piece async for piece in OpenAIStream(answer, FORWARDED)]
    assert (pieces, answer.is_closed) == ([WireDelta(frame(content="a"))], True)


async def test_an_answer_is_read_beyond_its_end_mark_so_that_the_connection_serves_again() -> None:
    answer = ScriptedStream([frame(content="a"), DONE, b""])
    assert len([piece async for piece in OpenAIStream(answer, FORWARDED)]) == 1
    assert answer.is_read


async def test_what_breaks_after_the_end_mark_is_no_failure() -> None:
    stream = stream_of(frame(content="a"), DONE, HttpBroke("x"))
    assert len([piece async for piece in stream]) == 1


async def test_an_answer_without_content_is_an_answer() -> None:
    assert [piece async for piece in stream_of(DONE)] == []


async def test_a_count_is_final_only_at_the_end() -> None:
    """Some vendors count with every frame; what comes after a count is not in it."""
    counted = (
        b'data: {"choices":[{"delta":{"content":"a"}}],'
        b'"usage":{"prompt_tokens":9,"completion_tokens":%d}}\n\n'
    )
    stream = stream_of(counted % 1, frame(content="b"), frame(content="c"), HttpBroke("x"))
    await pieces_before_failure(stream)
    assert (stream.usage(), stream.received_tokens()) == (None, 3)
    stream = stream_of(counted % 1, counted % 2, HttpBroke("x"))
    await pieces_before_failure(stream)
    assert stream.usage() == TokenUsage(9, 2)
    stream = stream_of(counted % 1, frame(content="b"), DONE)
    assert len([piece async for piece in stream]) == 2
    assert stream.usage() == TokenUsage(9, 1)


@pytest.mark.parametrize(
    ("frames", "tokens"),
    [
        ([frame(content="one"), frame(content=" two")], 2),
        ([frame(role="assistant", content="")], 0),
        ([frame(content="a" * 400)], 100),
        ([frame(content="語" * 40)], 30),
        ([frame(reasoning_content="hm"), frame(reasoning="hm")], 2),
        ([frame(tool_calls=[{"index": 0, "function": {"arguments": "{}"}}])], 1),
        ([frame(content="a"), b": comment\n\n", b"data: {broken\n\n"], 1),
    ],
)
@pytest.mark.parametrize("request_", [FORWARDED, PLAIN], ids=["forwarded", "translated"])
async def test_received_tokens_are_estimated(
    frames: list[bytes], tokens: int, request_: ChatRequest
) -> None:
    """About one a frame, else about four bytes; what cannot be read does not stop the settling."""
    stream = stream_of(*frames, HttpBroke("x"), request=request_)
    await pieces_before_failure(stream)
    assert stream.received_tokens() == tokens


async def test_a_forwarded_frame_is_not_decoded() -> None:
    """Only frames that could hold the usage, an error or the end are looked into."""
    odd = b'data: {"choices":[{"delta":{"content":not json}}]}\n\n'
    stream = stream_of(frame(content="a"), odd, DONE)
    assert [piece async for piece in stream][1:] == [WireDelta(odd)]


async def test_only_the_first_of_several_answers_is_translated() -> None:
    both = (
        b'data: {"choices":[{"index":1,"delta":{"content":"b"}},'
        b'{"index":0,"delta":{"content":"a"},"finish_reason":""}]}\n\n'
    )
    stream = stream_of(both, DONE, request=PLAIN)
    assert [piece async for piece in stream] == [ChatDelta(text="a")]


async def test_a_frame_without_an_end_is_bounded() -> None:
    piece = b"data: " + b"x" * 1_000_000
    answer = ScriptedStream([piece] * 1_000)
    stream = OpenAIStream(answer, FORWARDED)
    assert await pieces_before_failure(stream) == []
    assert answer.is_closed
