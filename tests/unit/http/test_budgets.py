"""All budgets at once, and where everybody's spend is heading."""

from headgate.core.budgets import Settlement
from platform_in_memory import platform
from usage_events import usage_event


async def test_budgets_come_with_the_fullest_first() -> None:
    body = {"model": "sandbox", "messages": [{"role": "user", "content": "[[tokens 500]]"}]}
    limits = {"sandbox": 0.1, "other": 5.0, "nothing": 0.0}
    async with platform() as running:
        for model, dollars in limits.items():
            budget = {"scope": "model", "id": model, "monthlyBudget": dollars}
            assert (await running.call("PUT", "/v1/usage/budget", budget)).status == 200
        assert (await running.call("POST", "/v1/complete", body)).status == 200
        answer = await running.call("GET", "/v1/usage/budgets")
        one = await running.call("GET", "/v1/usage/budget", query="scope=model&id=sandbox")
    assert [item["id"] for item in answer.json["data"]] == ["nothing", "sandbox", "other"]
    assert answer.json["isComplete"]
    assert answer.json["data"][1] == one.json
    assert one.json["spent"] > 0


async def test_without_a_limit_there_is_no_budget_to_list() -> None:
    async with platform() as running:
        answer = await running.call("GET", "/v1/usage/budgets")
    assert answer.json == {"data": [], "isComplete": True}


async def test_the_platforms_spend_is_everybodys() -> None:
    async with platform() as running:
        now = int(running.services.watch.clock() * 1000)
        for user in ("ada", "ben"):
            event = usage_event(timestamp=now, user_id=user, billed=2_000_000_000)
            await running.ledger.settle(Settlement("test", event, ()))
        answer = await running.call("GET", "/v1/usage/projection")
    told = answer.json
    assert told["billed"] == 4
    assert told["projectedLow"] <= told["projected"] <= told["projectedHigh"]
    assert told["projected"] >= told["billed"]
    assert told["periodStart"] < told["resetsAt"]
