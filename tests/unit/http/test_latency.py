"""How long answers took, in percentiles and classes."""

from typing import Any

import pytest

from headgate.core.budgets import Settlement
from headgate.http import latency
from headgate.http.latency import CLASSES, percentile
from platform_in_memory import Platform, platform
from usage_events import NOON, usage_event

HOUR = "from=2026-11-23T12:00:00Z&to=2026-11-23T13:00:00Z"


async def record(running: Platform, *events: dict[str, Any]) -> None:
    for fields in events:
        await running.ledger.settle(Settlement("test", usage_event(**fields), ()))


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [
        ([], 0.5, None),
        ([7], 0.99, 7),
        ([1, 2, 3, 4], 0.5, 2),
        (list(range(1, 101)), 0.95, 95),
        (list(range(1, 101)), 0.99, 99),
    ],
)
def test_a_percentile_is_a_value_that_occurred(
    values: list[int], share: float, found: int | None
) -> None:
    assert percentile(values, share) == found


async def test_calls_are_told_by_their_piece_of_time() -> None:
    async with platform() as running:
        await record(
            running,
            {"timestamp": NOON, "latency_ms": 40, "first_token_ms": 10},
            {"timestamp": NOON + 59_999, "latency_ms": 60_000},
            {"timestamp": NOON + 60_000, "latency_ms": 300},
        )
        answer = await running.call("GET", "/v1/usage/latency", query=f"{HOUR}&bucketSeconds=60")
    told = answer.json
    first, second, third, *_ = told["rows"]
    assert (told["calls"], len(told["rows"])) == (3, 60)
    assert first["whole"] == {"p50": 40, "p95": 60_000, "p99": 60_000}
    assert first["firstToken"] == {"p50": 10, "p95": 10, "p99": 10}
    assert first["classes"] == [1, *([0] * (len(CLASSES) - 1)), 1]
    assert second["whole"]["p50"] == 300
    assert (third["calls"], third["whole"]["p50"]) == (0, None)
    assert sum(sum(row["classes"]) for row in told["rows"]) == 3


async def test_failures_and_answers_from_the_cache_say_nothing_of_vendors_speed() -> None:
    async with platform() as running:
        await record(
            running,
            {"status": "error", "latency_ms": 1},
            {"cache": "hit", "latency_ms": 2},
            {"latency_ms": 500},
        )
        answer = await running.call("GET", "/v1/usage/latency", query=HOUR)
    assert answer.json["whole"] == {"p50": 500, "p95": 500, "p99": 500}
    assert (answer.json["calls"], answer.json["errors"]) == (3, 1)


async def test_of_very_many_calls_the_newest_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "MOST_CALLS", 2)
    async with platform() as running:
        await record(running, *({"timestamp": NOON + n, "latency_ms": n} for n in range(3)))
        answer = await running.call("GET", "/v1/usage/latency", query=HOUR)
    assert (answer.json["calls"], answer.json["isComplete"]) == (2, False)
    assert answer.json["whole"]["p50"] == 1


@pytest.mark.parametrize(
    "query",
    ["from=2026-11-23T13:00:00Z&to=2026-11-23T12:00:00Z", f"{HOUR}&bucketSeconds=1", "from=then"],
)
async def test_a_range_that_makes_no_sense_is_refused(query: str) -> None:
    async with platform() as running:
        answer = await running.call("GET", "/v1/usage/latency", query=query)
    assert answer.status == 400


async def test_the_last_hour_is_the_default() -> None:
    async with platform() as running:
        answer = await running.call("GET", "/v1/usage/latency")
    assert len(answer.json["rows"]) == 60
