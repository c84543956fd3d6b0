"""How many runs there are, for whoever watches the platform."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from headgate.core.errors import HeadgateError
from headgate.core.measurements import Measurement, Metric
from headgate.core.runs import Run, RunStatus, RunStore

STATUSES: tuple[RunStatus, ...] = ("queued", "running", "waiting", "paused")

RUNS = Metric(
    "headgate_agent_runs",
    "gauge",
    "Agent runs that have not ended, in all processes that share their store.",
    ("status",),
    "max",
)
ENDED = Metric(
    "headgate_agent_runs_ended", "counter", "Agent runs that have ended.", ("type", "status")
)
STEPS = Metric(
    "headgate_agent_steps", "counter", "Steps that ended agent runs have taken.", ("type",)
)


@dataclass(slots=True)
class RunCounts:
    """The runs under way, as they were counted last."""

    store: RunStore
    _counts: Mapping[RunStatus, int] = field(default_factory=dict)
    _ended: Counter[tuple[str, str]] = field(default_factory=Counter)
    _steps: Counter[str] = field(default_factory=Counter)

    @property
    def metrics(self) -> Sequence[Metric]:
        """See `Measured.metrics`."""
        return (RUNS, ENDED, STEPS)

    def ended(self, run: Run) -> None:
        """Count a run that has ended."""
        self._ended[run.request.type, run.status] += 1
        self._steps[run.request.type] += run.tally.steps

    async def refresh(self) -> None:
        """Count them; where the store is away the last count stays."""
        with suppress(HeadgateError):
            self._counts = await self.store.counts()

    @property
    def under_way(self) -> int:
        """How many had not ended."""
        return sum(self._counts.get(status, 0) for status in STATUSES)

    def measurements(self) -> Iterable[Measurement]:
        """See `Measured.measurements`."""
        for open_status in STATUSES:
            yield RUNS.at(self._counts.get(open_status, 0), open_status)
        for (kind, status), count in sorted(self._ended.items()):
            yield ENDED.at(count, kind, status)
        for kind, count in sorted(self._steps.items()):
            yield STEPS.at(count, kind)
