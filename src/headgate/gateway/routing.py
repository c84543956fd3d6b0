"""The tries of one call: which route comes next, how often each is tried, after which pause.

A call that another try may cure is tried again on the same route, after a pause, before it is the
next route's turn. No money is held during a pause, and a route gets no further try once the time
is over that one attempt may take.
"""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from headgate.core.models import (
    ProviderError,
    ProviderRefused,
    ProviderTimedOut,
    RefusalKind,
)
from headgate.gateway.breakers import Breakers, Trial
from headgate.gateway.catalog import Route
from headgate.gateway.choice import Choice

T = TypeVar("T")

# Refusals that another vendor would repeat, since the request itself is at fault.
FINAL_REFUSALS: frozenset[RefusalKind] = frozenset({"invalid", "context_length"})
# Refusals that the same vendor may not repeat.
PASSING_REFUSALS: frozenset[RefusalKind] = frozenset({"rate_limited", "overloaded", "failed"})
FIRST_PAUSE_SECONDS = 0.25
# Whoever is to wait longer than this, asks the next model instead.
LONGEST_PAUSE_SECONDS = 5.0
# When to come back to a route that another call is probing.
PROBE_SECONDS = 1.0
# A share of a pause, so that those who failed together do not come again together.
JITTER = 0.25


async def within(seconds: float, work: Awaitable[T]) -> T:
    """What `work` gives, if it takes no longer than that.

    Raises:
        ProviderTimedOut: it does.
    """
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("only a task can be told that its time is over")
    is_late = False
    cancelled_before = task.cancelling()

    def expire() -> None:
        nonlocal is_late
        is_late = True
        task.cancel()

    # As `asyncio.timeout` does it, at a quarter of its price.
    timer = task.get_loop().call_later(seconds, expire)
    try:
        return await work
    except asyncio.CancelledError:
        if not is_late or task.cancelling() - 1 > cancelled_before:
            raise  # the caller has left
        raise ProviderTimedOut("the vendor did not answer in time") from None
    finally:
        timer.cancel()
        if is_late:
            task.uncancel()


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """How the routes of a call are tried.

    Attributes:
        retries: further tries on the same route.
        attempt_seconds: the most time for a whole answer, or for the first piece of a stream.
        pause: waits so many seconds.
        chance: a number from 0 to 1.
    """

    breakers: Breakers = field(default_factory=Breakers)
    choice: Choice = field(default_factory=Choice)
    retries: int = 0
    attempt_seconds: float = 60.0
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random

    def seconds_until(self, ends_at: float | None) -> float:
        """The most time for an attempt that begins now, where all have to be over at `ends_at`."""
        if ends_at is None:
            return self.attempt_seconds
        left = ends_at - asyncio.get_running_loop().time()
        return max(0.0, min(self.attempt_seconds, left))

    def tries(self, routes: Sequence[Route]) -> "Tries":
        """The tries of a call that `routes` can answer, in order of preference."""
        return Tries(self, routes)

    def pause_before(self, route: Route, error: ProviderError, tried: int) -> float | None:
        """Seconds until a route may be tried again that has failed `tried` times; None for never.

        A vendor's own word is never undercut.
        """
        if tried > self.retries or route.provider.provider in self.breakers.built_in:
            return None
        after = 0.0
        if isinstance(error, ProviderRefused):
            if error.kind not in PASSING_REFUSALS:
                return None
            after = error.retry_after_seconds or 0.0
        backoff = min(math.ldexp(FIRST_PAUSE_SECONDS, tried - 1), LONGEST_PAUSE_SECONDS)
        if after > LONGEST_PAUSE_SECONDS:
            return None
        return max(after, backoff) * (1 + JITTER * self.chance())


class Tries:
    """The tries of one call.

    Attributes:
        refusal: why there is no answer so far: the last vendor's failure, else that routes are left
            alone.
    """

    def __init__(self, routing: Routing, routes: Sequence[Route]) -> None:
        self.refusal: ProviderError | None = None
        self._routing = routing
        self._left = list(routes)
        self._begun = 0.0
        self._tried = 0
        self._again: tuple[Route, float] | None = None
        self._alone: list[Route] = []

    async def next(self) -> Trial | None:
        """The next try, once its time has come; None where there is none."""
        breakers = self._routing.breakers
        if self._again is not None:
            (route, pause), self._again = self._again, None
            await self._routing.pause(pause)
            trial = breakers.enter(route)  # others may have found it failing meanwhile
            if trial is not None:
                return trial
        while self._left:
            left = self._left
            route = min(left, key=breakers.cooling) if len(left) > 1 else left[0]
            left.remove(route)
            self._begun, self._tried = self._routing.clock(), 0
            trial = breakers.enter(route)
            if trial is not None:
                return trial
            self._alone.append(route)
        return None if self.refusal else self._last_hope()

    def _last_hope(self) -> Trial | None:
        """Where all routes are left alone, the one whose time ends first, unless it is probed."""
        if not self._alone:
            return None
        breakers = self._routing.breakers
        route = min(self._alone, key=breakers.wait)
        self._alone.clear()
        trial = breakers.enter(route, is_last_hope=True)
        if trial is None:
            self.refusal = ProviderRefused(
                "overloaded",
                "the model's last calls failed, and one call at a time sees whether it is well",
                retry_after_seconds=PROBE_SECONDS,
            )
        return trial

    def failed(self, trial: Trial, error: ProviderError) -> None:
        """Note that a try has failed: is it made again, is another route's turn, or is it over?"""
        self.refusal = error
        self._tried += 1
        pause = self._routing.pause_before(trial.route, error, self._tried)
        spent = self._routing.clock() - self._begun
        if pause is not None and spent + pause < self._routing.attempt_seconds:
            # A probe has shown what it was to show.
            self._again = None if trial.is_probe else (trial.route, pause)
        elif isinstance(error, ProviderRefused) and error.kind in FINAL_REFUSALS:
            self._left.clear()
        trial.failed(error, is_last=self._again is None)
