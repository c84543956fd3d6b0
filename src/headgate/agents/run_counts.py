"""How many runs there are, for whoever watches the platform."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from headgate.core.errors import HeadgateError
from headgate.core.measurements import Measurement
from headgate.core.runs import RunStatus, RunStore

STATUSES: tuple[RunStatus, ...] = ("queued", "running", "waiting", "paused")


@dataclass(slots=True)
class RunCounts:
    """The runs under way, as they were counted last."""

    store: RunStore
    _counts: Mapping[RunStatus, int] = field(default_factory=dict)

    async def refresh(self) -> None:
        """Count them; where the store is away the last count stays."""
        with suppress(HeadgateError):
            self._counts = await self.store.counts()

    def measurements(self) -> Iterable[Measurement]:
        """The runs of each status, those that have ended left out."""
        for status in STATUSES:
            yield Measurement(
                "headgate_agent_runs",
                "gauge",
                "Agent runs that have not ended, in all processes that share their store.",
                self._counts.get(status, 0),
                {"status": status},
            )
