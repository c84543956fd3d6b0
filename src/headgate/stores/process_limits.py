"""Rate limits within one process, by token buckets: full at first, refilled evenly."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from headgate.core.errors import RateLimited
from headgate.core.keys import RateLimit, VirtualKey
from headgate.core.limits import Window

SECONDS_PER_MINUTE = 60.0
# Beyond this many keys, buckets that are full again are forgotten: they say nothing.
MOST_KEYS = 10_000


# Without a limit on tokens the headers still name one; it is beyond what a key can use.
_UNLIMITED_TOKENS = Window(1_000_000_000, 1_000_000_000, 0.0)


@dataclass(slots=True)
class _Bucket:
    capacity: float
    per_second: float
    level: float
    filled_at: float

    def refill(self, now: float) -> None:
        gained = (now - self.filled_at) * self.per_second
        self.level = min(self.capacity, self.level + max(0.0, gained))
        self.filled_at = now

    def carry_over(self, before: "_Bucket", now: float) -> None:
        """Be as full, in proportion, as the bucket that this one replaces."""
        before.refill(now)
        self.level = self.capacity * before.level / before.capacity

    def window(self) -> Window:
        missing = self.capacity - self.level
        return Window(int(self.capacity), max(0, int(self.level)), missing / self.per_second)

    def wait(self, amount: float) -> float:
        return max(0.0, (amount - self.level) / self.per_second)


@dataclass(slots=True)
class _Counters:
    limits: RateLimit
    requests: _Bucket
    tokens: _Bucket | None
    concurrency: int | None
    running: int = 0

    def tokens_window(self) -> Window:
        return _UNLIMITED_TOKENS if self.tokens is None else self.tokens.window()

    def refusal(self, message: str, wait_seconds: float) -> RateLimited:
        return RateLimited(
            message,
            retry_after_seconds=wait_seconds,
            requests=self.requests.window(),
            tokens=self.tokens_window(),
        )

    def exhausted(self, what: str, wait_seconds: float) -> RateLimited:
        again = f"try again in {max(1, math.ceil(wait_seconds))} s"
        return self.refusal(f"the key's limit on {what} is reached: {again}", wait_seconds)


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
        if self._counters.tokens is not None:
            self._counters.tokens.level += self._estimate - tokens


@dataclass(slots=True)
class ProcessRateLimiter:
    """Admits calls within each key's limits, for callers of this process alone.

    Attributes:
        requests_per_second, burst: for keys that have no limit on requests of their own.
    """

    requests_per_second: float
    burst: int
    clock: Callable[[], float] = time.monotonic
    _keys: dict[str, _Counters] = field(default_factory=dict)

    async def admit(self, key: VirtualKey, tokens: int) -> ProcessTicket:
        """Admit a call that needs about `tokens`.

        Raises:
            RateLimited: a limit is reached; says when to come back.
        """
        now = self.clock()
        counters = self._counters(key, now)
        counters.requests.refill(now)
        tokens_left = counters.tokens
        if tokens_left is not None:
            tokens_left.refill(now)
        if counters.concurrency is not None and counters.running >= counters.concurrency:
            under_way = f"the key already has {counters.running} calls under way, its limit"
            raise counters.refusal(f"{under_way}: wait for one to end", 1)
        if counters.requests.level < 1:
            raise counters.exhausted("requests", counters.requests.wait(1))
        estimate = 0
        if tokens_left is not None:
            # A request larger than the whole limit waits for a full bucket, not for ever.
            estimate = min(tokens, int(tokens_left.capacity))
            if tokens_left.level < estimate:
                raise counters.exhausted("tokens", tokens_left.wait(estimate))
            tokens_left.level -= estimate
        counters.requests.level -= 1
        counters.running += 1
        return ProcessTicket(
            counters.requests.window(),
            counters.tokens_window(),
            counters,
            estimate,
        )

    def _counters(self, key: VirtualKey, now: float) -> _Counters:
        counters = self._keys.get(key.key_id)
        if counters is None:
            self._forget(now)
            counters = self._keys[key.key_id] = self._new_counters(key, now)
        elif counters.limits != key.rate_limit:
            # In place, since calls under way give back to it; and a change is no refill.
            changed = self._new_counters(key, now)
            changed.requests.carry_over(counters.requests, now)
            if changed.tokens is not None and counters.tokens is not None:
                changed.tokens.carry_over(counters.tokens, now)
            counters.limits = changed.limits
            counters.requests = changed.requests
            counters.tokens = changed.tokens
            counters.concurrency = changed.concurrency
        return counters

    def _new_counters(self, key: VirtualKey, now: float) -> _Counters:
        limit = key.rate_limit
        per_minute = limit.requests_per_minute
        capacity = float(self.burst if per_minute is None else per_minute)
        rate = self.requests_per_second if per_minute is None else capacity / SECONDS_PER_MINUTE
        tokens = limit.tokens_per_minute
        return _Counters(
            limits=limit,
            requests=_Bucket(capacity, rate, capacity, now),
            tokens=(
                None
                if tokens is None
                else _Bucket(tokens, tokens / SECONDS_PER_MINUTE, tokens, now)
            ),
            concurrency=limit.concurrency,
        )

    def _forget(self, now: float) -> None:
        if len(self._keys) < MOST_KEYS:
            return
        for key_id, counters in list(self._keys.items()):
            buckets = [counters.requests, *([counters.tokens] if counters.tokens else [])]
            for bucket in buckets:
                bucket.refill(now)
            if not counters.running and all(item.level >= item.capacity for item in buckets):
                del self._keys[key_id]
