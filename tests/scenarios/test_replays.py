"""A call that is sent again under its idempotency key is answered again, and paid for once.

Two servers share one data directory; the vendor's own list says what was called.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import closing
from typing import Any

import openai
import pytest

from headgate_server import Answer, Caller, Headgate, Simulator, chat, eventually, running

FOREVER = 600_000
SAY = "[[say it is done]]"
BODIES: dict[str, dict[str, Any]] = {
    "/v1/complete": chat(SAY, model="priced"),
    "/v1/stream": chat(SAY, model="priced"),
    "/v1/embed": {"model": "priced", "input": ["one", "two"]},
    "/v1/classify": {"model": "priced", "input": "red roses", "labels": ["red", "blue"]},
    "/v1/chat/completions": chat(SAY, model="priced"),
    "/v1/embeddings": {"model": "priced", "input": "one two"},
    "/v1/messages": chat(SAY, model="priced", max_tokens=9),
}
STREAMED = chat(SAY, model="priced", stream=True, stream_options={"include_usage": True})
EVENTS = chat(SAY, model="priced", max_tokens=9, stream=True)
CALLS = [*BODIES.items(), ("/v1/chat/completions", STREAMED), ("/v1/messages", EVENTS)]


@pytest.fixture(scope="module")
def environment(vendors: Simulator) -> Mapping[str, str]:
    return vendors.environment


@pytest.fixture(scope="module")
def workers() -> int:
    return 2


@pytest.fixture(scope="module")
def configuration(vendors: Simulator) -> str:
    return f"""
        [vendors.simulated]
        base_url = "{vendors.openai_url}"
        api_key_env = "OPENAI_API_KEY"
        models = ["priced"]

        [prices]
        priced = {{ input = 1000, output = 2000 }}
    """


@pytest.fixture
def beside(headgate: Headgate) -> Iterator[Headgate]:
    """Another server on the same data directory."""
    with running(
        headgate.directory,
        configuration=headgate.configuration,
        environment=headgate.environment,
    ) as platform:
        yield platform


@pytest.fixture
async def simulator(vendors: Simulator) -> Simulator:
    """The vendor, which has not been called yet."""
    await vendors.forget()
    return vendors


@pytest.fixture
async def caller(admin: Caller) -> AsyncIterator[Caller]:
    async with admin.newcomer(monthlyBudget=100) as caller:
        yield caller


async def once(
    caller: Caller, body: Mapping[str, Any], *, path: str = "/v1/complete", key: str = "order-1"
) -> Answer:
    """A call under an idempotency key, on a connection of its own, to any process."""
    return await caller.send(
        "POST", path, body, headers={"idempotency-key": key, "connection": "close"}
    )


async def is_awaited(headgate: Headgate) -> None:
    """Somebody waits for the answer of another process."""

    async def waiting() -> int:
        with closing(sqlite3.connect(headgate.data / "headgate.db")) as database:
            found = database.execute(
                "SELECT count(*) FROM answers WHERE body IS NULL AND awaited_at IS NOT NULL"
            ).fetchone()
        return int(found[0])

    await eventually(waiting, bool)


def is_replay(answer: Answer) -> bool:
    assert answer.status == 200, answer.body
    return answer.headers.get("idempotency-replayed") == "true"


@pytest.mark.parametrize(("path", "body"), CALLS)
async def test_a_call_is_answered_again_with_the_same_bytes(
    caller: Caller, simulator: Simulator, path: str, body: dict[str, Any]
) -> None:
    first = await once(caller, body, path=path)
    assert not is_replay(first)
    for _ in range(4):  # some of them at the other process
        again = await once(caller, body, path=path)
        assert is_replay(again)
        assert again.body == first.body
        assert again.headers["content-type"] == first.headers["content-type"]
        assert again.headers["x-cost"] == "0"
        assert again.headers["x-model"] == first.headers["x-model"] == "priced"
        assert again.headers["x-provider"] == "simulated"
        for name in ("limit", "remaining", "reset"):
            assert f"x-ratelimit-{name}-requests" in again.headers
            assert f"x-ratelimit-{name}-tokens" in again.headers
        assert again.headers["x-budget-limit"] == "100"
        assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert len(await simulator.calls()) == 1
    (event,) = await caller.events()
    assert event["requestId"] == first.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/v1/complete", "/v1/stream"])
async def test_duplicates_at_once_make_one_call(
    caller: Caller, beside: Headgate, simulator: Simulator, path: str
) -> None:
    body = chat("[[delay 300]] [[say it is done]]", model="priced")
    async with beside.caller(caller.key) as elsewhere:
        answers = await asyncio.gather(
            *(once(place, body, path=path) for place in [caller] * 12 + [elsewhere] * 4)
        )
    assert [is_replay(answer) for answer in answers].count(False) == 1
    assert len({answer.body for answer in answers}) == 1
    assert len(await simulator.calls()) == 1
    assert len(await caller.events()) == 1


async def test_the_same_key_with_another_body_is_a_conflict(
    caller: Caller, simulator: Simulator
) -> None:
    await once(caller, chat("one", model="priced"))
    refused = await once(caller, chat("two", model="priced"))
    assert (refused.status, refused.error["code"]) == (409, "idempotency_conflict")
    assert refused.headers["x-should-retry"] == "false"
    assert len(await simulator.calls()) == 1


async def test_openais_client_does_not_repeat_a_conflict(
    headgate: Headgate, caller: Caller, simulator: Simulator
) -> None:
    async with openai.AsyncOpenAI(base_url=f"{headgate.url}/v1", api_key=caller.key) as client:
        headers = {"Idempotency-Key": "order-1"}

        async def ask(text: str) -> Any:
            return await client.chat.completions.with_raw_response.create(
                model="priced",
                messages=[{"role": "user", "content": text}],
                extra_headers=headers,
            )

        first, again = await ask("one"), await ask("one")
        assert again.headers["idempotency-replayed"] == "true"
        assert again.parse() == first.parse()
        with pytest.raises(openai.ConflictError) as caught:
            await ask("two")
    assert caught.value.request.headers["x-stainless-retry-count"] == "0"
    assert len(await simulator.calls()) == 1


async def test_keys_and_routes_have_idempotency_keys_of_their_own(
    admin: Caller, caller: Caller, simulator: Simulator
) -> None:
    body = chat(SAY, model="priced")
    await once(caller, body)
    assert not is_replay(await once(caller, body, path="/v1/chat/completions"))
    async with admin.newcomer() as another:
        assert not is_replay(await once(another, body))
    assert len(await simulator.calls()) == 3


async def test_a_failure_is_not_kept(caller: Caller, simulator: Simulator) -> None:
    body = chat("[[fail 400]]", model="priced")
    for _ in range(2):
        assert (await once(caller, body)).status == 400
    assert len(await simulator.calls()) == 2


async def test_a_replay_needs_no_money(admin: Caller, caller: Caller) -> None:
    body = chat(SAY, model="priced")
    first = await once(caller, body)
    key_id = caller.key.rpartition("-")[0]
    budget = {"scope": "key", "id": key_id, "monthlyBudget": 0}
    assert (await admin.send("PUT", "/v1/usage/budget", budget)).status == 200
    again = await once(caller, body)
    assert is_replay(again)
    assert again.body == first.body


async def test_a_stream_whose_caller_left_is_not_kept(caller: Caller, simulator: Simulator) -> None:
    body = chat(f"[[delay {FOREVER}]]", model="priced")
    asking = asyncio.create_task(once(caller, body, path="/v1/stream"))
    await simulator.only_call("model")
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await simulator.only_call("cancelled")
    (event,) = await eventually(caller.events, bool)
    assert event["status"] == "cancelled"
    retry = asyncio.create_task(once(caller, body, path="/v1/stream"))
    await eventually(simulator.calls, lambda calls: len(calls) == 2)
    retry.cancel()


async def test_a_call_goes_on_for_a_duplicate_at_another_server(
    headgate: Headgate, caller: Caller, beside: Headgate, simulator: Simulator
) -> None:
    body = chat("[[delay 3000]] [[say it is done]]", model="priced")
    first = asyncio.create_task(once(caller, body))
    await simulator.only_call("model")
    async with beside.caller(caller.key) as elsewhere:
        second = asyncio.create_task(once(elsewhere, body))
        await is_awaited(headgate)
        first.cancel()
        answer = await second
    assert is_replay(answer)
    assert answer.json["content"] == "it is done"
    call = await simulator.only_call("finished")
    assert not call["cancelled"]


async def test_an_answer_outlives_its_server(
    headgate: Headgate, beside: Headgate, simulator: Simulator
) -> None:
    body = chat(SAY, model="priced")
    async with headgate.caller() as admin:
        key = (await admin.new_key())["apiKey"]
    async with beside.caller(key) as caller:
        first = await once(caller, body)
    beside.kill()
    async with headgate.caller(key) as caller:
        again = await once(caller, body)
    assert is_replay(again)
    assert again.body == first.body
    assert len(await simulator.calls()) == 1


async def test_a_waiter_makes_the_call_of_a_server_that_died(
    headgate: Headgate, beside: Headgate, simulator: Simulator
) -> None:
    body = chat("[[delay 4000]] [[say it is done]]", model="priced")
    async with headgate.caller() as admin:
        key = (await admin.new_key())["apiKey"]
    async with beside.caller(key) as doomed, headgate.caller(key) as caller:
        first = asyncio.create_task(once(doomed, body))
        await simulator.only_call("model")
        second = asyncio.create_task(once(caller, body))
        await is_awaited(headgate)
        beside.kill()
        assert isinstance((await asyncio.gather(first, return_exceptions=True))[0], Exception)
        answer = await second
        assert not is_replay(answer)
        assert is_replay(await once(caller, body))
        (event,) = await caller.events()
    assert event["requestId"] == answer.headers["x-request-id"]
    assert len(await simulator.calls()) == 2
