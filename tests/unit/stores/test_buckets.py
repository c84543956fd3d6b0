"""The arithmetic of limits; tests/contract shows it through every adapter."""

import pytest

from headgate.core.errors import RateLimited
from headgate.stores.buckets import Buckets, DefaultLimits, KeyLimits
from rate_limits import key

DEFAULTS = DefaultLimits(requests_per_second=50, burst=200)
LIMITS = KeyLimits(60, 1.0, 600, 4)


def test_a_key_has_its_own_limits_or_the_platforms() -> None:
    assert DEFAULTS.limits_of(key()) == KeyLimits(200, 50, 0, None)
    own = key(requests_per_minute=60, tokens_per_minute=600, concurrency=4)
    assert DEFAULTS.limits_of(own) == LIMITS


def test_the_shares_of_all_processes_are_never_more_than_the_whole() -> None:
    assert LIMITS.share(4) == KeyLimits(15, 0.25, 150, 1)
    assert LIMITS.share(5).concurrency == 0


def test_a_refusal_takes_nothing() -> None:
    buckets = Buckets.full(LIMITS, 0.0)
    buckets.take(0, 4, 600)
    for running, tokens in ((4, 0), (0, 1)):
        with pytest.raises(RateLimited):
            buckets.take(running, 4, tokens)
    assert (buckets.requests, buckets.tokens) == (59, 0)


def test_what_is_missing_for_an_instant_is_not_missing() -> None:
    """The time of today as a float moves on by a quarter of a microsecond."""
    now = 1_795_435_200.3
    buckets = Buckets.full(LIMITS, now)
    for _ in range(60):
        buckets.take(0, None, 0)
    for _ in range(1000):
        with pytest.raises(RateLimited) as refusal:
            buckets.take(0, None, 0)
        now += refusal.value.retry_after_seconds
        buckets.fit(LIMITS, now)
        buckets.take(0, None, 0)
    assert now == pytest.approx(1_795_436_200.3, abs=1e-3)


def test_a_limit_that_is_new_begins_full() -> None:
    buckets = Buckets.full(KeyLimits(60, 1.0, 0, None), 0.0)
    buckets.fit(LIMITS, 1.0)
    assert buckets.tokens == 600
    assert buckets.is_whole()
