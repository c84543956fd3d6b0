"""How well the platform serves: counted beside the path of requests, and told for a window of time.

Every process adds its counts to the store some seconds later, so that the figures are those of all
processes. What a process that dies had not added is missing in them; in the ledger it is not.
"""

import asyncio
import contextlib
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from headgate.core.errors import HeadgateError
from headgate.core.service_levels import (
    ALL,
    Counts,
    ServiceStore,
    Untold,
    percentile,
)

ADD_SECONDS = 10.0


class Window(NamedTuple):
    """A length of time up to now, and that of the slots that it is summed from."""

    seconds: int
    slot_seconds: int


WINDOWS: Mapping[str, Window] = {
    "1h": Window(3600, 300),
    "6h": Window(6 * 3600, 300),
    "24h": Window(86_400, 3600),
    "7d": Window(7 * 86_400, 3600),
    "30d": Window(30 * 86_400, 86_400),
}


@dataclass(slots=True)
class ServiceTally:
    """Adds what this process counts to the store.

    Attributes:
        counters: what was counted of calls and of requests; nobody else may ask them.
    """

    store: ServiceStore
    counters: Sequence[Untold]
    clock: Callable[[], float] = time.time
    _left: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    _added_at: float = 0.0

    async def add(self) -> None:
        """Add what was counted to the store; while that is away it is kept."""
        told = self._taken()
        self._added_at = self.clock()
        if not told:
            return
        try:
            await self.store.add(self._added_at, told)
        except BaseException as error:
            for series, each in told.items():
                self._left[series] += each
            if not isinstance(error, HeadgateError):
                raise

    def _taken(self) -> Mapping[str, Counter[str]]:
        """All that was counted and not added, which is then no more to be added."""
        left, self._left = self._left, defaultdict(Counter)
        for untold in self.counters:
            for series, counts in untold().items():
                left[series].update(counts)
        return left

    async def add_if_due(self) -> None:
        """Do so where it was not done lately, for a process that stands still in between."""
        if self.clock() - self._added_at >= ADD_SECONDS:
            await self.add()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Add again and again for the length of the block, and at its end."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            await self.add()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(ADD_SECONDS)
            await self.add()


class Targets(NamedTuple):
    """What the platform is to reach; times in milliseconds, shares of 1."""

    p95_ms: int
    p99_ms: int
    first_token_p95_ms: int
    error_rate: float
    availability: float
    budget_accuracy: float


class Figures(NamedTuple):
    """How well calls were served; None where there were none.

    Attributes:
        error_rate: the share of calls to vendors, tries included, that failed.
        budget_accuracy: the share of calls that took no more than was held for them.
    """

    calls: int
    p50_ms: int | None
    p95_ms: int | None
    p99_ms: int | None
    first_token_p95_ms: int | None
    error_rate: float | None
    budget_accuracy: float | None


class Objective(NamedTuple):
    """A target, and what was reached; `is_met` is None where there is nothing to judge."""

    name: str
    target: float
    value: float | None
    is_met: bool | None


class ServiceReport(NamedTuple):
    """How well the platform served in a window.

    Attributes:
        start, end: Unix seconds.
        requests, failed: requests for models, and those that the platform failed to answer.
        models: by their qualified ids, the most called first.
    """

    start: int
    end: float
    requests: int
    failed: int
    availability: float | None
    whole: Figures
    objectives: tuple[Objective, ...]
    models: Mapping[str, Figures]


@dataclass(frozen=True, slots=True)
class ServiceLevels:
    """Tells how well the platform serves."""

    store: ServiceStore
    targets: Targets
    clock: Callable[[], float] = time.time

    async def report(self, window: Window) -> ServiceReport:
        """The figures of the last while, from the beginning of a slot on.

        Raises:
            Overloaded: the store is away.
        """
        now = self.clock()
        length = window.slot_seconds
        start = int((now - window.seconds) // length + 1) * length
        sums = dict(await self.store.sums(length, start, int(now) + 1))
        requests = sums.pop(ALL, {})
        whole = figures(_together(sums))
        asked, failed = requests.get("requests", 0), requests.get("failed", 0)
        availability = 1 - failed / asked if asked else None
        ordered = sorted(sums.items(), key=lambda each: -each[1].get("calls", 0))
        return ServiceReport(
            start,
            now,
            asked,
            failed,
            availability,
            whole,
            self._objectives(whole, availability),
            {series: figures(counts) for series, counts in ordered},
        )

    def _objectives(self, found: Figures, availability: float | None) -> tuple[Objective, ...]:
        targets = self.targets
        return (
            _at_most("p95", targets.p95_ms, found.p95_ms),
            _at_most("p99", targets.p99_ms, found.p99_ms),
            _at_most("firstTokenP95", targets.first_token_p95_ms, found.first_token_p95_ms),
            _at_most("errorRate", targets.error_rate, found.error_rate),
            _at_least("availability", targets.availability, availability),
            _at_least("budgetAccuracy", targets.budget_accuracy, found.budget_accuracy),
        )


def figures(counts: Counts) -> Figures:
    """The figures behind counts of calls."""
    calls = counts.get("calls", 0)
    return Figures(
        calls,
        percentile(counts, "whole", 0.5),
        percentile(counts, "whole", 0.95),
        percentile(counts, "whole", 0.99),
        percentile(counts, "first", 0.95),
        counts.get("errors", 0) / calls if calls else None,
        1 - counts.get("overruns", 0) / calls if calls else None,
    )


def _together(series: Mapping[str, Counts]) -> Counts:
    whole: Counter[str] = Counter()
    for counts in series.values():
        whole.update(counts)
    return whole


def _at_most(name: str, target: float, value: float | None) -> Objective:
    return Objective(name, target, value, None if value is None else value <= target)


def _at_least(name: str, target: float, value: float | None) -> Objective:
    return Objective(name, target, value, None if value is None else value >= target)
