"""What is special where limits are counted in one process; tests/contract has the rest."""

import pytest

from fakes import FakeClock
from headgate.stores.buckets import DefaultLimits
from headgate.stores.process_limits import ProcessRateLimiter
from rate_limits import admitted, key


async def test_keys_that_have_rested_are_forgotten_and_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = FakeClock()
    limiter = ProcessRateLimiter(DefaultLimits(50, 200), clock=clock)
    monkeypatch.setattr("headgate.stores.process_limits.MOST_KEYS", 4)
    await admitted(limiter, key("rested", requests_per_minute=60), 1)
    (await limiter.admit(key("indebted", tokens_per_minute=60), 0)).finish(600)
    await limiter.admit(key("running"), 0)
    clock.advance(59)
    await admitted(limiter, key("busy", requests_per_minute=1), 1)
    await limiter.admit(key("new"), 0)
    assert set(limiter._keys) == {"indebted", "running", "busy", "new"}
