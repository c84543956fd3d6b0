from typing import Any

import msgspec
import pytest

from asgi import Client
from headgate.simulate import Fault, SimulatorOptions, create_app

EMBED: dict[str, Any] = {"model": "e", "texts": ["one two"], "input_type": "search_query"}


async def take(client: Client, *faults: Fault) -> Client:
    app = create_app(SimulatorOptions(vendor="cohere", faults=faults))
    await app(client.scope, client.receive, client.send)
    return client


def ask(text: str, **options: Any) -> Client:
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    return Client("POST", "/cohere/v2/chat", body | options)


@pytest.mark.parametrize("status", [400, 422, 429, 500, 529])
async def test_a_failure_has_coheres_shape(status: int) -> None:
    for stream in (False, True):
        client = await take(ask(f"[[fail {status}]]", stream=stream))
        assert (client.status, set(client.json)) == (status, {"id", "message"})
        assert client.headers.get("retry-after") == ("1" if status in {429, 529} else None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[" * 100_000,
        {"model": "m"},
        {"model": "m", "messages": []},
        {"model": "m", "messages": [{"role": "user", "content": "[[rate x]]"}]},
    ],
)
async def test_a_request_that_cannot_be_read_is_refused(body: Any) -> None:
    assert (await take(Client("POST", "/cohere/v2/chat", body))).status == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/cohere/v2/chat", 405),
        ("POST", "/cohere/v1/models", 405),
        ("POST", "/cohere/v1/chat", 404),
        ("GET", "/cohere", 404),
        ("GET", "/cohere/v1/models", 200),
    ],
)
async def test_where_things_are(method: str, path: str, status: int) -> None:
    assert (await take(Client(method, path))).status == status


async def test_each_event_bears_its_name_and_the_end_is_marked() -> None:
    client = await take(ask("one", stream=True))
    body = b"".join(message.get("body", b"") for message in client.messages)
    *frames, done, rest = body.split(b"\n\n")
    assert (done, rest) == (b"data: [DONE]", b"")
    for frame in frames:
        name, data = frame.removeprefix(b"event: ").split(b"\ndata: ")
        assert msgspec.json.decode(data)["type"] == name.decode()


async def test_vectors_can_fail() -> None:
    client = await take(Client("POST", "/cohere/v2/embed", EMBED), Fault(503, 1.0))
    assert client.status == 503
    whole = await take(Client("POST", "/cohere/v2/embed", EMBED))
    assert len(whole.json["embeddings"]["float"][0]) == 1536


async def test_answers_can_break_off_half_way() -> None:
    embed = Client("POST", "/cohere/v2/embed", EMBED)
    for client in (ask("one two"), ask("one two", stream=True), embed):
        await take(client, Fault("cut", 1.0))
        assert (client.status, client.is_whole) == (200, False)


async def test_what_breaks_off_before_the_first_token_has_begun() -> None:
    client = await take(ask("[[tokens 3]] [[cut 0]]", stream=True))
    assert (client.status, client.is_whole) == (200, False)
