"""However calls end, and however the platform does: what is billed, spent and shown is one sum."""

import asyncio
import itertools
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from decimal import ROUND_CEILING, Decimal
from functools import partial
from typing import Any

import pytest

from headgate.transport.http import HttpClient
from headgate_server import Caller, Headgate, Simulator, chat, eventually, exact, total

NANO = Decimal("0.000000001")
COUNTED = ("requests", "errors", "inputTokens", "outputTokens", "cost", "billed")
DIMENSIONS = {
    "model": "model",
    "provider": "provider",
    "user": "userId",
    "key": "keyId",
    "workspace": "workspaceId",
}
ROUNDS = 12


@pytest.fixture(scope="module")
def environment(vendors: Simulator) -> Mapping[str, str]:
    return vendors.environment


@pytest.fixture(scope="module")
def configuration(vendors: Simulator) -> str:
    """`exact` costs ten cents for ten tokens; `classes` has a price for each class of tokens."""
    return f"""
        [vendors.simulated]
        base_url = "{vendors.openai_url}"
        api_key_env = "OPENAI_API_KEY"
        models = ["exact", "classes"]

        [prices.exact]
        input = 0
        output = 10_000

        [prices.classes]
        input = 3
        cached_input = 0.7
        output = 11
        reasoning = 13

        [routing]
        retries = 0

        [workspaces.at-cost]
        markup = 0

        [workspaces.odd]
        markup = 0.033333

        [limits]
        requests_per_second = 1_000_000
        burst = 1_000_000
    """


@pytest.fixture
async def callers(admin: Caller) -> AsyncIterator[list[Caller]]:
    """Keys with and without budgets, of users and workspaces that they share."""
    owners: list[dict[str, Any]] = [
        {},
        {"userId": "anna", "workspaceId": "odd", "monthlyBudget": 50},
        {"userId": "anna", "workspaceId": "at-cost"},
        {"userId": "bert", "workspaceId": "odd"},
    ]
    budget = {"scope": "workspace", "id": "odd", "monthlyBudget": 100}
    assert (await admin.send("PUT", "/v1/usage/budget", budget)).status == 200
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(admin.newcomer(**owner)) for owner in owners]


async def abandon(caller: Caller, model: str) -> None:
    """Leave a stream after its first piece, long before its end."""
    body = chat("[[tokens 50]] [[rate 20]]", model=model, maxTokens=60, tags=["left"])
    async with caller.opened("/v1/stream", body) as answer:
        await anext(answer.aiter_raw())


def mixture(caller: Caller, model: str) -> list[Callable[[], Awaitable[object]]]:
    """One call of each kind."""
    one: dict[str, Any] = {"model": model, "maxTokens": 30}
    embedding = "sandbox" if model == "sandbox" else "text-embedding-3-small"
    return [
        lambda: caller.ask("a b c [[tokens 7]]", tags=["red"], **one),
        lambda: caller.ask("a b [[usage cached=1 reasoning=5]]", tags=["red", "blue"], **one),
        lambda: caller.stream("a b c d [[tokens 13]]", tags=["blue"], **one),
        lambda: caller.ask("[[fail 500]] a", **one),
        lambda: caller.stream("[[fail 429]] a", **one),
        lambda: caller.ask("[[tokens 9]] [[cut 4]] a", **one),
        lambda: caller.stream("[[tokens 9]] [[cut 4]] a", **one),
        lambda: caller.post("/v1/chat/completions", chat("a [[tokens 3]]", model=model)),
        lambda: caller.post(
            "/v1/chat/completions", chat("a [[tokens 9]] [[cut 2]]", model=model, stream=True)
        ),
        lambda: caller.post("/v1/embed", {"model": embedding, "input": ["a b", "c"]}),
        lambda: caller.post(
            "/v1/classify", {"model": model, "input": "a [[json]]", "labels": ["x", "y"]}
        ),
        lambda: abandon(caller, model),
    ]


async def busy_hours(callers: Sequence[Caller]) -> int:
    """Calls of every kind, by all callers to all models, some at once; gives how many."""
    models = ["sandbox", "gpt-4o-mini", "exact", "classes"]
    calls = [
        call
        for number, caller in enumerate([*callers, *callers])
        for call in mixture(caller, models[number % len(models)])
    ]
    assert len(calls) == len(callers) * 2 * ROUNDS
    gate = asyncio.Semaphore(24)

    async def made(call: Callable[[], Awaitable[object]]) -> None:
        async with gate:
            await call()

    await asyncio.gather(*(made(call) for call in calls))
    return len(calls)


async def settled(admin: Caller, count: int) -> list[dict[str, Any]]:
    """All events, once there are so many."""
    return await eventually(admin.events, lambda events: len(events) == count)


def sums(events: Sequence[Mapping[str, Any]]) -> dict[str, Decimal]:
    counted = {"requests": Decimal(len(events))}
    counted["errors"] = Decimal(sum(event["status"] != "ok" for event in events))
    return counted | {name: total(events, name) for name in COUNTED[2:]}


def grouped(
    events: Sequence[Mapping[str, Any]], names: Callable[[Mapping[str, Any]], Sequence[str]]
) -> dict[str, dict[str, Decimal]]:
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for event in events:
        for name in names(event):
            groups[name].append(event)
    return {name: sums(group) for name, group in groups.items()}


def names_in(field: str, event: Mapping[str, Any]) -> list[Any]:
    """Where an event counts by a dimension with one value, which is null where it has none."""
    return [event[field]]


async def check_the_books(admin: Caller, events: Sequence[Mapping[str, Any]]) -> None:
    """Events, totals, each grouping and each budget say the same, to the nano-dollar."""
    answer = await admin.get("/v1/usage")
    assert {name: answer["totals"][name] for name in COUNTED} == sums(events)
    groupings: dict[str, Callable[[Mapping[str, Any]], Sequence[Any]]] = {
        by: partial(names_in, field) for by, field in DIMENSIONS.items()
    }
    groupings["day"] = lambda event: [event["timestamp"][:10]]
    groupings["hour"] = lambda event: [event["timestamp"][:13] + ":00:00.000Z"]
    groupings["tag"] = lambda event: event["tags"]
    for by, names in groupings.items():
        rows = (await admin.get("/v1/usage", groupBy=by))["rows"]
        assert {row[by]: {n: row[n] for n in COUNTED} for row in rows} == grouped(events, names)
    for scope, id_ in sorted(accounts(events)):
        budget = await admin.budget(scope, id_)
        billed = total([event for event in events if event[DIMENSIONS[scope]] == id_])
        assert budget["spent"] - budget["unconfirmed"] == billed, budget


def accounts(events: Sequence[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """Everyone who has paid."""
    scopes = ("key", "user", "workspace", "model")
    return {(scope, event[DIMENSIONS[scope]]) for scope in scopes for event in events} - {
        ("user", None)
    }


async def nothing_is_reserved(admin: Caller, events: Sequence[Mapping[str, Any]]) -> None:
    """An idle process gives back what it had leased."""
    for scope, id_ in sorted(accounts(events)):
        await eventually(partial(admin.budget, scope, id_), lambda found: found["reserved"] == 0)


async def test_all_sums_agree_and_still_do_after_a_restart_and_a_death(
    headgate: Headgate, admin: Caller, callers: list[Caller]
) -> None:
    count = len(await admin.events())
    count += await busy_hours(callers)
    events = await settled(admin, count)
    assert {event["status"] for event in events} == {"ok", "error", "incomplete", "cancelled"}
    await check_the_books(admin, events)
    await nothing_is_reserved(admin, events)

    assert headgate.stop() == 0
    headgate.start()
    async with headgate.caller(admin.key) as again:
        assert await again.events() == events
        await check_the_books(again, events)
        more = [Caller(headgate.url, caller.key) for caller in callers]
        count += await busy_hours(more)
        events = await settled(again, count)
        for caller in more:
            await caller.http.aclose()

    headgate.kill()
    headgate.start()
    async with headgate.caller(admin.key) as again:
        assert await again.events() == events
        await check_the_books(again, events)
        assert (await again.ask("alive?")).status == 200


async def test_what_a_death_leaves_unsettled_is_unconfirmed_and_nothing_that_was_seen_is_lost(
    headgate: Headgate,
) -> None:
    async with headgate.caller() as admin:
        before = len(await admin.events())
        key = await admin.new_key(monthlyBudget=5, workspaceId="at-cost")
        async with Caller(headgate.url, key["apiKey"]) as caller:
            done = [await caller.ask("[[tokens 10]]", model="exact", maxTokens=10)]
            body = chat("[[tokens 9]] [[rate 0.1]]", model="exact", maxTokens=10)
            async with caller.opened("/v1/stream", body) as answer:
                await anext(answer.aiter_raw())
                headgate.kill()
        assert [answer.status for answer in done] == [200]
    headgate.start()
    async with headgate.caller() as admin:
        events = await admin.events()
        assert len(events) == before + 1
        assert events[0]["requestId"] == done[0].headers["x-request-id"]
        # A dead process's lease has to end.
        budget = await eventually(
            lambda: admin.budget("key", key["keyId"]), lambda found: found["reserved"] == 0
        )
        # The stream could have cost ten cents more; the lease may have been larger than that.
        assert budget["spent"] == Decimal("0.1") + budget["unconfirmed"]
        assert Decimal("0.1") <= budget["unconfirmed"] <= 5
        own = [event for event in events if event["keyId"] == key["keyId"]]
        totals = (await admin.get("/v1/usage", keyId=key["keyId"]))["totals"]
        assert totals["billed"] == total(own) == Decimal("0.1")


async def test_what_is_billed_is_the_cost_and_its_markup_rounded_up_once(
    headgate: Headgate,
) -> None:
    async with headgate.caller() as admin:
        markups = {"at-cost": Decimal(0), "odd": Decimal("0.033333"), "default": Decimal("0.02")}
        await admin.ask("one more [[tokens 11]]", model="classes")
        events = await admin.events()
        assert events
        for event in events:
            exact_amount = event["cost"] * (1 + markups[event["workspaceId"]])
            assert event["billed"] == exact_amount.quantize(NANO, ROUND_CEILING)


@pytest.mark.parametrize("path", ["/v1/complete", "/v1/stream", "/v1/chat/completions"])
async def test_each_token_is_charged_once_at_its_own_price(headgate: Headgate, path: str) -> None:
    text = "a b c d e [[say x y]] [[usage cached=2 reasoning=7]]"
    async with (
        headgate.caller() as admin,
        admin.newcomer(workspaceId="odd") as dear,
        admin.newcomer(workspaceId="at-cost") as cheap,
    ):
        # 3 in at $3, 2 cached at $0.70, 2 out at $11, 7 hidden at $13 per million: 123.4 µ$; and
        # 3.3333 % on top: 127.5132922 µ$, rounded up to whole nano-dollars.
        for caller, billed in ((dear, "0.000127514"), (cheap, "0.0001234")):
            answer = await caller.post(path, chat(text, model="classes"))
            event = await admin.event_of(answer.headers["x-request-id"])
            assert (event["inputTokens"], event["outputTokens"]) == (5, 9)
            assert (event["cost"], event["billed"]) == (Decimal("0.0001234"), Decimal(billed))


async def test_a_thousand_calls_at_once_against_a_budget_for_fifty_admit_exactly_fifty(
    headgate: Headgate, vendors: Simulator
) -> None:
    await vendors.forget()
    body = chat("[[tokens 10]] [[delay 300]]", model="exact", maxTokens=10)
    async with headgate.caller() as admin:
        key = await admin.new_key(monthlyBudget=5, workspaceId="at-cost")
        answers = await flood(headgate.url, key["apiKey"], body, times=1000)
        assert (answers.count(200), answers.count(402)) == (50, 950)
        assert len(await vendors.calls()) == 50
        budget = await eventually(
            lambda: admin.budget("key", key["keyId"]), lambda found: found["reserved"] == 0
        )
        assert (budget["spent"], budget["remaining"], budget["unconfirmed"]) == (5, 0, 0)
        events = await admin.events(keyId=key["keyId"])
        assert [event["billed"] for event in events] == [Decimal("0.1")] * 50
        # Not one of the hundred that come afterwards is let in, and none reaches the vendor.
        assert await flood(headgate.url, key["apiKey"], body, times=100) == [402] * 100
        assert len(await vendors.calls()) == 50


async def flood(url: str, key: str, body: Mapping[str, Any], *, times: int) -> list[int]:
    """The statuses of one call made many times at once."""
    client = HttpClient()
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    data = json.dumps(body).encode()
    try:
        answers = await asyncio.gather(
            *(
                client.send("POST", f"{url}/v1/complete", headers=headers, body=data)
                for _ in itertools.repeat(None, times)
            )
        )
    finally:
        await client.aclose()
    for answer in answers:
        if answer.status == 402:
            assert exact(answer.body)["error"]["code"] == "budget_exceeded"
    return [answer.status for answer in answers]
