"""Which of an alias's models is asked first: the first one, the fastest, or one by lot.

Whatever is asked first, the others follow as its fallbacks.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from headgate.gateway.catalog import Route

Strategy: TypeAlias = Literal["order", "fastest", "weighted"]
Kind: TypeAlias = Literal["whole", "stream", "vectors"]
"""What is waited for, since only like waits compare: a whole answer, a first piece, vectors."""

# How much a new measurement counts against all earlier ones.
SMOOTHING = 0.2
# The share of calls that ask another than the fastest, which may have become faster.
EXPLORED = 0.05
# Callers can name any model of a vendor.
MOST_MEASURED = 10_000


@dataclass(frozen=True, slots=True)
class Preference:
    """How an alias chooses; `weights` are by model, as the alias names it, for `weighted`."""

    strategy: Strategy = "order"
    weights: Mapping[str, float] = field(default_factory=dict)

    def weight(self, route: Route) -> float:
        """The share of a route in all calls; one with 0 is asked only as a fallback."""
        return self.weights.get(route.qualified, self.weights.get(route.model, 0.0))


@dataclass(slots=True)
class Choice:
    """Orders the routes of aliases, and learns how fast they are.

    Attributes:
        preferences: of aliases that do not go by their order.
        chance: a number from 0 to 1.
        learns: whether anybody wants to know how fast routes are.
    """

    preferences: Mapping[str, Preference] = field(default_factory=dict)
    chance: Callable[[], float] = random.random
    learns: bool = field(init=False)
    _seconds: dict[tuple[Kind, str], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """See whether an alias goes by speed."""
        self.learns = any(each.strategy == "fastest" for each in self.preferences.values())

    def ordered(self, name: str, routes: Sequence[Route], kind: Kind) -> Sequence[Route]:
        """The routes behind a name, the one to ask first at the front."""
        preference = self.preferences.get(name)
        if preference is None or len(routes) < 2:
            return routes
        if preference.strategy == "fastest":
            return self._by_speed(routes, kind)
        if preference.strategy == "weighted":
            return sorted(routes, key=lambda route: self._lot(preference.weight(route)))
        return routes

    def measured(self, route: Route, kind: Kind, seconds: float) -> None:
        """Take note of how long a route took."""
        place = (kind, route.qualified)
        known = self._seconds.get(place)
        if known is None and len(self._seconds) >= MOST_MEASURED:
            del self._seconds[next(iter(self._seconds))]
        self._seconds[place] = seconds if known is None else known + SMOOTHING * (seconds - known)

    def _by_speed(self, routes: Sequence[Route], kind: Kind) -> Sequence[Route]:
        # One that nobody has measured comes first: there is no other way to learn its speed.
        ordered = sorted(
            routes, key=lambda route: self._seconds.get((kind, route.qualified), -math.inf)
        )
        if self.chance() < EXPLORED:
            other = 1 + int(self.chance() * (len(ordered) - 1))
            ordered.insert(0, ordered.pop(min(other, len(ordered) - 1)))
        return ordered

    def _lot(self, weight: float) -> float:
        """A waiting time, whose least one falls to each route as often as its weight says."""
        return -math.log(1 - self.chance() or 1e-300) / weight if weight else math.inf
