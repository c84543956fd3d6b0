from typing import Any

import msgspec
import pytest

from asgi import Client
from headgate.core.protocols.eventstream import MessageCutter
from headgate.simulate import Fault, SimulatorOptions, create_app

MODEL = "/bedrock/model/arn:aws:bedrock:eu-west-1:1:inference-profile/eu.amazon.nova-lite-v1:0"
TITAN = "/bedrock/model/amazon.titan-embed-text-v2:0/invoke"
COHERE = "/bedrock/model/cohere.embed-english-v3/invoke"


async def take(client: Client, options: SimulatorOptions | None = None) -> Client:
    app = create_app(options or SimulatorOptions(vendor="bedrock"))
    await app(client.scope, client.receive, client.send)
    return client


def converse(text: str, *, stream: bool = False, **options: Any) -> Client:
    body = {"messages": [{"role": "user", "content": [{"text": text}]}], **options}
    return Client("POST", f"{MODEL}/converse{'-stream' * stream}", body)


def events(data: bytes) -> list[str]:
    return [
        message.headers.get(":event-type") or message.headers[":exception-type"]
        for message in MessageCutter().push(data)
    ]


async def test_a_model_may_be_named_by_an_arn() -> None:
    client = await take(converse("hi"))
    assert client.json["output"]["message"]["content"] == [{"text": "You said: hi"}]
    assert client.headers["x-amzn-requestid"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "ValidationException"),
        (403, "AccessDeniedException"),
        (404, "ResourceNotFoundException"),
        (408, "ModelTimeoutException"),
        (418, "ValidationException"),
        (424, "ModelErrorException"),
        (429, "ThrottlingException"),
        (500, "InternalServerException"),
        (503, "ServiceUnavailableException"),
        (529, "InternalServerException"),
    ],
)
async def test_a_failure_has_awss_shape(status: int, kind: str) -> None:
    for stream in (False, True):
        client = await take(converse(f"[[fail {status}]]", stream=stream))
        assert (client.status, client.headers["x-amzn-errortype"]) == (status, kind)
        assert set(client.json) == {"message"}
        assert client.headers.get("retry-after") == ("1" if status in {429, 529} else None)


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, {}, {"messages": [{"role": "x"}]}])
async def test_a_request_that_cannot_be_read_is_refused(body: Any) -> None:
    client = await take(Client("POST", f"{MODEL}/converse", body))
    assert (client.status, client.headers["x-amzn-errortype"]) == (400, "ValidationException")


async def test_a_thought_that_comes_back_changed_is_refused() -> None:
    thought = {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}}
    messages = [
        {"role": "user", "content": [{"text": "hi"}]},
        {"role": "assistant", "content": [thought]},
        {"role": "user", "content": [{"text": "go on"}]},
    ]
    client = await take(converse("", messages=messages))
    assert (client.status, "signature" in client.json["message"]) == (400, True)


async def test_a_failure_in_the_middle_is_an_exception_and_the_end() -> None:
    for status, kind in ((429, "throttlingException"), (500, "internalServerException")):
        text = f"[[tokens 3]] [[cut 1]] [[fail {status}]]"
        client = await take(converse(text, stream=True))
        assert client.status == 200
        assert events(client.data) == ["messageStart", "contentBlockDelta", kind]


async def test_a_stream_cut_before_its_first_token_has_begun() -> None:
    client = await take(converse("[[tokens 3]] [[cut 0]]", stream=True))
    assert events(client.data) == ["messageStart"]


async def test_thoughts_are_streamed_before_texts() -> None:
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    asked = converse("hi [[usage reasoning=2]]", stream=True, additionalModelRequestFields=thinking)
    client = await take(asked)
    first = [msgspec.json.decode(m.payload) for m in MessageCutter().push(client.data)][1]
    assert first["delta"] == {"reasoningContent": {"text": "thought thought"}}


async def test_vectors_of_both_makers() -> None:
    titan = await take(Client("POST", TITAN, {"inputText": "a b", "dimensions": 256}))
    assert (len(titan.json["embedding"]), titan.json["inputTextTokenCount"]) == (256, 2)
    body = {"texts": ["a", "b c"], "input_type": "search_document"}
    cohere = await take(Client("POST", COHERE, body))
    assert [len(vector) for vector in cohere.json["embeddings"]["float"]] == [1024, 1024]
    assert cohere.headers["x-amzn-bedrock-input-token-count"] == "3"


async def test_vectors_fail_and_break_off_as_they_are_told() -> None:
    failed = await take(Client("POST", TITAN, {"inputText": "[[fail 429]]"}))
    assert failed.headers["x-amzn-errortype"] == "ThrottlingException"
    options = SimulatorOptions(vendor="bedrock", faults=(Fault("cut", 1.0),))
    cut = await take(Client("POST", TITAN, {"inputText": "a"}), options)
    assert len(cut.data) < int(cut.headers["content-length"])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/bedrock/async-invoke", 200),
        ("GET", TITAN, 405),
        ("POST", f"{MODEL}/other", 404),
        ("GET", "/bedrock", 404),
        ("POST", "/bedrock/model/amazon.nova-lite-v1:0/invoke", 400),
    ],
)
async def test_other_paths_and_methods_are_refused(method: str, path: str, status: int) -> None:
    assert (await take(Client(method, path))).status == status


async def test_faults_by_chance_strike_here_too() -> None:
    options = SimulatorOptions(vendor="bedrock", faults=(Fault(503, 1.0),))
    assert (await take(converse("hi"), options)).status == 503
