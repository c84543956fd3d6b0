"""Users who bring their own vendor keys: whom they reach, who pays, and where they can be read.

Two processes serve; the vendors are the simulator behind a gate that notes each call's credential
and refuses some.
"""

import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from headgate.simulate.app import create_app
from headgate.simulate.options import SimulatorOptions
from headgate_server import Answer, Caller, Headgate, chat, eventually, running
from servers import App, serve

PLATFORMS = "sk-the-platforms-openai-key"
PLATFORMS_ANTHROPIC = "sk-ant-the-platforms-key"
ADAS = "sk-adas-own-key-8Kx2Qv7Zp4Wy"
REFUSED = "sk-refused-by-its-vendor-5Tn1"
PATH = "/v1/providers/openai/key"
GPT = "gpt-4o-mini"
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("/v1/complete", chat("hello", model=GPT)),
    ("/v1/stream", chat("hello", model=GPT)),
    ("/v1/embed", {"model": "text-embedding-3-small", "input": "one two"}),
    ("/v1/classify", {"model": GPT, "input": "red roses", "labels": ["red", "blue"]}),
    ("/v1/chat/completions", chat("hello", model=GPT)),
    ("/v1/chat/completions", chat("hello", model=GPT, stream=True)),
    ("/v1/messages", chat("hello", model=GPT, max_tokens=9)),
]


@dataclass
class Gate:
    """The simulator's vendors; `seen` are the credentials of their calls, with the vendor."""

    app: App
    seen: list[tuple[str, str]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        bearer = headers.get(b"authorization", b"").removeprefix(b"Bearer ")
        credential = (bearer or headers.get(b"x-api-key", b"")).decode()
        self.seen.append((scope["path"].split("/")[1], credential))
        if credential == REFUSED:
            await send({"type": "http.response.start", "status": 401, "headers": []})
            said = f'{{"error":{{"message":"Incorrect API key provided: {REFUSED}"}}}}'
            await send({"type": "http.response.body", "body": said.encode()})
            return
        await self.app(scope, receive, send)


@pytest.fixture
async def gate() -> AsyncIterator[tuple[Gate, str]]:
    simulator = create_app(
        SimulatorOptions(vendor="all", latency_ms=0, tokens_per_second=None, faults=(), seed=None)
    )
    gate = Gate(simulator)
    async with serve(gate) as url:
        yield gate, url


@pytest.fixture
def seen(gate: tuple[Gate, str]) -> list[tuple[str, str]]:
    return gate[0].seen


@pytest.fixture
async def headgate(gate: tuple[Gate, str], tmp_path: Path) -> AsyncIterator[Headgate]:
    environment = {
        "OPENAI_API_KEY": PLATFORMS,
        "OPENAI_BASE_URL": f"{gate[1]}/openai/v1",
        "ANTHROPIC_API_KEY": PLATFORMS_ANTHROPIC,
        "ANTHROPIC_BASE_URL": f"{gate[1]}/anthropic",
        # A vendor that the platform has no key for.
        "COHERE_BASE_URL": f"{gate[1]}/cohere",
        "LOG_LEVEL": "debug",
    }
    with running(tmp_path, environment=environment, workers=2) as platform:
        yield platform


async def ask(caller: Caller, path: str, body: Any) -> Answer:
    """A call on a connection of its own, so that any process may get it."""
    return await caller.post(path, body, connection="close")


async def put(caller: Caller, body: Any, path: str = PATH) -> Answer:
    return await caller.send("PUT", path, body, headers={"connection": "close"})


async def test_a_users_calls_are_made_with_their_own_key_and_billed_by_the_vendor_alone(
    headgate: Headgate, admin: Caller, seen: list[tuple[str, str]]
) -> None:
    async with (
        admin.newcomer(userId="ada", monthlyBudget=0) as ada,
        admin.newcomer(userId="bob") as bob,
    ):
        answer = await put(ada, {"apiKey": ADAS})
        assert answer.status == 200
        await _until_known(headgate, ada, seen)
        for path, body in CALLS:
            seen.clear()
            answer = await ask(ada, path, body)
            assert answer.status == 200, answer.body
            assert seen == [("openai", ADAS)]
            event = await ada.event_of(answer.headers["x-request-id"])
            assert (event["byok"], event["billed"]) == (True, 0)
            assert event["cost"] > 0
            assert answer.headers.get("x-cost", "0") == "0"
            seen.clear()
            answer = await ask(bob, path, body)
            assert seen == [("openai", PLATFORMS)]
            event = await bob.event_of(answer.headers["x-request-id"])
            assert (event["byok"], event["billed"] > event["cost"]) == (False, True)


async def test_a_vendor_that_the_platform_has_no_key_for_is_there_for_who_brings_one(
    headgate: Headgate, admin: Caller, seen: list[tuple[str, str]]
) -> None:
    path, command = "/v1/providers/cohere/key", "command-r-08-2024"
    async with admin.newcomer(userId="ada") as ada, admin.newcomer(userId="bob") as bob:
        assert (await ask(ada, "/v1/complete", chat("hello", model=command))).status == 404
        assert (await put(ada, {"apiKey": ADAS}, path)).status == 200
        await _until_everywhere(headgate, ada, command, 200)
        assert {credential for vendor, credential in seen if vendor == "cohere"} == {ADAS}
        listed = {model["id"] for model in (await ada.get("/v1/models"))["data"]}
        assert command in listed
        assert command not in {model["id"] for model in (await bob.get("/v1/models"))["data"]}
        event = (await ada.get("/v1/usage/events"))["data"][0]
        assert (event["provider"], event["byok"], event["billed"]) == ("cohere", True, 0)
        assert event["cost"] > 0
        assert (await ask(bob, "/v1/complete", chat("hello", model=command))).status == 404
        assert (await ada.send("DELETE", path)).status == 200
        await _until_everywhere(headgate, ada, command, 404)


async def test_a_key_is_sent_to_no_other_vendor(
    headgate: Headgate, admin: Caller, seen: list[tuple[str, str]]
) -> None:
    async with admin.newcomer(userId="ada") as ada:
        await put(ada, {"apiKey": ADAS})
        await _until_known(headgate, ada, seen)
        seen.clear()
        answer = await ask(ada, "/v1/complete", chat("hello", model="claude-haiku-4-5"))
        assert answer.status == 200
        assert seen == [("anthropic", PLATFORMS_ANTHROPIC)]


async def test_a_key_that_its_vendor_refuses_is_told_of_and_the_platforms_is_not_used(
    headgate: Headgate, admin: Caller, seen: list[tuple[str, str]]
) -> None:
    async with admin.newcomer(userId="ada") as ada:
        await put(ada, {"apiKey": REFUSED})
        await _until_known(headgate, ada, seen, REFUSED)
        seen.clear()
        for path, body in CALLS:
            answer = await ask(ada, path, body)
            assert answer.status == 502
            assert "openai refused your own key" in answer.json["error"]["message"]
            assert REFUSED.encode() not in answer.body
        assert set(seen) == {("openai", REFUSED)}


async def test_a_key_is_shown_by_its_end_and_belongs_to_its_user(admin: Caller) -> None:
    async with (
        admin.newcomer(userId="ada") as ada,
        admin.newcomer(userId="bob") as bob,
        admin.newcomer() as nobody,
    ):
        assert (await ada.send("GET", PATH)).status == 404
        made = (await put(ada, {"apiKey": ADAS})).json
        assert made["lastFour"] == ADAS[-4:]
        assert made["setAt"].endswith("Z")
        assert (await ada.send("GET", PATH)).json == made
        assert (await bob.send("GET", PATH)).status == 404
        assert (await bob.send("GET", PATH, query={"userId": "ada"})).status == 403
        assert (await put(bob, {"apiKey": ADAS, "userId": "ada"})).status == 403
        assert (await bob.send("DELETE", PATH, query={"userId": "ada"})).status == 403
        assert (await put(nobody, {"apiKey": ADAS})).status == 403
        assert (await put(admin, {"apiKey": ADAS})).status == 400
        assert (await admin.send("GET", PATH, query={"userId": "ada"})).json == made
        assert (await put(admin, {"apiKey": ADAS[::-1], "userId": "bob"})).status == 200
        assert (await bob.send("GET", PATH)).json["lastFour"] == ADAS[3::-1]
        gone = await admin.send("DELETE", PATH, query={"userId": "ada"})
        assert (gone.status, gone.json) == (200, made)
        assert (await ada.send("DELETE", PATH)).status == 404


REFUSED_KEYS: list[tuple[str, Any, int]] = [
    ("/v1/providers/nobody/key", {"apiKey": ADAS}, 404),
    ("/v1/providers/sandbox/key", {"apiKey": ADAS}, 400),
    (PATH, {"apiKey": "short"}, 400),
    (PATH, {"apiKey": f"{ADAS}\r\nx-other: header"}, 400),
    (PATH, {"apiKey": f"{ADAS}\n"}, 400),
    (PATH, {"apiKey": "x" * 513}, 400),
    (PATH, {}, 400),
]


async def test_what_can_be_no_key_is_refused_and_not_repeated(admin: Caller) -> None:
    async with admin.newcomer(userId="ada") as ada:
        for path, body, status in REFUSED_KEYS:
            answer = await put(ada, body, path)
            assert answer.status == status, (path, body)
            assert ADAS.encode() not in answer.body


async def test_a_key_outlives_a_restart_and_goes_when_it_is_removed(
    admin: Caller, headgate: Headgate, seen: list[tuple[str, str]]
) -> None:
    key = await admin.new_key(userId="ada")
    async with headgate.caller(key["apiKey"]) as ada:
        await put(ada, {"apiKey": ADAS})
    headgate.stop()
    headgate.start()
    async with headgate.caller(key["apiKey"]) as ada:
        seen.clear()
        await ask(ada, "/v1/complete", chat("hello", model=GPT))
        assert seen == [("openai", ADAS)]
        await ada.send("DELETE", PATH)
        await _until_known(headgate, ada, seen, PLATFORMS)


async def test_a_key_can_be_read_nowhere(admin: Caller, headgate: Headgate) -> None:
    told = b""
    async with admin.newcomer(userId="ada") as ada:
        for secret in (ADAS, REFUSED):
            answers = [await put(ada, {"apiKey": secret}), await ada.send("GET", PATH)]
            for path, body in CALLS:
                answers.append(await ask(ada, path, body))
                answers.append(await ask(ada, path, body | {"model": "nobody"}))
            answers.append(await put(ada, {"apiKey": secret, "userId": 7}))
            answers.append(await ada.send("GET", "/v1/usage/events"))
            told += b"".join(repr(one.headers.raw).encode() + one.body for one in answers)
    printed = headgate.command.output
    assert headgate.stop() == 0
    printed += headgate.outputs[-1].removeprefix(printed)
    kept = {path: path.read_bytes() for path in headgate.data.rglob("*") if path.is_file()}
    for secret in (ADAS, REFUSED):
        assert secret.encode() not in told
        assert secret not in printed
        assert not [path for path, content in kept.items() if secret.encode() in content]
    secrets = headgate.data / "secret.key"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert not list(headgate.data.glob(".secret*"))


async def _until_everywhere(headgate: Headgate, caller: Caller, model: str, status: int) -> None:
    """Wait until both processes answer so."""
    body = chat("hello", model=model)
    async with headgate.everywhere(caller.key) as callers:
        for each in callers:
            await eventually(
                lambda: each.post("/v1/complete", body),  # noqa: B023 - awaited in the loop
                lambda answer: answer.status == status,
            )


async def _until_known(
    headgate: Headgate, caller: Caller, seen: list[tuple[str, str]], key: str = ADAS
) -> None:
    """Wait until both processes call the vendor with the key."""
    async with headgate.everywhere(caller.key) as callers:
        for each in callers:

            async def credentials() -> set[str]:
                seen.clear()
                await each.ask("hello", model=GPT)  # noqa: B023 - awaited in the loop
                return {credential for _, credential in seen}

            await eventually(credentials, lambda found: found == {key})
