"""Answers that are given again: the vendor's own list says whether it was called.

Once with a process that keeps them itself, once with two that share a Redis.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from headgate_server import Answer, Caller, Simulator, chat, eventually, running
from redis_server import redis_running

SAY = "[[say it is done]]"
MARKUP = Decimal("1.02")
PRICED: dict[str, Any] = {"model": "priced", "temperature": 0}
CLAUDE: dict[str, Any] = {"model": "claude-haiku-4-5", "temperature": 0, "max_tokens": 9}
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("/v1/complete", chat(SAY, **PRICED)),
    ("/v1/stream", chat(SAY, **PRICED)),
    ("/v1/embed", {"model": "priced", "input": ["one", "two"]}),
    ("/v1/classify", {"model": "priced", "input": "red roses", "labels": ["red", "blue"]}),
    ("/v1/chat/completions", chat(SAY, **PRICED)),
    (
        "/v1/chat/completions",
        chat(SAY, **PRICED, stream=True, stream_options={"include_usage": True}),
    ),
    ("/v1/embeddings", {"model": "priced", "input": "one two"}),
    ("/v1/messages", chat(SAY, **CLAUDE)),
    ("/v1/messages", chat(SAY, **CLAUDE, stream=True)),
    ("/v1/messages", chat(SAY, **PRICED, max_tokens=9, stream=True)),
    ("/v1/chat/completions", chat(SAY, model="claude-haiku-4-5", temperature=0, stream=True)),
]
NAMES = [f"{path} {body['model']} {body.get('stream', '')}" for path, body in CALLS]


@pytest.fixture(scope="module", params=["process", "redis"])
def environment(request: pytest.FixtureRequest, vendors: Simulator) -> Iterator[Mapping[str, str]]:
    if request.param == "process":
        yield vendors.environment
        return
    with redis_running() as server:
        yield {**vendors.environment, "HEADGATE_REDIS_URL": server.url}


@pytest.fixture(scope="module")
def workers(environment: Mapping[str, str]) -> int:
    return 2 if "HEADGATE_REDIS_URL" in environment else 1


@pytest.fixture(scope="module")
def configuration(vendors: Simulator) -> str:
    return f"""
        [vendors.simulated]
        base_url = "{vendors.openai_url}"
        api_key_env = "OPENAI_API_KEY"
        models = ["priced"]

        [prices]
        priced = {{ input = 1000, output = 2000 }}

        [routing]
        retries = 0
    """


async def ask(caller: Caller, path: str, body: Any, **headers: str) -> Answer:
    """A call on a connection of its own, so that any process may get it."""
    answer = await caller.post(path, body, connection="close", **headers)
    assert answer.status == 200, answer.body
    return answer


@pytest.mark.parametrize(("path", "body"), CALLS, ids=NAMES)
async def test_a_second_call_is_a_hit_that_calls_nobody_and_costs_nothing(
    admin: Caller, vendors: Simulator, path: str, body: dict[str, Any]
) -> None:
    async with admin.newcomer(workspaceId=f"{path}{body}"[:60]) as caller:
        await vendors.forget()
        first = await ask(caller, path, body)
        hits = [await ask(caller, path, body) for _ in range(4)]
        assert len(await vendors.calls()) == 1
        assert first.headers["x-cache"] == "miss"
        miss = await caller.event_of(first.headers["x-request-id"])
        assert (miss["cache"], miss["savedCost"]) == ("miss", 0)
        for hit in hits:
            assert hit.headers["x-cache"] == "hit"
            assert hit.headers["x-model"] == first.headers["x-model"]
            assert hit.headers.get("x-cost", "0") == "0"
            assert "x-ratelimit-remaining-requests" in hit.headers
            event = await caller.event_of(hit.headers["x-request-id"])
            assert (event["cache"], event["cost"], event["billed"]) == ("hit", 0, 0)
            assert event["savedCost"] == miss["cost"] > 0
            assert (event["status"], event["model"]) == ("ok", miss["model"])
            assert event["outputTokens"] == miss["outputTokens"]
        usage = await caller.get("/v1/usage")
        assert usage["totals"]["cacheHits"] == 4
        assert usage["totals"]["cost"] == miss["cost"]


async def test_what_a_hit_tells_of_its_cost_is_true(admin: Caller) -> None:
    async with admin.newcomer(workspaceId="true-costs") as caller:
        body = chat(SAY, **PRICED)
        first, second = [(await ask(caller, "/v1/complete", body)).json for _ in range(2)]
        assert first["usage"]["billed"] == first["usage"]["cost"] * MARKUP
        assert (second["usage"]["cost"], second["usage"]["billed"]) == (0, 0)
        assert second["usage"]["outputTokens"] == first["usage"]["outputTokens"]
        assert second["content"] == first["content"] == "it is done"


@pytest.mark.parametrize(
    "body", [chat(SAY, model="priced"), chat(SAY, **PRICED | {"temperature": 1})]
)
async def test_a_call_that_may_vary_goes_to_the_vendor(
    admin: Caller, vendors: Simulator, body: dict[str, Any]
) -> None:
    await vendors.forget()
    for _ in range(2):
        answer = await ask(admin, "/v1/complete", body)
        assert answer.headers["x-cache"] == "bypass"
    assert len(await vendors.calls()) == 2


async def test_no_cache_goes_to_the_vendor(admin: Caller, vendors: Simulator) -> None:
    async with admin.newcomer(workspaceId="fresh") as caller:
        body = chat(SAY, **PRICED)
        await ask(caller, "/v1/chat/completions", body)
        await vendors.forget()
        for said in ("no-cache", "max-age=0, No-Cache"):
            answer = await ask(caller, "/v1/chat/completions", body, **{"cache-control": said})
            assert answer.headers["x-cache"] == "bypass"
        assert len(await vendors.calls()) == 2


async def test_tenants_never_share(admin: Caller, vendors: Simulator) -> None:
    await vendors.forget()
    for workspace in ("tenant-a", "tenant-b"):
        async with admin.newcomer(workspaceId=workspace) as caller:
            answer = await ask(caller, "/v1/complete", chat(SAY, **PRICED))
            assert answer.headers["x-cache"] == "miss"
    assert len(await vendors.calls()) == 2


async def test_a_hit_is_given_though_the_budget_is_spent(admin: Caller) -> None:
    async with admin.newcomer(workspaceId="poor", monthlyBudget=5) as caller:
        body = chat(SAY, **PRICED, maxTokens=4)
        await ask(caller, "/v1/complete", body)
        key_id = caller.key.rpartition("-")[0]
        await admin.send("PATCH", f"/v1/auth/keys/{key_id}", {"monthlyBudget": 0.000001})

        async def refused() -> int:
            return (await caller.post("/v1/complete", chat("more", model="priced"))).status

        await eventually(refused, lambda status: status == 402)
        assert (await ask(caller, "/v1/complete", body)).headers["x-cache"] == "hit"


async def test_a_replay_comes_before_the_cache(admin: Caller) -> None:
    """The key's answer is the miss that it got, however often others have had a hit since."""
    async with admin.newcomer(workspaceId="replays") as caller:
        body = chat(SAY, **PRICED)
        first = await ask(caller, "/v1/complete", body, **{"idempotency-key": "one"})
        assert (await ask(caller, "/v1/complete", body)).headers["x-cache"] == "hit"
        again = await ask(caller, "/v1/complete", body, **{"idempotency-key": "one"})
        assert again.headers["idempotency-replayed"] == "true"
        assert again.body == first.body


async def test_a_hit_can_be_replayed(admin: Caller) -> None:
    async with admin.newcomer(workspaceId="replayed-hits") as caller:
        body = chat(SAY, **PRICED)
        for path in ("/v1/complete", "/v1/stream"):
            await ask(caller, path, body)
            hit = await ask(caller, path, body, **{"idempotency-key": "one"})
            assert hit.headers["x-cache"] == "hit"
            again = await ask(caller, path, body, **{"idempotency-key": "one"})
            assert again.headers["idempotency-replayed"] == "true"
            assert again.body == hit.body


async def test_a_failure_is_not_kept(admin: Caller, vendors: Simulator) -> None:
    async with admin.newcomer(workspaceId="failures") as caller:
        await vendors.forget()
        body = chat("[[fail 500]]", **PRICED)
        for _ in range(2):
            assert (await caller.post("/v1/complete", body)).status == 502
        cut = chat("[[cut 2]] one two three four", **PRICED)
        for _ in range(2):
            await ask(caller, "/v1/stream", cut)
        assert len(await vendors.calls()) == 4


async def test_a_platform_whose_cache_is_switched_off_asks_the_vendor(
    tmp_path: Path, vendors: Simulator, configuration: str
) -> None:
    switched_off = f"{configuration}\n[cache]\nttl_seconds = 0\n"
    environment = vendors.environment
    with running(tmp_path, configuration=switched_off, environment=environment) as platform:
        async with platform.caller() as caller:
            for _ in range(2):
                answer = await ask(caller, "/v1/complete", chat(SAY, **PRICED))
                assert answer.headers["x-cache"] == "bypass"
