"""Answers kept in Redis, for all processes that use it.

A cache that is slow is worse than none: an answer that does not come within half a second
is a miss, and Redis is then left alone for a moment, so that few calls wait for a server that is
away.
"""

import logging
import math
import time
from collections.abc import Callable

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from headgate.core.cache import LARGEST_VALUE
from headgate.core.errors import Overloaded

ANSWER_SECONDS = 0.5
"""Redis is away when it has not answered for so long."""
AWAY_SECONDS = 1.0
"""For so long it is not asked again then."""
MOST_CONNECTIONS = 8
"""One serves thousands of look-ups a second; a long value must not keep the others waiting."""

_PREFIX = "headgate:cache:"
_LOG = logging.getLogger(__name__)


class RedisCache:
    """A `ResponseCache` that many machines share."""

    def __init__(
        self, url: str, ttl_seconds: float, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Prepare; the first call connects.

        Args:
            url: the server, as `redis://[[user]:password@]host[:port][/database]` or `rediss://`.
            ttl_seconds: how long a value is kept.
            clock: seconds that only go forward.

        Raises:
            Overloaded: the address cannot be understood.
        """
        try:
            pool = BlockingConnectionPool.from_url(
                url,
                max_connections=MOST_CONNECTIONS,
                timeout=ANSWER_SECONDS,
                socket_timeout=ANSWER_SECONDS,
                socket_connect_timeout=ANSWER_SECONDS,
                retry=Retry(NoBackoff(), 0),
            )
        except ValueError:
            # What is wrong is not repeated: the address holds a password.
            raise Overloaded("HEADGATE_REDIS_URL is no address of a Redis server") from None
        self._redis = Redis.from_pool(pool)
        self._ttl_milliseconds = math.ceil(ttl_seconds * 1000)
        self._clock = clock
        self._away_until = float("-inf")

    async def get(self, name: str) -> bytes | None:
        """See `ResponseCache.get`."""
        if self._is_away():
            return None
        try:
            value = await self._redis.get(_PREFIX + name)
        except (RedisError, OSError, TimeoutError) as error:
            self._lose(error)
            return None
        return value if isinstance(value, bytes) else None

    async def put(self, name: str, value: bytes) -> None:
        """See `ResponseCache.put`."""
        if self._is_away() or len(value) > LARGEST_VALUE:
            return
        try:
            await self._redis.set(_PREFIX + name, value, px=self._ttl_milliseconds)
        except (RedisError, OSError, TimeoutError) as error:
            self._lose(error)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    def _is_away(self) -> bool:
        return self._clock() < self._away_until

    def _lose(self, error: Exception) -> None:
        if not self._is_away():
            _LOG.warning("the response cache is left out for a moment: Redis: %s", error)
        self._away_until = self._clock() + AWAY_SECONDS
