"""The arithmetic of rate limits: a key's two token buckets, full at first and refilled evenly.

It is pure. The adapters differ in where a key's buckets lie and who else takes from them, not in
what is admitted; `redis_limits.lua` says the same in Redis.
"""

import math
from typing import NamedTuple, Self

import msgspec

from headgate.core.errors import RateLimited
from headgate.core.keys import VirtualKey
from headgate.core.limits import Window

SECONDS_PER_MINUTE = 60.0
# What is missing to an amount for less time than this is not missing: a float that holds the time
# of today cannot tell, and who waited as long as was asked shall be admitted.
INSTANT_SECONDS = 1e-6
# Nobody knows when a call will end.
FULL_HOUSE_SECONDS = 1.0

# Without a limit on tokens the headers still name one; it is beyond what a key can use.
_UNLIMITED_TOKENS = Window(1_000_000_000, 1_000_000_000, 0.0)


class KeyLimits(NamedTuple):
    """What a key may do.

    Attributes:
        requests: how many may come at once.
        requests_per_second: how fast that is refilled.
        tokens: per minute; 0 where they are not limited.
        concurrency: calls under way; None where they are not limited.
    """

    requests: float
    requests_per_second: float
    tokens: float
    concurrency: int | None

    def share(self, processes: int) -> "KeyLimits":
        """The part of one among so many processes; all parts together are the whole, or less."""
        return KeyLimits(
            self.requests / processes,
            self.requests_per_second / processes,
            self.tokens / processes,
            None if self.concurrency is None else self.concurrency // processes,
        )


class DefaultLimits(NamedTuple):
    """What keys may do that have no limit on requests of their own."""

    requests_per_second: float
    burst: int

    def limits_of(self, key: VirtualKey) -> KeyLimits:
        """The limits that hold for `key`."""
        per_minute, tokens, concurrency = (
            key.rate_limit.requests_per_minute,
            key.rate_limit.tokens_per_minute,
            key.rate_limit.concurrency,
        )
        if per_minute is None:
            return KeyLimits(self.burst, self.requests_per_second, tokens or 0, concurrency)
        return KeyLimits(per_minute, per_minute / SECONDS_PER_MINUTE, tokens or 0, concurrency)


class Buckets(msgspec.Struct):
    """One key's buckets as they were at `filled_at`; a level below 0 is a debt.

    The fields stand in the order in which they are kept in a file.
    """

    requests_capacity: float
    requests_per_second: float
    requests: float
    tokens_capacity: float
    tokens: float
    filled_at: float

    @classmethod
    def full(cls, limits: KeyLimits, now: float) -> Self:
        """Those of a key that has not called yet, or has rested."""
        requests, per_second, tokens, _ = limits
        return cls(requests, per_second, requests, tokens, tokens, now)

    def fit(self, limits: KeyLimits, now: float) -> None:
        """Refill up to now; where the limits have changed, be as full in proportion as before."""
        elapsed = now - self.filled_at
        # A clock that was put back refills nothing twice: time counts on from where it stands.
        self.filled_at = now
        if elapsed > 0:
            gained = elapsed * self.requests_per_second
            self.requests = min(self.requests_capacity, self.requests + gained)
            gained = elapsed * self.tokens_capacity / SECONDS_PER_MINUTE
            self.tokens = min(self.tokens_capacity, self.tokens + gained)
        requests, self.requests_per_second, tokens, _ = limits
        if requests != self.requests_capacity:
            self.requests *= requests / self.requests_capacity
            self.requests_capacity = requests
        if tokens != self.tokens_capacity:
            before, self.tokens_capacity = self.tokens_capacity, tokens
            self.tokens = self.tokens * tokens / before if before else tokens

    def take(self, running: int, concurrency: int | None, tokens: int) -> int:
        """Take one request and `tokens` tokens, or nothing; gives how many tokens it took.

        Raises:
            RateLimited: a limit is reached.
        """
        estimate = self.estimate(tokens)
        refusal = self.refusal(running, concurrency, estimate)
        if refusal is not None:
            raise refusal
        self.requests -= 1
        self.tokens -= estimate
        return estimate

    def estimate(self, tokens: int) -> int:
        """The tokens that a call takes which needs about `tokens`."""
        # A request larger than the whole limit waits for a full bucket, not for ever.
        return min(tokens, int(self.tokens_capacity))

    def refusal(self, running: int, concurrency: int | None, estimate: int) -> RateLimited | None:
        """Why one more call of so many tokens cannot be admitted, if it cannot."""
        if concurrency is not None and running >= concurrency:
            under_way = f"the key already has {running} calls under way, its limit"
            return self._refusal(f"{under_way}: wait for one to end", FULL_HOUSE_SECONDS)
        requests_wait = tokens_wait = 0.0
        if self.requests < 1:
            requests_wait = (1 - self.requests) / self.requests_per_second
        if self.tokens < estimate:
            missing = estimate - self.tokens
            tokens_wait = missing * SECONDS_PER_MINUTE / self.tokens_capacity
        if requests_wait <= INSTANT_SECONDS and tokens_wait <= INSTANT_SECONDS:
            return None
        short = "tokens" if tokens_wait > requests_wait else "requests"
        wait = max(requests_wait, tokens_wait)
        again = f"try again in {max(1, math.ceil(wait))} s"
        return self._refusal(f"the key's limit on {short} is reached: {again}", wait)

    def replace(self, estimate: int, used: int) -> None:
        """Put the tokens that a call has used in the place of the estimate that was taken."""
        if self.tokens_capacity:
            self.tokens = min(self.tokens_capacity, self.tokens + estimate - used)

    def is_whole(self) -> bool:
        """Whether nothing is missing, so that a new key's buckets say as much."""
        return self.requests >= self.requests_capacity and self.tokens >= self.tokens_capacity

    def requests_window(self) -> Window:
        """What the headers say of requests."""
        missing = self.requests_capacity - self.requests
        return Window(
            int(self.requests_capacity),
            max(0, int(self.requests)),
            missing / self.requests_per_second,
        )

    def tokens_window(self) -> Window:
        """What the headers say of tokens."""
        if not self.tokens_capacity:
            return _UNLIMITED_TOKENS
        missing = self.tokens_capacity - self.tokens
        return Window(
            int(self.tokens_capacity),
            max(0, int(self.tokens)),
            max(0.0, missing * SECONDS_PER_MINUTE / self.tokens_capacity),
        )

    def _refusal(self, message: str, wait_seconds: float) -> RateLimited:
        return RateLimited(
            message,
            retry_after_seconds=wait_seconds,
            requests=self.requests_window(),
            tokens=self.tokens_window(),
        )
