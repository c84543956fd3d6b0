"""The part of `bootstrap` that joins rate limits: on this machine, or through Redis."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate import data_directory
from headgate.cli.findings import Finding
from headgate.core.errors import Overloaded
from headgate.core.limits import RateLimiter
from headgate.settings import Settings
from headgate.stores.buckets import DefaultLimits
from headgate.stores.machine_limits import MachineRateLimiter

if TYPE_CHECKING:
    from headgate.stores.redis_limits import RedisRateLimiter

LIMITS = "limits"


@dataclass(frozen=True, slots=True)
class Limiter:
    """The rate limits, and what `GET /health` asks about them."""

    limiter: RateLimiter
    health: Mapping[str, Callable[[], Awaitable[str | None]]]


@contextlib.asynccontextmanager
async def open_limiter(settings: Settings) -> AsyncIterator[Limiter]:
    """The rate limits: kept in Redis where one is named, else in the data directory."""
    limits = settings.configuration.limits
    defaults = DefaultLimits(limits.requests_per_second, limits.burst)
    if settings.redis_url is None:
        data_directory.make(settings.data)
        machine = MachineRateLimiter(settings.data / LIMITS, defaults)
        try:
            yield Limiter(machine, {})
        finally:
            machine.close()
        return
    shared = _redis_limiter(settings.redis_url.reveal(), defaults)
    await shared.start()
    try:
        yield Limiter(shared, {"limits": shared.state})
    finally:
        await shared.aclose()


async def check_limits(settings: Settings) -> Finding:
    """Where rate limits are kept, and whether that can be reached."""
    if settings.redis_url is None:
        return Finding("ok", "shared by all processes on the data directory")
    limiter = _redis_limiter(settings.redis_url.reveal(), DefaultLimits(1, 1))
    try:
        await limiter.ping()
    except Overloaded as error:
        return Finding(
            "fail", error.message, "Start the server that HEADGATE_REDIS_URL names, or correct it."
        )
    finally:
        await limiter.aclose()
    return Finding("ok", "shared by all processes on the Redis server")


def _redis_limiter(url: str, defaults: DefaultLimits) -> "RedisRateLimiter":
    # The client library takes longer to load than the rest of the platform.
    from headgate.stores.redis_limits import RedisRateLimiter

    return RedisRateLimiter(url, defaults)
