from typing import Any

import msgspec
import pytest

from asgi import Client
from headgate.simulate import Fault, SimulatorOptions, create_app

GENERATE = "/gemini/v1beta/models/m:generateContent"
STREAM = "/gemini/v1beta/models/m:streamGenerateContent"
EMBED = "/gemini/v1beta/models/m:embedContent"


async def take(client: Client, *faults: Fault) -> Client:
    app = create_app(SimulatorOptions(vendor="gemini", faults=faults))
    await app(client.scope, client.receive, client.send)
    return client


def ask(text: str, path: str = GENERATE, **options: Any) -> Client:
    return Client("POST", path, {"contents": [{"parts": [{"text": text}]}], **options})


@pytest.mark.parametrize("version", ["v1", "v1beta"])
async def test_any_credential_is_good_in_either_version(version: str) -> None:
    assert (await take(Client("GET", f"/gemini/{version}/models"))).status == 200


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "INVALID_ARGUMENT"),
        (418, "INVALID_ARGUMENT"),
        (429, "RESOURCE_EXHAUSTED"),
        (500, "INTERNAL"),
        (529, "INTERNAL"),
    ],
)
async def test_a_failure_has_googles_shape(status: int, name: str) -> None:
    for path in (GENERATE, STREAM):
        client = await take(ask(f"[[fail {status}]]", path))
        error = client.json["error"]
        assert (client.status, error["code"], error["status"]) == (status, status, name)
        waits = status in {429, 529}
        assert client.headers.get("retry-after") == ("1" if waits else None)
        assert ("details" in error) == waits


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[" * 100_000,
        {},
        {"contents": []},
        {"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]},
        {"contents": [{"parts": [{"text": "[[rate x]]"}]}]},
        {"contents": [{"parts": [{"inlineData": {"data": "AAAA"}}]}]},
        {
            "contents": [{"parts": [{"text": "x"}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "MAYBE"}},
        },
    ],
)
async def test_a_request_that_cannot_be_read_is_refused(body: Any) -> None:
    client = await take(Client("POST", GENERATE, body))
    assert (client.status, client.json["error"]["status"]) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", GENERATE),
        ("POST", "/gemini/v1beta/models"),
        ("POST", "/gemini/v1beta/models/m"),
        ("GET", "/gemini/v1beta/modelsx"),
        ("GET", "/gemini/v9/models"),
        ("GET", "/gemini"),
    ],
)
async def test_other_places_do_not_exist(method: str, path: str) -> None:
    assert (await take(Client(method, path, {}))).status == 404


async def test_a_stream_is_of_events_with_googles_line_ends() -> None:
    client = await take(ask("one two", STREAM))
    body = b"".join(message.get("body", b"") for message in client.messages)
    *frames, rest = body.split(b"\r\n\r\n")
    assert rest == b""
    found = [msgspec.json.decode(frame.removeprefix(b"data: ")) for frame in frames]
    assert len({piece["responseId"] for piece in found}) == 1
    assert [piece["candidates"][0].get("finishReason") for piece in found[-2:]] == [None, "STOP"]


async def test_a_single_text_has_a_single_vector() -> None:
    body = {"content": {"parts": [{"text": "x"}]}, "outputDimensionality": 4}
    client = await take(Client("POST", EMBED, body))
    assert len(client.json["embedding"]["values"]) == 4
    assert client.json["usageMetadata"] == {"promptTokenCount": 1}
    failed = await take(Client("POST", EMBED, body), Fault(503, 1.0))
    assert (failed.status, failed.json["error"]["status"]) == (503, "UNAVAILABLE")


async def test_answers_can_break_off_half_way() -> None:
    body = {"content": {"parts": [{"text": "x"}]}}
    for client in (ask("one two"), ask("one two", STREAM), Client("POST", EMBED, body)):
        await take(client, Fault("cut", 1.0))
        assert client.status == 200
        assert not client.is_whole


async def test_calls_that_a_limit_cuts_short_have_no_arguments() -> None:
    tools = [{"functionDeclarations": [{"name": "f"}]}]
    client = await take(
        ask('[[call f {"a": "b c"}]]', tools=tools, generationConfig={"maxOutputTokens": 1})
    )
    (candidate,) = client.json["candidates"]
    assert candidate["finishReason"] == "MAX_TOKENS"
    assert [part["functionCall"]["args"] for part in candidate["content"]["parts"]] == [{}]
