"""Rate limits within one process, for callers of this process alone."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from headgate.core.keys import VirtualKey
from headgate.core.limits import Window
from headgate.stores.buckets import Buckets, DefaultLimits, KeyLimits

# Beyond this many keys, buckets that are full again are forgotten: they say nothing.
MOST_KEYS = 10_000


@dataclass(slots=True)
class _Counters:
    limits: KeyLimits
    buckets: Buckets
    running: int = 0


@dataclass(slots=True)
class ProcessTicket:
    """One admitted call."""

    requests: Window
    tokens: Window
    _counters: _Counters
    _estimate: int

    def finish(self, tokens: int) -> None:
        """Give the place back and replace the estimate by the tokens that were used."""
        self._counters.running -= 1
        self._counters.buckets.replace(self._estimate, tokens)


@dataclass(slots=True)
class ProcessRateLimiter:
    """Admits calls within each key's limits, counting those of this process alone."""

    defaults: DefaultLimits
    clock: Callable[[], float] = time.monotonic
    _keys: dict[str, _Counters] = field(default_factory=dict)

    async def admit(self, key: VirtualKey, tokens: int) -> ProcessTicket:
        """Admit a call that needs about `tokens`.

        Raises:
            RateLimited: a limit is reached; says when to come back.
        """
        now = self.clock()
        limits = self.defaults.limits_of(key)
        counters = self._keys.get(key.key_id)
        if counters is None:
            self._forget(now)
            counters = self._keys[key.key_id] = _Counters(limits, Buckets.full(limits, now))
        counters.limits = limits
        buckets = counters.buckets
        buckets.fit(limits, now)
        estimate = buckets.take(counters.running, limits.concurrency, tokens)
        counters.running += 1
        return ProcessTicket(buckets.requests_window(), buckets.tokens_window(), counters, estimate)

    async def look(self, key: VirtualKey) -> tuple[Window, Window]:
        """See `RateLimiter.look`."""
        now, limits = self.clock(), self.defaults.limits_of(key)
        counters = self._keys.get(key.key_id)
        buckets = Buckets.full(limits, now) if counters is None else counters.buckets
        buckets.fit(limits, now)
        return buckets.requests_window(), buckets.tokens_window()

    def _forget(self, now: float) -> None:
        if len(self._keys) < MOST_KEYS:
            return
        for key_id, counters in list(self._keys.items()):
            counters.buckets.fit(counters.limits, now)
            if not counters.running and counters.buckets.is_whole():
                del self._keys[key_id]
