"""Which calls to models this process is answering now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from headgate.core.measurements import Measurement, Metric

UNDER_WAY = Metric(
    "headgate_calls_under_way", "gauge", "Requests for models that are being answered."
)


@dataclass(slots=True)
class Activity:
    """The requests under way, by their ids; a stream is under way until its end has been sent."""

    _under_way: dict[str, str] = field(default_factory=dict)

    def begin(self, request_id: str, workspace_id: str) -> None:
        """A call begins."""
        self._under_way[request_id] = workspace_id

    def end(self, request_id: str) -> None:
        """A request has ended, whether or not it was such a call."""
        self._under_way.pop(request_id, None)

    @property
    def calls(self) -> int:
        """How many there are."""
        return len(self._under_way)

    def calls_of(self, workspace_id: str | None) -> int:
        """How many of them are a workspace's; None means all."""
        if workspace_id is None:
            return self.calls
        return sum(each == workspace_id for each in self._under_way.values())

    @property
    def metrics(self) -> Sequence[Metric]:
        """See `Measured.metrics`."""
        return (UNDER_WAY,)

    def measurements(self) -> Iterable[Measurement]:
        """See `Measured.measurements`."""
        yield UNDER_WAY.at(self.calls)
