"""Calls as often as it is told and writes how many calls were admitted.

`python counts_admissions.py DIRECTORY CALLS`
"""

import asyncio
import sys
from pathlib import Path

from fakes import FakeClock
from headgate.stores.buckets import DefaultLimits
from headgate.stores.machine_limits import MachineRateLimiter
from rate_limits import admitted, key


async def count(directory: str, calls: str) -> None:
    limiter = MachineRateLimiter(Path(directory), DefaultLimits(50, 200), clock=FakeClock())
    sys.stdout.write(f"{await admitted(limiter, key(requests_per_minute=500), int(calls))}\n")
    limiter.close()


asyncio.run(count(*sys.argv[1:]))
