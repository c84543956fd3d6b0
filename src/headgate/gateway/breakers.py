"""Circuit breakers: which routes this process leaves alone for now.

A route that leaves several calls in a row without an answer is opened: nobody who has another
route calls it until its time is over. Then one call probes it, whose outcome closes the circuit or
opens it anew. Those who have no other route may probe it before, one at a time. A vendor
that says when to come back is not failing: its route cools down meanwhile, and only makes way for
others.

All of it is arithmetic on one event loop: nothing waits between a look and a change.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, NamedTuple, Self, TypeAlias

from headgate.core.measurements import Measurement, Metric
from headgate.core.models import (
    ProviderError,
    ProviderRefused,
    ProviderTimedOut,
    ProviderUnreachable,
    RefusalKind,
)
from headgate.gateway.catalog import Route

CircuitState: TypeAlias = Literal["failing", "open", "probing", "cooling"]

CIRCUITS = Metric(
    "headgate_circuit",
    "gauge",
    "1 for every vendor's model that is not well: `failing`, `open` (left alone), `probing` or"
    " `cooling`.",
    ("model", "state"),
    "max",
)
VENDORS = Metric(
    "headgate_vendor_failing",
    "gauge",
    "1 where a vendor's last call failed, 0 where it was answered.",
    ("provider",),
    "max",
)
MOST_TOLD = 100
"""Callers can name any model of a vendor: of those that are not well, the first so many."""

# Vendors' waits beyond this say nothing about the state of a model.
LONGEST_COOLING_SECONDS = 3600.0
# Callers can name any model of a vendor.
MOST_CIRCUITS = 10_000

# The vendor answered, so it is well: the request is at fault, or the credential, which may be one
# caller's own.
_ANSWERS: frozenset[RefusalKind] = frozenset(
    {"invalid", "context_length", "not_found", "unauthorized"}
)


class Trouble(NamedTuple):
    """What is wrong with a route: the kind of its last error, and since when, in Unix seconds."""

    state: CircuitState
    last_error: str
    since: float


@dataclass(slots=True)
class Record:
    """How a vendor did last, in Unix seconds; `last_error` is the kind of its last failure.

    A refusal that shows the vendor at work is neither.
    """

    last_success: float | None = None
    last_failure: float | None = None
    last_error: str | None = None


@dataclass(slots=True)
class _Circuit:
    """A route that did not answer; `open_until` is None while calls go through."""

    since: float
    failures: int = 0
    open_until: float | None = None
    cool_until: float = float("-inf")
    is_probed: bool = False
    last_error: str = ""

    def state(self, now: float) -> CircuitState | None:
        if self.open_until is not None:
            return "probing" if self.is_probed else "open"
        if self.cool_until > now:
            return "cooling"
        return "failing" if self.failures else None


@dataclass(slots=True)
class Breakers:
    """The circuits of all routes, by the route's qualified id.

    Attributes:
        failures: so many calls in a row that failed open a circuit.
        seconds: how long it stays open.
        built_in: vendors inside this process, whose failures are no outage.
        time_of_day: Unix seconds, for people.
    """

    failures: int = 5
    seconds: float = 30.0
    built_in: frozenset[str] = frozenset()
    clock: Callable[[], float] = time.monotonic
    time_of_day: Callable[[], float] = time.time
    _circuits: dict[str, _Circuit] = field(default_factory=dict)
    _records: dict[str, Record] = field(default_factory=dict)

    def enter(self, route: Route, *, is_last_hope: bool = False) -> "Trial | None":
        """A call to a route, or None where it is to be left alone.

        A caller whose last hope it is may probe it before its time, unless another does.
        """
        circuit = self._circuits.get(route.qualified)
        if circuit is None or circuit.open_until is None:
            return Trial(self, route)
        if circuit.is_probed or not (is_last_hope or self.clock() >= circuit.open_until):
            return None
        circuit.is_probed = True
        return Trial(self, route, circuit)

    def wait(self, route: Route) -> float:
        """Seconds until a route is not left alone any more."""
        circuit = self._circuits.get(route.qualified)
        if circuit is None or circuit.open_until is None:
            return 0.0
        return max(0.0, circuit.open_until - self.clock())

    def cooling(self, route: Route) -> float:
        """Seconds for which the vendor asked not to be called; 0 where it did not."""
        circuit = self._circuits.get(route.qualified)
        return 0.0 if circuit is None else max(0.0, circuit.cool_until - self.clock())

    def troubles(self) -> Mapping[str, Trouble]:
        """The routes that are not well now."""
        now = self.clock()
        return {
            name: Trouble(state, circuit.last_error, circuit.since)
            for name, circuit in self._circuits.items()
            if (state := circuit.state(now)) is not None
        }

    @property
    def metrics(self) -> Sequence[Metric]:
        """See `Measured.metrics`."""
        return (CIRCUITS, VENDORS)

    def measurements(self) -> Iterable[Measurement]:
        """See `Measured.measurements`."""
        troubles = sorted(self.troubles().items(), key=lambda each: each[1].since)
        for model, trouble in troubles[:MOST_TOLD]:
            yield CIRCUITS.at(1, model, trouble.state)
        for vendor, record in sorted(self._records.items()):
            failed, succeeded = record.last_failure or 0.0, record.last_success or 0.0
            yield VENDORS.at(int(failed > succeeded), vendor)

    def records(self) -> Mapping[str, Record]:
        """How the vendors did that were called since the process began."""
        return self._records

    def note(self, route: Route, error: ProviderError | None = None) -> None:
        """Take note of how a vendor did."""
        vendor = route.provider.provider
        if vendor in self.built_in:
            return
        record = self._records.get(vendor)
        if record is None:
            record = self._records[vendor] = Record()
        if error is None:
            record.last_success = self.time_of_day()
        else:
            record.last_failure, record.last_error = self.time_of_day(), kind_of(error)

    def fail(self, route: Route, error: ProviderError, probed: _Circuit | None) -> None:
        """Count a failure; `probed` is the circuit that the call was to probe."""
        circuit = self._troubled(route, error)
        circuit.failures += 1
        # Calls that were under way when it opened do not keep it open: the probe decides.
        if circuit is probed or (circuit.open_until is None and circuit.failures >= self.failures):
            circuit.open_until = self.clock() + self.seconds

    def cool(self, route: Route, error: ProviderError, seconds: float) -> None:
        """Let a route make way for others, as its vendor asked."""
        circuit = self._troubled(route, error)
        until = self.clock() + min(seconds, LONGEST_COOLING_SECONDS)
        circuit.cool_until = max(circuit.cool_until, until)

    def close(self, route: Route, probed: _Circuit | None) -> None:
        """Forget the failures of a route that has answered."""
        circuit = self._circuits.get(route.qualified)
        if circuit is None or (circuit.open_until is not None and circuit is not probed):
            return
        circuit.failures, circuit.open_until = 0, None
        if circuit.cool_until <= self.clock():
            del self._circuits[route.qualified]

    def _troubled(self, route: Route, error: ProviderError) -> _Circuit:
        if route.provider.provider in self.built_in:
            return _Circuit(0.0)  # it is nobody's
        circuit = self._circuits.get(route.qualified)
        if circuit is None:
            if len(self._circuits) >= MOST_CIRCUITS:
                del self._circuits[next(iter(self._circuits))]
            circuit = self._circuits[route.qualified] = _Circuit(self.time_of_day())
        circuit.last_error = kind_of(error)
        return circuit


class Trial:
    """One call to a route, which says how it ended; the first word counts.

    As a context it makes way for the next probe where it ends without a word.
    """

    def __init__(self, breakers: Breakers, route: Route, probed: _Circuit | None = None) -> None:
        self.route = route
        self._breakers = breakers
        self._probed = probed
        self._is_over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._probed is not None:
            self._probed.is_probed = False

    def began(self) -> None:
        """The first piece of a stream has come: enough for a probe, which ends with that."""
        if self._probed is not None:
            self._breakers.close(self.route, self._probed)
            self._probed.is_probed = False
            self._probed = None

    def succeeded(self) -> None:
        """The vendor gave all of its answer, or what the caller stayed for."""
        if not self._is_over:
            self._is_over = True
            self._breakers.note(self.route)
            self._breakers.close(self.route, self._probed)

    @property
    def is_probe(self) -> bool:
        """Whether the circuit is open but for this call."""
        return self._probed is not None

    def failed(self, error: ProviderError, *, is_last: bool = True) -> None:
        """There was no whole answer; `error` says whether that speaks against the vendor.

        The last of a call's tries counts.
        """
        if self._is_over:
            return
        self._is_over = True
        after = error.retry_after_seconds if isinstance(error, ProviderRefused) else None
        kind = error.kind if isinstance(error, ProviderRefused) else None
        if self.route.is_own and kind == "rate_limited":
            return  # the limit is that of one user's own account, and says nothing to the others
        if kind not in _ANSWERS and kind != "unsupported":
            self._breakers.note(self.route, error)
        if after:
            self._breakers.cool(self.route, error, after)
        if kind in _ANSWERS:
            self._breakers.close(self.route, self._probed)
        # What this platform cannot ask of a vendor says nothing about the vendor.
        elif is_last and not after and kind != "unsupported":
            self._breakers.fail(self.route, error, self._probed)


def kind_of(error: ProviderError) -> str:
    """An error in one word, fit for everybody's eyes."""
    if isinstance(error, ProviderRefused):
        return error.kind
    if isinstance(error, ProviderUnreachable):
        return "unreachable"
    return "timed_out" if isinstance(error, ProviderTimedOut) else "broke_off"
