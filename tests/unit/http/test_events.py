"""The ledger's rows by what they are."""

from typing import Any

import pytest

from headgate.core.budgets import Settlement
from headgate.http import events as events_module
from platform_in_memory import Platform, platform
from usage_events import NOON, usage_event

DAY = "from=2026-11-23&to=2026-11-24"


async def record(running: Platform, *events: dict[str, Any]) -> None:
    for number, fields in enumerate(events):
        event = usage_event(timestamp=NOON + number, **fields)
        await running.ledger.settle(Settlement("test", event, ()))


async def models(running: Platform, query: str) -> list[str]:
    answer = await running.call("GET", "/v1/usage/events", query=f"{DAY}&{query}")
    assert answer.status == 200
    return [event["model"] for event in answer.json["data"]]


async def test_a_filter_holds_in_all_its_parts() -> None:
    async with platform() as running:
        await record(
            running,
            {"model": "a"},
            {"model": "b", "status": "error"},
            {"model": "c", "cache": "hit"},
            {"model": "d", "provider": "anthropic", "status": "error"},
        )
        assert await models(running, "status=error") == ["d", "b"]
        assert await models(running, "status=error&provider=anthropic") == ["d"]
        assert await models(running, "cache=hit") == ["c"]
        assert await models(running, "model=a&status=error") == []


async def test_a_status_that_does_not_exist_is_refused() -> None:
    async with platform() as running:
        answer = await running.call("GET", "/v1/usage/events", query="status=fine")
    assert answer.status == 400


async def all_pages(running: Platform, query: str) -> list[str]:
    found: list[str] = []
    cursor = ""
    while True:
        answer = await running.call("GET", "/v1/usage/events", query=f"{DAY}&{query}{cursor}")
        found += [event["id"] for event in answer.json["data"]]
        if answer.json["nextCursor"] is None:
            return found
        cursor = f"&cursor={answer.json['nextCursor']}"


@pytest.mark.parametrize("most", [1, 3, 100])
async def test_few_among_many_are_found_page_by_page(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """However far one request looks, following the cursor finds each once."""
    monkeypatch.setattr(events_module, "LOOKED_AT_ONCE", 2)
    monkeypatch.setattr(events_module, "MOST_LOOKED_AT", most)
    async with platform() as running:
        await record(
            running, *({"status": "error" if number % 5 == 0 else "ok"} for number in range(23))
        )
        found = await all_pages(running, "status=error&limit=2")
    assert len(found) == len(set(found)) == 5
    assert found == sorted(found, reverse=True)
