"""Keys with rate limits, and what a limiter says to their calls."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headgate.core.errors import RateLimited
from headgate.core.keys import RateLimit, VirtualKey
from headgate.core.limits import RateLimiter, Ticket

HOLDER = Path(__file__).with_name("holds_places.py")


def key(key_id: str = "sk-proj-one", **limits: Any) -> VirtualKey:
    return VirtualKey(
        key_id=key_id,
        name="one",
        scopes=frozenset({"ai:complete"}),
        created_at=0.0,
        rate_limit=RateLimit(**limits),
    )


async def answered(limiter: RateLimiter, who: VirtualKey, tokens: int = 0) -> Ticket | RateLimited:
    """The ticket, or the refusal."""
    try:
        return await limiter.admit(who, tokens)
    except RateLimited as refusal:
        return refusal


async def refused(limiter: RateLimiter, who: VirtualKey, tokens: int = 0) -> RateLimited:
    with pytest.raises(RateLimited) as refusal:
        await limiter.admit(who, tokens)
    return refusal.value


async def admitted(limiter: RateLimiter, who: VirtualKey, calls: int, tokens: int = 0) -> int:
    """How many of so many calls, one after another, are admitted."""
    count = 0
    for _ in range(calls):
        answer = await answered(limiter, who, tokens)
        if not isinstance(answer, RateLimited):
            answer.finish(tokens)
            count += 1
    return count


async def die_with_places(*arguments: str) -> None:
    """Let a process take two of the key's places and die on the spot, as by `kill -9`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, HOLDER, *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == b"admitted\n"
    finally:
        process.kill()
        await process.communicate()


async def soon(condition: Callable[[], bool], *, seconds: float = 30) -> None:
    """Wait until `condition` holds, which another thread or process brings about."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "it does not come to that"
        await asyncio.sleep(0.002)
