"""Takes two places of a key's limit on calls and never gives them back; to be killed.

`python holds_places.py machine DIRECTORY`
"""

import asyncio
import sys
from pathlib import Path

from fakes import FakeClock
from headgate.stores.buckets import DefaultLimits
from headgate.stores.machine_limits import MachineRateLimiter
from rate_limits import key


async def hold(place: str) -> None:
    limiter = MachineRateLimiter(Path(place), DefaultLimits(50, 200), clock=FakeClock())
    for _ in range(2):
        await limiter.admit(key(concurrency=2), 0)
    sys.stdout.write("admitted\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


asyncio.run(hold(*sys.argv[2:]))
