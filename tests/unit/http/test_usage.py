"""The routes that tell what was used and what is left."""

import time
from typing import Any

import pytest

from headgate.core.budgets import Account, LeaseId, Limit, period_of
from platform_in_memory import ADMIN, Platform, chat, make_key, platform

BUDGET = "/v1/usage/budget"
UNCONFIRMED = "/v1/usage/unconfirmed"


async def dies(running: Platform, *, user: str = "ada", holding: int = 1_500_000_000) -> None:
    """A process with a lease of a user's budget dies, and its lease ends."""
    ada = Account("user", user)
    await running.ledger.set_limit(ada, Limit(amount=5_000_000_000))
    lease = LeaseId("own_dead", ada, period_of(time.time()))
    await running.ledger.lease(lease, least=holding, most=holding, expires_at=1.0)
    await running.ledger.expire(now=2.0)


async def complete(running: Platform, key: str, text: str = "x", **fields: Any) -> int:
    return (await running.call("POST", "/v1/complete", chat(text, **fields), key=key)).status


async def test_usage_is_summed_in_total_and_by_a_dimension() -> None:
    async with platform() as running:
        await complete(running, ADMIN, tags=["red"])
        await complete(running, ADMIN, tags=["red", "blue"])
        await complete(running, ADMIN, "[[fail 500]]")
        answer = await running.call("GET", "/v1/usage", query="groupBy=tag")
    totals = answer.json["totals"]
    assert (totals["requests"], totals["errors"]) == (3, 1)
    assert {row["tag"]: row["requests"] for row in answer.json["rows"]} == {"red": 2, "blue": 1}
    assert set(totals) == {
        "requests",
        "errors",
        "inputTokens",
        "outputTokens",
        "cost",
        "billed",
        "cacheHits",
        "savedCost",
        "autoSaved",
        "ownCost",
    }


@pytest.mark.parametrize("by", ["model", "provider", "user", "key", "workspace", "day", "hour"])
async def test_totals_are_the_sums_of_the_rows(by: str) -> None:
    async with platform() as running:
        empty = await running.call("GET", "/v1/usage", query=f"groupBy={by}")
        await complete(running, ADMIN, tags=["red", "blue"])
        await complete(running, await make_key(running, userId="ada"), "[[fail 500]]")
        alone = await running.call("GET", "/v1/usage")
        answer = await running.call("GET", "/v1/usage", query=f"groupBy={by}")
    assert answer.json["totals"] == alone.json["totals"]
    assert answer.json["totals"]["requests"] == 2
    assert (empty.json["totals"]["requests"], empty.json["rows"]) == (0, [])


async def test_a_key_sees_its_users_usage_and_an_admin_all() -> None:
    async with platform() as running:
        ada = await make_key(running, userId="ada")
        also_ada = await make_key(running, userId="ada")
        nobody = await make_key(running)
        for key in (ada, also_ada, nobody):
            await complete(running, key)
        seen = [
            (await running.call("GET", "/v1/usage", key=key)).json["totals"]["requests"]
            for key in (ada, also_ada, nobody, ADMIN)
        ]
    assert seen == [2, 2, 1, 3]


async def test_calls_of_nobody_stand_under_null() -> None:
    async with platform() as running:
        await complete(running, ADMIN)
        answer = await running.call("GET", "/v1/usage", query="groupBy=user")
    assert [row["user"] for row in answer.json["rows"]] == [None]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("from=yesterday", "from"),
        ("from=2026-02-01&to=2026-01-01", "from"),
        ("groupBy=colour", "groupBy"),
    ],
)
async def test_a_wrong_range_or_dimension_is_400_and_named(query: str, param: str) -> None:
    async with platform() as running:
        answer = await running.call("GET", "/v1/usage", query=query)
    assert (answer.status, answer.json["error"]["param"]) == (400, param)


async def test_events_are_paged_newest_first() -> None:
    async with platform() as running:
        for text in ("a", "b", "c"):
            await complete(running, ADMIN, text)
        first = await running.call("GET", "/v1/usage/events", query="limit=2")
        await complete(running, ADMIN, "late")
        query = f"limit=2&cursor={first.json['nextCursor']}"
        second = await running.call("GET", "/v1/usage/events", query=query)
    ids = [event["id"] for page in (first, second) for event in page.json["data"]]
    assert len(ids) == len(set(ids)) == 3
    assert ids == sorted(ids, reverse=True)
    assert second.json["nextCursor"] is None


async def test_an_events_request_id_is_the_answers() -> None:
    async with platform() as running:
        answer = await running.call("POST", "/v1/complete", chat("x"))
        events = await running.call("GET", "/v1/usage/events")
    assert events.json["data"][0]["requestId"] == answer.headers["x-request-id"]


async def test_an_exhausted_budget_is_402_and_can_still_be_read() -> None:
    async with platform() as running:
        key = await make_key(running, monthlyBudget=0.0001, userId="ada")
        refused = await running.call("POST", "/v1/complete", chat("x", maxTokens=64), key=key)
        own = await running.call("GET", BUDGET, key=key)
    error = refused.json["error"]
    assert (refused.status, error["code"]) == (402, "budget_exceeded")
    assert refused.headers["x-should-retry"] == "false"
    assert (error["budget"]["scope"], error["budget"]["limit"]) == ("key", 0.0001)
    assert (own.json["monthlyBudget"], own.json["spent"], own.json["remaining"]) == (
        0.0001,
        0,
        0.0001,
    )
    assert [item["scope"] for item in own.json["budgets"]] == ["key", "user", "workspace"]


async def test_a_budget_of_any_scope_can_be_set_and_removed() -> None:
    async with platform() as running:
        key = await make_key(running, userId="ada", workspaceId="acme")
        for scope, name in (("user", "ada"), ("workspace", "acme"), ("model", "sandbox")):
            wanted = {"scope": scope, "id": name, "monthlyBudget": 0}
            assert (await running.call("PUT", BUDGET, wanted)).json["remaining"] == 0
            assert await complete(running, key) == 402
            await running.call("PUT", BUDGET, wanted | {"monthlyBudget": None})
            assert await complete(running, key) == 200


async def test_a_soft_budget_only_warns() -> None:
    async with platform() as running:
        key = await make_key(running, userId="ada")
        wanted = {"scope": "user", "id": "ada", "monthlyBudget": 0, "hard": False}
        await running.call("PUT", BUDGET, wanted)
        assert await complete(running, key) == 200
        query = "scope=user&id=ada"
        shown = await running.call("GET", BUDGET, query=query)
    assert (shown.json["hard"], shown.json["remaining"]) == (False, 0)
    assert shown.json["spent"] > 0


async def test_a_key_may_not_read_anothers_budget_nor_set_any() -> None:
    async with platform() as running:
        key = await make_key(running)
        read = await running.call("GET", BUDGET, key=key, query="scope=user&id=ada")
        body = {"scope": "user", "id": "ada", "monthlyBudget": 1}
        written = await running.call("PUT", BUDGET, body, key=key)
        half = await running.call("GET", BUDGET, key=key, query="scope=user")
    assert read.status == written.status == 403
    assert half.status == 400


async def test_a_budget_says_between_what_its_projection_lies() -> None:
    async with platform() as running:
        key = await make_key(running, monthlyBudget=1)
        await complete(running, key)
        own = (await running.call("GET", BUDGET, key=key)).json
    for item in (own, *own["budgets"]):
        # Nothing was spent on the days before, so nothing is known of how days vary.
        assert item["spent"] < item["projected"]
        assert item["projectedLow"] == item["projected"] == item["projectedHigh"]


async def test_nothing_stays_reserved() -> None:
    async with platform() as running:
        key = await make_key(running, monthlyBudget=1)
        await complete(running, key)
        own = await running.call("GET", BUDGET, key=key)
    assert own.json["reserved"] == 0
    assert own.json["remaining"] == pytest.approx(1 - own.json["spent"])


async def test_what_a_dead_process_may_have_spent_is_shown_and_released() -> None:
    async with platform() as running:
        await dies(running)
        charged = await running.call("GET", BUDGET, query="scope=user&id=ada")
        listed = await running.call("GET", UNCONFIRMED)
        (entry,) = listed.json["data"]
        path = f"{UNCONFIRMED}/{entry['id']}/release"
        released = [await running.call("POST", path) for _ in range(2)]
        shown = await running.call("GET", BUDGET, query="scope=user&id=ada")
        left = await running.call("GET", UNCONFIRMED)
    assert (charged.json["unconfirmed"], charged.json["spent"]) == (1.5, 1.5)
    assert entry["budget"] == {"scope": "user", "id": "ada"}
    assert (entry["amount"], entry["leaseId"], entry["releasedAt"]) == (1.5, "own_dead", None)
    assert entry["createdAt"] == "1970-01-01T00:00:02.000Z"
    assert [answer.status for answer in released] == [200, 200]
    assert released[0].json == released[1].json
    assert released[0].json == entry | {"releasedAt": released[0].json["releasedAt"]}
    assert (shown.json["unconfirmed"], shown.json["spent"], shown.json["remaining"]) == (0, 0, 5)
    assert left.json == {"data": [], "nextCursor": None}


async def test_unconfirmed_entries_are_paged() -> None:
    async with platform() as running:
        for number in range(3):
            await dies(running, user=f"user-{number}")
        first = await running.call("GET", UNCONFIRMED, query="limit=2")
        query = f"limit=2&cursor={first.json['nextCursor']}"
        second = await running.call("GET", UNCONFIRMED, query=query)
    ids = [entry["id"] for page in (first, second) for entry in page.json["data"]]
    assert ids == sorted(set(ids), reverse=True)
    assert len(ids) == 3
    assert second.json["nextCursor"] is None


async def test_only_an_administrator_sees_and_releases_what_is_unconfirmed() -> None:
    async with platform() as running:
        key = await make_key(running, userId="ada")
        answers = [
            await running.call("GET", UNCONFIRMED, key=key),
            await running.call("POST", f"{UNCONFIRMED}/unc_x/release", key=key),
            await running.call("POST", f"{UNCONFIRMED}/unc_x/release"),
        ]
    assert [answer.status for answer in answers] == [403, 403, 404]
