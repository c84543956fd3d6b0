"""What a part of the platform can say about itself in numbers, for whoever watches it."""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple, Protocol


class Measurement(NamedTuple):
    """One number as it stands now.

    Attributes:
        name: in small letters with `_`, beginning with `headgate_`; of a counter without `_total`.
        kind: a `gauge` goes up and down, a `counter` only up.
        meaning: one sentence; the same for all measurements of the name.
    """

    name: str
    kind: Literal["gauge", "counter"]
    meaning: str
    value: float
    labels: Mapping[str, str] = {}


class Measured(Protocol):
    """A part that can be measured, at no cost until it is asked."""

    def measurements(self) -> Iterable[Measurement]:
        """The numbers as they stand now."""
        ...
