"""`GET /v1/slo`."""

from headgate.core.service_levels import ALL
from platform_in_memory import make_key, platform


async def test_figures_and_targets_are_told_to_administrators() -> None:
    async with platform() as one:
        store = one.services.service_levels.store
        now = one.services.service_levels.clock()
        calls = {"calls": 4, "errors": 1, "whole 10": 3, "first 2": 3}
        await store.add(now, {"openai/org/gpt-4o": calls, ALL: {"requests": 4, "failed": 0}})
        answer = await one.call("GET", "/v1/slo", query="window=1h")
        told = answer.json
        assert (answer.status, told["window"], told["requests"]) == (200, "1h", 4)
        (model,) = told["models"]
        assert (model["provider"], model["model"], model["errorRate"]) == (
            *("openai", "org/gpt-4o"),
            0.25,
        )
        by_name = {each["name"]: each for each in told["objectives"]}
        assert by_name["errorRate"] == {
            "name": "errorRate",
            "target": 0.01,
            "value": 0.25,
            "isMet": False,
        }
        assert by_name["availability"]["isMet"] is True
        assert list(by_name) == [
            *("p95", "p99", "firstTokenP95", "errorRate", "availability", "budgetAccuracy")
        ]
        assert told["whole"]["p95Ms"] is not None
        assert told["from"] < told["to"]


async def test_without_calls_nothing_is_judged() -> None:
    async with platform() as one:
        told = (await one.call("GET", "/v1/slo")).json
        assert told["window"] == "24h"
        assert told["models"] == []
        assert {each["isMet"] for each in told["objectives"]} == {None}


async def test_others_and_other_windows_are_refused() -> None:
    async with platform() as one:
        key = await make_key(one)
        assert (await one.call("GET", "/v1/slo", key=key)).status == 403
        assert (await one.call("GET", "/v1/slo", query="window=2h")).status == 400
