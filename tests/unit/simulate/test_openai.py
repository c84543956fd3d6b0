from typing import Any

import pytest

from asgi import Client
from headgate.simulate import Fault, SimulatorOptions, create_app

CHAT = "/openai/v1/chat/completions"
EMBEDDINGS = "/openai/v1/embeddings"


async def take(client: Client, options: SimulatorOptions | None = None) -> Client:
    app = create_app(options or SimulatorOptions())
    await app(client.scope, client.receive, client.send)
    return client


def chat(text: str, **options: Any) -> Client:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": text}], **options}
    return Client("POST", CHAT, body)


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer "}, {"authorization": "x"}])
async def test_any_credential_is_good_and_none_too(headers: dict[str, str]) -> None:
    client = await take(Client("GET", "/openai/v1/models", headers=headers))
    assert client.status == 200


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, "invalid_request_error", None),
        (401, "invalid_request_error", "invalid_api_key"),
        (404, "invalid_request_error", "model_not_found"),
        (429, "requests", "rate_limit_exceeded"),
        (500, "server_error", None),
        (529, "server_error", None),
    ],
)
async def test_a_failure_has_openais_shape(status: int, kind: str, code: str | None) -> None:
    for stream in (False, True):
        client = await take(chat(f"[[fail {status}]]", stream=stream))
        error = client.json["error"]
        assert (client.status, error["type"], error["code"]) == (status, kind, code)
        assert client.headers.get("retry-after") == ("1" if status in {429, 529} else None)
        assert client.headers["x-request-id"]
        assert set(error) == {"message", "type", "code", "param"}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"{", None),
        (b"[" * 100_000, None),
        (b'{"model": "m"}', None),
        (b'{"model": "m", "messages": [{"role": "user", "content": "\xff"}]}', None),
        ({"model": "m", "messages": [{"role": "user", "content": "hi"}], "n": 2}, "n"),
        ({"model": "m", "messages": [{"role": "user", "content": "[[rate x]]"}]}, "messages"),
    ],
)
async def test_a_wrong_body_is_refused(body: bytes | dict[str, Any], param: str | None) -> None:
    client = await take(Client("POST", CHAT, body))
    assert client.status == 400
    assert client.json["error"]["param"] == param


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", CHAT, 405),
        ("POST", "/openai/v1/models", 405),
        ("POST", "/openai/v1/images", 404),
        ("POST", "/openai/chat/completions", 404),
        ("GET", "/openai/v1/models/any/model", 200),
    ],
)
async def test_other_paths_and_methods(method: str, path: str, status: int) -> None:
    assert (await take(Client(method, path))).status == status


async def test_a_stream_is_frames_with_an_end() -> None:
    client = await take(chat("hi", stream=True))
    frames = client.data.split(b"\n\n")
    assert client.headers["content-type"].startswith("text/event-stream")
    assert all(frame.startswith(b"data: {") for frame in frames[:-2])
    assert frames[-2:] == [b"data: [DONE]", b""]
    assert client.is_whole


@pytest.mark.parametrize("text", ["[[tokens 4]] [[cut 2]]", "[[cut 0]]", "[[tokens 2]] [[cut 2]]"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_cut_answer_has_no_end(text: str, stream: bool) -> None:
    client = await take(chat(text, stream=stream))
    assert client.status == 200
    assert not client.is_whole
    assert b"[DONE]" not in client.data
    assert b'finish_reason":"' not in client.data or not stream


async def test_faults_strike_whatever_the_call() -> None:
    failing = SimulatorOptions(faults=(Fault(503, 1),))
    body = {"model": "m", "input": "text"}
    assert (await take(chat("hi"), failing)).status == 503
    assert (await take(Client("POST", EMBEDDINGS, body), failing)).status == 503
    cutting = SimulatorOptions(faults=(Fault("cut", 1),))
    assert not (await take(chat("hi"), cutting)).is_whole
    assert not (await take(Client("POST", EMBEDDINGS, body), cutting)).is_whole


async def test_vectors_are_as_long_as_the_models() -> None:
    for model, length in (("any", 1536), ("text-embedding-3-large", 3072)):
        client = await take(Client("POST", EMBEDDINGS, {"model": model, "input": ["a b", "c"]}))
        assert [len(item["embedding"]) for item in client.json["data"]] == [length, length]
        assert client.json["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
