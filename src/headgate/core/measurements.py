"""What a part of the platform can say about itself in numbers, for whoever watches it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol, TypeAlias

MetricKind: TypeAlias = Literal["gauge", "counter", "histogram"]
Merge: TypeAlias = Literal["sum", "max"]


class Metric(NamedTuple):
    """What is measured under a name.

    Attributes:
        name: in small letters with `_`, beginning with `headgate_`; of a counter without `_total`.
        kind: a `gauge` goes up and down, a `counter` only up; a `histogram` counts values by size.
        meaning: one sentence.
        labels: by what its numbers are told apart. Each has few values, whatever callers do.
        merge: what the numbers of several processes are together: their sum, or, where each of
            them knows the whole, the highest.
    """

    name: str
    kind: MetricKind
    meaning: str
    labels: tuple[str, ...] = ()
    merge: Merge = "sum"

    def at(self, value: float, *labels: str) -> "Measurement":
        """The number for these values of its labels, as it stands now."""
        named = dict(zip(self.labels, labels, strict=True))
        # A truth value passes for a number in Python, and not in what other workers read.
        return Measurement(self.name, self.kind, self.meaning, float(value), named, self.merge)


class Measurement(NamedTuple):
    """One number as it stands now; see `Metric`.

    Attributes:
        value: of a histogram the sum of all values.
        bounds, counts: of a histogram, the upper bounds of its classes and how many values fell
            into each, with one class more for what exceeds them all.
    """

    name: str
    kind: MetricKind
    meaning: str
    value: float
    labels: Mapping[str, str] = {}
    merge: Merge = "sum"
    bounds: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()


class Measured(Protocol):
    """A part that can be measured, at no cost until it is asked."""

    @property
    def metrics(self) -> Sequence[Metric]:
        """All that it may ever tell of."""
        ...

    def measurements(self) -> Iterable[Measurement]:
        """The numbers as they stand now."""
        ...
