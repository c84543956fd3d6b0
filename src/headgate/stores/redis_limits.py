"""Rate limits of many machines, kept in Redis.

A script in Redis (`redis_limits.lua`) decides, so that all processes together admit exactly what
one would. There is one round trip at a time: what comes meanwhile, admissions and reports of calls
that have ended, travels in the next one. A process says how many calls it has under way rather than
that one began or ended, so that a lost answer leaves nothing behind; what a dead process had under
way is forgotten when its lease ends.

While Redis is away each process admits its own share: the limits divided by the number of
processes that Redis has counted last, from buckets that are empty when it goes. What was admitted
so is taken off in Redis when it is back. A process that has not reached Redis yet knows of no share
and admits nothing.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from headgate.core.errors import Overloaded, RateLimited
from headgate.core.ids import new_id
from headgate.core.keys import VirtualKey
from headgate.core.limits import Window
from headgate.stores.buckets import Buckets, DefaultLimits, KeyLimits

LEASE_SECONDS = 10.0
HEARTBEAT_SECONDS = 1.0
ANSWER_SECONDS = 1.0
"""Redis is away when it has not answered for so long."""
LARGEST_BATCH = 256
"""A script keeps Redis from all other work: it takes no more keys at a time."""

_PREFIX = "headgate:limits:"
# The fields of a key's buckets in Redis, in the order of those of `Buckets`.
_LEVELS = ("capacity", "per_second", "requests", "token_capacity", "tokens", "filled_at")
_SCRIPT = Path(__file__).with_name("redis_limits.lua").read_text()
_LOG = logging.getLogger(__name__)


class _Verdict(msgspec.Struct, frozen=True, array_like=True):
    """What the script says to one call: with the levels as they were left."""

    is_admitted: bool
    running: int
    requests: float
    tokens: float


class _Answer(msgspec.Struct, frozen=True):
    processes: int
    # Each list begins with a member that says nothing; Lua cannot write an empty one.
    entries: list[list[_Verdict]]


class _Entry(msgspec.Struct, frozen=True):
    limits: tuple[float, float, float, int]
    running: int
    requests: float
    tokens: float
    estimates: Sequence[int]


class _Request(msgspec.Struct, frozen=True):
    owner: str
    lease: float
    leaving: bool
    now: float | None
    entries: Sequence[_Entry]


@dataclass(slots=True)
class _Waiting:
    """A call that waits to be admitted; its future says None where Redis is away."""

    tokens: int
    verdict: asyncio.Future[_Verdict | None]


@dataclass(slots=True)
class _Counters:
    """One key in this process.

    Attributes:
        running: calls under way.
        is_counted: whether Redis may have a count of them.
        requests, tokens: what is to be added to the levels in Redis.
        share: the buckets of this process alone while Redis is away.
    """

    key_id: str
    limits: KeyLimits
    running: int = 0
    is_counted: bool = False
    requests: float = 0
    tokens: float = 0
    waiting: list[_Waiting] = field(default_factory=list)
    share: Buckets | None = None

    def is_idle(self) -> bool:
        """Whether there is nothing to remember."""
        return not (
            self.running
            or self.is_counted
            or self.requests
            or self.tokens
            or self.waiting
            or self.share
        )


@dataclass(slots=True)
class RedisTicket:
    """One admitted call."""

    requests: Window
    tokens: Window
    _limiter: "RedisRateLimiter"
    _counters: _Counters
    _estimate: int
    _share: Buckets | None

    def finish(self, tokens: int) -> None:
        """Give the place back and replace the estimate by the tokens that were used."""
        self._limiter.finish(self._counters, self._estimate, tokens, self._share)


class RedisRateLimiter:
    """Admits calls within each key's limits, together with all processes that use one Redis."""

    def __init__(
        self, url: str, defaults: DefaultLimits, *, clock: Callable[[], float] | None = None
    ) -> None:
        """Prepare; `start` begins.

        Args:
            url: the server, as `redis://[[user]:password@]host[:port][/database]` or `rediss://`.
            defaults: for keys without limits of their own.
            clock: Unix seconds; where None the server's own counts, since machines' clocks differ.

        Raises:
            Overloaded: the address cannot be understood.
        """
        try:
            self._redis = Redis.from_url(
                url,
                socket_timeout=ANSWER_SECONDS,
                socket_connect_timeout=ANSWER_SECONDS,
                # A script whose answer was lost may have run: it must not run again.
                retry=Retry(NoBackoff(), 0),
            )
        except ValueError:
            # What is wrong is not repeated: the address holds a password.
            raise Overloaded(
                "HEADGATE_REDIS_URL is no address of a Redis server; write"
                " redis://[[user]:password@]host[:port][/database], with characters of the password"
                " that an address cannot hold as %XX"
            ) from None
        self._script = self._redis.register_script(_SCRIPT)
        self._defaults = defaults
        self._clock = clock
        self._own_clock = clock or time.monotonic
        self._owner = new_id("own")
        self._counters: dict[str, _Counters] = {}
        self._due: dict[str, _Counters] = {}
        self._processes = 0
        self._away_since: float | None = self._own_clock()
        self._is_outage_known = False
        self._spoken = time.monotonic()
        self._wake = asyncio.Event()
        self._told = asyncio.Condition()
        self._closing = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin; where Redis does not answer it is tried again and again."""
        await self._exchange([])
        self._sender = asyncio.create_task(self._send_forever())

    async def aclose(self) -> None:
        """Report what has ended and leave."""
        self._closing.set()
        self._wake.set()
        if self._sender is not None:
            await self._sender
        await self._redis.aclose()

    async def ping(self) -> None:
        """Ask the server for something, as a check does that shall change nothing.

        Raises:
            Overloaded: it does not answer as Redis does.
        """
        try:
            await self._redis.ping()
        except (RedisError, OSError, TimeoutError) as error:
            raise Overloaded(f"Redis does not answer: {error}") from error

    async def state(self) -> str | None:
        """What is wrong, where Redis is away."""
        if self._away_since is None:
            return None
        if not self._processes:
            return "Redis has not been reached yet: no call is admitted"
        return f"Redis is away: this process admits its share, 1/{self._processes} of each limit"

    async def reported(self) -> None:
        """Wait until Redis knows what is under way and what has ended, or is away."""
        self._spoken = 0.0
        self._wake.set()
        async with self._told:
            await self._told.wait_for(
                lambda: (self._spoken and not self._due) or self._away_since is not None
            )

    async def admit(self, key: VirtualKey, tokens: int) -> RedisTicket:
        """Admit a call that needs about `tokens`.

        Raises:
            RateLimited: a limit is reached; says when to come back.
            Overloaded: Redis is away, and this process's share of a limit is less than a call.
        """
        counters = self._counters_of(key)
        if self._away_since is not None:
            return self._admit_share(counters, tokens)
        waiting = _Waiting(tokens, asyncio.get_running_loop().create_future())
        counters.waiting.append(waiting)
        self._is_due(counters)
        try:
            verdict = await waiting.verdict
        except asyncio.CancelledError:
            # The answer may have come in the same moment.
            if waiting.verdict.done() and not waiting.verdict.cancelled():
                self._give_back(counters, waiting)
            raise
        if verdict is None:
            # Looked up again: it may have been forgotten meanwhile.
            return self._admit_share(self._counters_of(key), tokens)
        return self._ticket(counters, verdict, tokens)

    async def look(self, key: VirtualKey) -> tuple[Window, Window]:
        """See `RateLimiter.look`."""
        limits = self._defaults.limits_of(key)
        if self._away_since is not None:
            raise Overloaded("the Redis server that keeps rate limits is away")
        try:
            async with self._redis.pipeline(transaction=False) as questions:
                questions.time()
                questions.hmget(f"{_PREFIX}buckets:{key.key_id}", list(_LEVELS))
                (seconds, microseconds), levels = await questions.execute()
        except (RedisError, OSError, TimeoutError) as error:
            raise Overloaded(f"Redis does not answer: {error}") from error
        now = seconds + microseconds / 1e6 if self._clock is None else self._clock()
        buckets = Buckets.full(limits, now)
        if None not in levels:
            buckets = Buckets(*map(float, levels))
            buckets.fit(limits, now)
        return buckets.requests_window(), buckets.tokens_window()

    def finish(
        self, counters: _Counters, estimate: int, used: int, share: Buckets | None = None
    ) -> None:
        """End a call, which `share` admitted where Redis was away; Redis is told soon."""
        counters.running -= 1
        if counters.limits.tokens:
            counters.tokens += estimate - used
            if share is not None:
                share.replace(estimate, used)
        if counters.limits.tokens or counters.limits.concurrency is not None:
            self._is_due(counters)
        elif counters.is_idle():
            self._counters.pop(counters.key_id, None)

    def _counters_of(self, key: VirtualKey) -> _Counters:
        limits = self._defaults.limits_of(key)
        counters = self._counters.get(key.key_id)
        if counters is None:
            counters = self._counters[key.key_id] = _Counters(key.key_id, limits)
        counters.limits = limits
        return counters

    def _ticket(self, counters: _Counters, verdict: _Verdict, tokens: int) -> RedisTicket:
        limits = counters.limits
        buckets = Buckets(*limits[:2], verdict.requests, limits.tokens, verdict.tokens, 0.0)
        estimate = buckets.estimate(tokens)
        if verdict.is_admitted:
            return self._admitted(counters, buckets, estimate, None)
        refusal = buckets.refusal(verdict.running, limits.concurrency, estimate)
        raise refusal or RateLimited("the key's limit is reached", retry_after_seconds=1)

    def _admitted(
        self, counters: _Counters, buckets: Buckets, estimate: int, share: Buckets | None
    ) -> RedisTicket:
        windows = buckets.requests_window(), buckets.tokens_window()
        return RedisTicket(*windows, self, counters, estimate, share)

    def _give_back(self, counters: _Counters, waiting: _Waiting) -> None:
        """End a call whose caller left before it began."""
        verdict = waiting.verdict.result()
        if verdict is not None and verdict.is_admitted:
            self.finish(counters, min(waiting.tokens, int(counters.limits.tokens)), 0)

    def _admit_share(self, counters: _Counters, tokens: int) -> RedisTicket:
        share = counters.limits.share(self._processes) if self._processes else None
        if share is None or share.requests < 1 or share.concurrency == 0:
            raise Overloaded(
                "the Redis server that keeps rate limits is away, and this process's share of the"
                " key's limits is less than one call",
                retry_after_seconds=1,
            )
        now = self._own_clock()
        if counters.share is None:
            # Empty when Redis went: what it had left may have been used by others.
            since = now if self._away_since is None else self._away_since
            counters.share = Buckets(*share[:2], 0.0, share.tokens, 0.0, since)
        counters.share.fit(share, now)
        estimate = counters.share.take(counters.running, share.concurrency, tokens)
        counters.running += 1
        counters.requests -= 1
        counters.tokens -= estimate
        self._due[counters.key_id] = counters
        return self._admitted(counters, counters.share, estimate, counters.share)

    def _is_due(self, counters: _Counters) -> None:
        self._due[counters.key_id] = counters
        self._wake.set()

    async def _send_forever(self) -> None:
        while True:
            self._wake.clear()
            is_last = self._closing.is_set()
            if is_last or time.monotonic() - self._spoken >= HEARTBEAT_SECONDS:
                # Anew, since Redis may have lost its memory, or taken us for dead.
                self._due |= {
                    name: each
                    for name, each in self._counters.items()
                    if each.running or each.is_counted
                }
                self._spoken = time.monotonic()
            await self._exchange([self._due.pop(name) for name in list(self._due)[:LARGEST_BATCH]])
            async with self._told:
                self._told.notify_all()
            is_away = self._away_since is not None
            if is_last and (is_away or not self._due):
                return
            if is_away or not self._due:
                awaited = self._closing if is_away else self._wake
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(awaited.wait(), HEARTBEAT_SECONDS)

    async def _exchange(self, batch: Sequence[_Counters]) -> None:
        """One round trip: reports, and admits who waits."""
        asked = [each.waiting for each in batch]
        request = _Request(
            self._owner,
            LEASE_SECONDS,
            self._closing.is_set(),
            None if self._clock is None else self._clock(),
            [_entry(each) for each in batch],
        )
        sent = [(each.requests, each.tokens) for each in batch]
        for each in batch:
            each.waiting, each.requests, each.tokens = [], 0, 0
        try:
            answer = await self._ask(request, batch)
        except Exception as error:  # noqa: BLE001 - a task's rim: whoever waits is told
            self._lose(batch, sent, asked, error)
            return
        self._processes = answer.processes
        for counters, waiting, verdicts in zip(batch, asked, answer.entries[1:], strict=True):
            for call, verdict in zip(waiting, verdicts[1:], strict=True):
                self._tell(counters, call, verdict)
            if counters.is_idle():
                self._counters.pop(counters.key_id, None)
        if self._away_since is not None:
            self._return()

    async def _ask(self, request: _Request, batch: Sequence[_Counters]) -> _Answer:
        names = [f"{_PREFIX}processes"]
        for each in batch:
            names += [f"{_PREFIX}buckets:{each.key_id}", f"{_PREFIX}calls:{each.key_id}"]
        text = await self._script(keys=names, args=[msgspec.json.encode(request)])
        return msgspec.json.decode(text, type=_Answer)

    def _tell(self, counters: _Counters, waiting: _Waiting, verdict: _Verdict) -> None:
        if verdict.is_admitted:
            counters.running += 1
        if not waiting.verdict.done():
            waiting.verdict.set_result(verdict)
        elif verdict.is_admitted:
            self.finish(counters, min(waiting.tokens, int(counters.limits.tokens)), 0)

    def _lose(
        self,
        batch: Sequence[_Counters],
        sent: Sequence[tuple[float, float]],
        asked: Sequence[Sequence[_Waiting]],
        error: Exception,
    ) -> None:
        """Go on alone; what was sent may have arrived or not."""
        if self._away_since is None:
            self._away_since = self._own_clock()
        if not self._is_outage_known:
            self._is_outage_known = True
            is_outage = isinstance(error, RedisError | OSError)
            _LOG.warning(
                "Redis, which keeps the rate limits, is away: %s",
                error,
                exc_info=None if is_outage else error,
            )
        for counters, (requests, tokens), waiting in zip(batch, sent, asked, strict=True):
            # A debt that counts twice refuses too much; what is given back twice admits too much.
            counters.requests += min(0, requests)
            counters.tokens += min(0, tokens)
            counters.waiting = [*waiting, *counters.waiting]
            self._due[counters.key_id] = counters
        # Those too who came meanwhile: the next try may be long in coming.
        for counters in self._counters.values():
            for call in counters.waiting:
                if not call.verdict.done():
                    call.verdict.set_result(None)
            counters.waiting = []

    def _return(self) -> None:
        """Go on with the others; what each key is charged for meanwhile is due."""
        self._away_since = None
        if self._is_outage_known:
            self._is_outage_known = False
            _LOG.warning("Redis, which keeps the rate limits, is back")
        for counters in list(self._counters.values()):
            counters.share = None
            if counters.is_idle():
                del self._counters[counters.key_id]


def _entry(counters: _Counters) -> _Entry:
    requests, per_second, tokens, concurrency = counters.limits
    # Without a limit on calls they are counted by reports alone, for one that is set later.
    is_told = concurrency is not None or not counters.waiting
    if is_told:
        counters.is_counted = counters.running > 0 or bool(counters.waiting)
    return _Entry(
        (requests, per_second, tokens, -1 if concurrency is None else concurrency),
        counters.running if is_told else -1,
        counters.requests,
        counters.tokens,
        [waiting.tokens for waiting in counters.waiting],
    )
