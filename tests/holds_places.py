"""Takes two places of a key's limit on calls and never gives them back; to be killed.

`python holds_places.py machine DIRECTORY`, or `redis ADDRESS`.
"""

import asyncio
import sys
from pathlib import Path

from fakes import FakeClock
from headgate.core.limits import RateLimiter
from headgate.stores.buckets import DefaultLimits
from headgate.stores.machine_limits import MachineRateLimiter
from headgate.stores.redis_limits import RedisRateLimiter
from rate_limits import key


async def limiter_in(technology: str, place: str) -> RateLimiter:
    defaults = DefaultLimits(50, 200)
    if technology == "machine":
        return MachineRateLimiter(Path(place), defaults, clock=FakeClock())
    limiter = RedisRateLimiter(place, defaults, clock=FakeClock())
    await limiter.start()
    return limiter


async def hold(technology: str, place: str) -> None:
    limiter = await limiter_in(technology, place)
    for _ in range(2):
        await limiter.admit(key(concurrency=2), 0)
    sys.stdout.write("admitted\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


asyncio.run(hold(*sys.argv[1:]))
