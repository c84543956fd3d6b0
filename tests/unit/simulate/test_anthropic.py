from typing import Any

import pytest

from asgi import Client
from headgate.simulate import Fault, SimulatorOptions, create_app

MESSAGES = "/anthropic/v1/messages"


async def take(client: Client, options: SimulatorOptions | None = None) -> Client:
    app = create_app(options or SimulatorOptions(vendor="anthropic"))
    await app(client.scope, client.receive, client.send)
    return client


def message(text: str, **options: Any) -> Client:
    body = {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": text}]}
    return Client("POST", MESSAGES, body | options)


@pytest.mark.parametrize("headers", [{}, {"x-api-key": "x"}, {"anthropic-version": "never"}])
async def test_any_credential_and_any_version_is_good(headers: dict[str, str]) -> None:
    client = await take(Client("GET", "/anthropic/v1/models", headers=headers))
    assert client.status == 200


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (402, "billing_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ],
)
async def test_a_failure_has_anthropics_shape(status: int, kind: str) -> None:
    for stream in (False, True):
        client = await take(message(f"[[fail {status}]]", stream=stream))
        assert (client.status, client.json["error"]["type"]) == (status, kind)
        assert client.headers.get("retry-after") == ("1" if status in {429, 529} else None)
        assert client.headers["request-id"] == client.json["request_id"]
        assert set(client.json) == {"type", "error", "request_id"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b'{"model": "m", "max_tokens": 9}',
        {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
        {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "[[rate x]]"}]},
    ],
)
async def test_a_request_that_cannot_be_read_is_refused(body: Any) -> None:
    client = await take(Client("POST", MESSAGES, body))
    assert (client.status, client.json["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", MESSAGES, 405), ("POST", "/anthropic/v1/embeddings", 404), ("GET", "/anthropic", 404)],
)
async def test_other_paths_and_methods_are_refused(method: str, path: str, status: int) -> None:
    assert (await take(Client(method, path))).status == status


async def test_a_stream_cut_before_its_first_token_has_begun() -> None:
    client = await take(message("[[tokens 3]] [[cut 0]]", stream=True))
    assert client.status == 200
    assert b"message_start" in client.data
    assert b"content_block_start" not in client.data


async def test_a_failure_in_the_middle_is_an_event_and_the_end() -> None:
    client = await take(message("[[tokens 3]] [[cut 1]] [[fail 500]]", stream=True))
    assert client.status == 200
    assert client.data.count(b"content_block_delta\ndata") == 1
    assert client.data.rsplit(b"event: ", 1)[1].startswith(b'error\ndata: {"type":"error"')


async def test_only_those_who_ask_see_thoughts() -> None:
    for asked, expected in (
        ({}, ["text"]),
        ({"thinking": {"type": "disabled"}}, ["text"]),
        ({"thinking": {"type": "adaptive"}}, ["thinking", "text"]),
    ):
        client = await take(message("hi [[usage reasoning=2]]", **asked))
        assert [block["type"] for block in client.json["content"]] == expected


async def test_faults_by_chance_strike_here_too() -> None:
    options = SimulatorOptions(vendor="anthropic", faults=(Fault(529, 1.0),))
    client = await take(message("hi"), options)
    assert (client.status, client.json["error"]["type"]) == (529, "overloaded_error")
