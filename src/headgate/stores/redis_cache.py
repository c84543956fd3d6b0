"""Answers, and which questions they answer, kept in Redis for all processes that use it.

A cache that is slow is worse than none: an answer that does not come within half a second
is a miss, and Redis is then left alone for a moment, so that few calls wait for a server that is
away.
"""

import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import msgspec
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from headgate.core.cache import LARGEST_VALUE, MOST_NEIGHBOURS, Neighbour
from headgate.core.errors import Overloaded

ANSWER_SECONDS = 0.5
"""Redis is away when it has not answered for so long."""
AWAY_SECONDS = 1.0
"""For so long it is not asked again then."""
MOST_CONNECTIONS = 8
"""One serves thousands of look-ups a second; a long value must not keep the others waiting."""

T = TypeVar("T")

_PREFIX = "headgate:cache:"
_GROUP_PREFIX = "headgate:neighbours:"
_LOG = logging.getLogger(__name__)


class RedisCache:
    """A `ResponseCache` and a `NeighbourStore` that many machines share."""

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
        value = await self._asked(self._redis.get(_PREFIX + name))
        return value if isinstance(value, bytes) else None

    async def put(self, name: str, value: bytes) -> None:
        """See `ResponseCache.put`."""
        if self._is_away() or len(value) > LARGEST_VALUE:
            return
        await self._asked(self._redis.set(_PREFIX + name, value, px=self._ttl_milliseconds))

    async def neighbours(self, group: str) -> Sequence[Neighbour]:
        """See `NeighbourStore.neighbours`."""
        if self._is_away():
            return ()
        async with self._redis.pipeline(transaction=False) as one:
            one.lrange(_GROUP_PREFIX + group, 0, MOST_NEIGHBOURS - 1)
            answers = await self._asked(one.execute())
        values = answers[0] if answers else ()
        try:
            return [msgspec.msgpack.decode(value, type=Neighbour) for value in values]
        except msgspec.DecodeError:
            return ()  # another version of the platform may have written it

    async def add_neighbour(self, group: str, neighbour: Neighbour) -> None:
        """See `NeighbourStore.add_neighbour`."""
        if self._is_away():
            return
        name = _GROUP_PREFIX + group
        async with self._redis.pipeline(transaction=True) as all_or_nothing:
            all_or_nothing.lpush(name, msgspec.msgpack.encode(neighbour))
            all_or_nothing.ltrim(name, 0, MOST_NEIGHBOURS - 1)
            # An answer is never older than its group.
            all_or_nothing.pexpire(name, self._ttl_milliseconds)
            await self._asked(all_or_nothing.execute())

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _asked(self, command: Awaitable[T]) -> T | None:
        """What Redis answers; nothing where it is away."""
        try:
            return await command
        except (RedisError, OSError, TimeoutError) as error:
            self._lose(error)
            return None

    def _is_away(self) -> bool:
        return self._clock() < self._away_until

    def _lose(self, error: Exception) -> None:
        if not self._is_away():
            _LOG.warning("the response cache is left out for a moment: Redis: %s", error)
        self._away_until = self._clock() + AWAY_SECONDS
