"""The routes that tell what was used and what is left."""

from typing import Any

import pytest

from platform_in_memory import ADMIN, Platform, chat, make_key, platform

BUDGET = "/v1/usage/budget"


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
    }


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


async def test_nothing_stays_reserved() -> None:
    async with platform() as running:
        key = await make_key(running, monthlyBudget=1)
        await complete(running, key)
        own = await running.call("GET", BUDGET, key=key)
    assert own.json["reserved"] == 0
    assert own.json["remaining"] == pytest.approx(1 - own.json["spent"])
