"""How well the platform serves: what counts, what does not, and what is made of the counts."""

import functools
from collections.abc import Mapping
from typing import Any

import pytest

from headgate.core.errors import Overloaded
from headgate.core.service_levels import BOUNDS, Counts, percentile, time_class
from headgate.core.watching import RequestRecord
from headgate.stores.memory_service_levels import MemoryServiceLevels
from headgate.telemetry.call_counts import CallCounts
from headgate.telemetry.request_counts import RequestCounts
from headgate.usage.service_levels import (
    ADD_SECONDS,
    WINDOWS,
    ServiceLevels,
    ServiceReport,
    ServiceTally,
    Targets,
)
from usage_events import usage_event

NOON = 1_795_435_200.0
TARGETS = Targets(1000, 2000, 100, 0.1, 0.9, 0.99)


class Desk:
    """A tally over a store in memory, and who tells of it."""

    def __init__(self) -> None:
        self.now = NOON
        self.store = MemoryServiceLevels()
        self.calls, self.requests = CallCounts(), RequestCounts()
        requests = functools.partial(self.requests.untold, frozenset({"/v1/complete"}))
        counters = (self.calls.untold, requests)
        self.tally = ServiceTally(self.store, counters, lambda: self.now)
        self.levels = ServiceLevels(self.store, TARGETS, lambda: self.now)

    def call(self, failure: str | None = None, **fields: Any) -> None:
        self.calls.count(usage_event(**fields), failure)

    def request(self, status: int, route: str = "/v1/complete", method: str = "POST") -> None:
        self.requests.count(RequestRecord("req_1", method, route, status, 0.1, None))

    async def report(self, window: str = "1h") -> ServiceReport:
        await self.tally.add()
        return await self.levels.report(WINDOWS[window])


def values(report: ServiceReport) -> Mapping[str, float | None]:
    return {objective.name: objective.value for objective in report.objectives}


async def test_figures_are_those_of_the_calls_that_were_made() -> None:
    desk = Desk()
    for milliseconds in range(1, 101):
        desk.call(latency_ms=milliseconds * 10, first_token_ms=milliseconds)
    report = await desk.report()
    whole = report.whole
    assert whole.calls == 100
    for found, true in ((whole.p50_ms, 500), (whole.p95_ms, 950), (whole.p99_ms, 990)):
        assert found is not None
        assert true <= found <= true * 1.21
    assert whole.first_token_p95_ms is not None
    assert 95 <= whole.first_token_p95_ms <= 115
    assert report.models == {"openai/gpt-4o": whole}


async def test_requests_over_sockets_count_as_those_over_http() -> None:
    desk = Desk()
    for status in (200, 200, 499, 404, 503):
        desk.request(status, method="WS")
    report = await desk.report()
    assert (report.requests, report.failed, report.availability) == (4, 1, 0.75)


async def test_failures_of_vendors_and_those_that_callers_see_are_two_things() -> None:
    desk = Desk()
    desk.call("overloaded", status="error")
    for _ in range(3):
        desk.call(latency_ms=5)
    for status in (200, 200, 200, 503):
        desk.request(status)
    report = await desk.report()
    assert (report.whole.error_rate, report.availability) == (0.25, 0.75)
    assert (report.requests, report.failed) == (4, 1)
    met = {objective.name: objective.is_met for objective in report.objectives}
    assert met["errorRate"] is False
    assert met["availability"] is False
    assert met["p95"] is True
    assert met["firstTokenP95"] is None, "nothing was streamed"


async def test_what_says_nothing_of_the_service_does_not_count() -> None:
    desk = Desk()
    desk.call(cache="hit")
    desk.call(status="cancelled")
    for status, route in ((499, "/v1/complete"), (500, "/v1/usage"), (404, "unmatched")):
        desk.request(status, route)
    report = await desk.report()
    assert (report.whole.calls, report.requests, report.availability) == (0, 0, None)
    desk.request(429)
    assert (await desk.report()).availability == 1.0, "the caller was told why"


async def test_budgets_are_accurate_where_no_call_took_more_than_was_held() -> None:
    desk = Desk()
    for overrun in (False, False, False, True):
        desk.call(overrun=overrun)
    assert values(await desk.report())["budgetAccuracy"] == 0.75


async def test_a_window_leaves_out_what_was_before_it() -> None:
    desk = Desk()
    desk.call()
    await desk.tally.add()
    desk.now += 3600
    desk.call()
    assert (await desk.report("1h")).whole.calls == 1
    assert (await desk.report("6h")).whole.calls == 2
    assert (await desk.report("30d")).whole.calls == 2
    report = await desk.report("1h")
    assert 3300 <= report.end - report.start <= 3600


async def test_what_the_store_did_not_take_is_added_later_and_once() -> None:
    class Away(MemoryServiceLevels):
        is_away = True

        async def add(self, moment: float, counts: Mapping[str, Counts]) -> None:
            if self.is_away:
                raise Overloaded("away")
            await super().add(moment, counts)

    desk = Desk()
    desk.tally.store = desk.store = store = Away()
    desk.call()
    await desk.tally.add()
    desk.call()
    store.is_away = False
    await desk.tally.add()
    await desk.tally.add()
    levels = ServiceLevels(store, TARGETS, lambda: desk.now)
    assert (await levels.report(WINDOWS["1h"])).whole.calls == 2


async def test_a_process_that_stands_still_adds_now_and_then() -> None:
    desk = Desk()
    desk.call()
    await desk.tally.add_if_due()
    desk.call()
    await desk.tally.add_if_due()
    assert (await desk.levels.report(WINDOWS["1h"])).whole.calls == 1
    desk.now += ADD_SECONDS
    await desk.tally.add_if_due()
    assert (await desk.levels.report(WINDOWS["1h"])).whole.calls == 2


async def test_a_process_that_ends_has_added_all() -> None:
    desk = Desk()
    async with desk.tally.running():
        desk.call()
    assert (await desk.levels.report(WINDOWS["1h"])).whole.calls == 1


async def test_names_that_callers_make_up_are_one() -> None:
    desk = Desk()
    for number in range(300):
        desk.call(model=f"m{number}")
    report = await desk.report()
    assert len(report.models) == 201
    assert report.models["other"].calls == 100


@pytest.mark.parametrize("milliseconds", [0, 5, 6, 1000, BOUNDS[-1], BOUNDS[-1] + 1])
def test_a_time_is_told_no_better_than_it_was(milliseconds: int) -> None:
    found = percentile({f"whole {time_class(milliseconds)}": 1}, "whole", 0.95)
    assert found is not None
    assert found >= milliseconds


def test_of_nothing_there_is_no_percentile() -> None:
    assert percentile({"first 3": 1}, "whole", 0.5) is None
