"""What this process is doing now: the calls to models it answers, the sockets it holds open."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from headgate.core.measurements import Measurement, Metric

UNDER_WAY = Metric(
    "headgate_calls_under_way", "gauge", "Requests for models that are being answered."
)
SOCKETS = Metric("headgate_sockets_open", "gauge", "WebSockets that are open.")


@dataclass(slots=True)
class Activity:
    """The requests under way, by their ids; a stream is under way until its end has been sent.

    Attributes:
        sockets: how many are open.
    """

    sockets: int = 0
    _under_way: dict[str, str] = field(default_factory=dict)

    def begin(self, request_id: str, workspace_id: str) -> None:
        """A call begins."""
        self._under_way[request_id] = workspace_id

    def end(self, request_id: str) -> None:
        """A request has ended, whether or not it was such a call."""
        self._under_way.pop(request_id, None)

    @contextlib.contextmanager
    def socket(self) -> Iterator[None]:
        """A socket is open for the length of the block."""
        self.sockets += 1
        try:
            yield
        finally:
            self.sockets -= 1

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
        return (UNDER_WAY, SOCKETS)

    def measurements(self) -> Iterable[Measurement]:
        """See `Measured.measurements`."""
        yield UNDER_WAY.at(self.calls)
        yield SOCKETS.at(self.sockets)
