"""What a call costs Headgate itself: key, rate limit, budgets, usage row, and nothing else.

One process, without HTTP and without a vendor, over SQLite in a temporary directory. Writes its own
part of RESULTS.md.
"""

import argparse
import asyncio
import contextlib
import gc
import itertools
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

import results
from headgate.core.budgets import Account, AccountState, LeaseId, Limit
from headgate.core.ids import new_event_id, new_id
from headgate.core.keys import KeySecret, RateLimit, VirtualKey
from headgate.core.money import NanoUSD
from headgate.core.usage import UsageEvent
from headgate.gateway.calls import Caller
from headgate.gateway.escrow import Escrow
from headgate.identity.keys import Keys
from headgate.stores.buckets import DefaultLimits
from headgate.stores.machine_limits import MachineRateLimiter
from headgate.stores.sqlite.database import Database
from headgate.stores.sqlite.keys import SqliteKeys
from headgate.stores.sqlite.ledger import SqliteLedger
from report import table
from run import RESULTS, described

CONCURRENCY = (1, 32)
MODEL = "gpt-4o-mini"
TOKENS = 500
CEILING: NanoUSD = 2_000_000
BILLED: NanoUSD = 150_000
STAGES = ("authenticate", "rate limit: admit", "books and reserve", "settle", "rate limit: finish")
NETWORK = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo")
METHOD = f"""\
Each call authenticates a key that is known, is admitted by a rate limit in the mapped file, holds
money in four limited budgets (key, user, workspace, model), settles, and waits until its usage row
and charges are committed. No vendor is called in between. One process on one core, uvloop, the
garbage collector set as the server sets it.

- CPU is that of the threads, as the kernel counts it (`thread_time`, `pthread_getcpuclockid`),
  divided by the calls: the event loop with all its background work, the one thread that writes
  and commits, and those that read.
- A step is what the event loop's thread used in it, with one call at a time, without the cost of
  reading the clock. The rest is the event loop's: handing over to the writer, and
  being woken when it has committed.
- The time of a call is its whole way, commit included. With {CONCURRENCY[1]} at once calls wait for
  each other on the one core.
- Round trips are those to the store that a call may wait for before its vendor is called, all to
  the file on this machine. A key is read again when what is known of it is older than 0.5 s, by the
  next call and those that come with it, and budgets when older than 1 s; a lease is a grant of the
  money of calls to come. All other calls ask for nothing.
- Network calls are counted by Python's audit events ({", ".join(NETWORK)})."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What calls cost, in µs a call, at one number of them at once.

    Attributes:
        round_trips: to the store, by name, that calls may have waited for before their vendor.
    """

    concurrency: int
    calls: int
    seconds: float
    p50_us: float
    loop_us: float
    writer_us: float
    readers_us: float
    round_trips: Counter[str]
    network: int


@dataclass(frozen=True)
class CountedKeys(SqliteKeys):
    """Counts what is asked of the store."""

    counts: Counter[str] = field(default_factory=Counter)

    async def find(self, secret_hash: str) -> tuple[VirtualKey, KeySecret] | None:
        """See `KeyStore.find`."""
        self.counts["reads of the key"] += 1
        return await SqliteKeys.find(self, secret_hash)


@dataclass(frozen=True)
class CountedLedger(SqliteLedger):
    """Counts what is asked of the store."""

    counts: Counter[str] = field(default_factory=Counter)

    async def states(
        self, accounts: Sequence[Account], period: str, *, unlimited: bool = True
    ) -> list[AccountState]:
        """See `LedgerStore.states`."""
        self.counts["reads of budgets"] += 1
        return await SqliteLedger.states(self, accounts, period, unlimited=unlimited)

    async def lease(
        self, lease: LeaseId, *, least: NanoUSD, most: NanoUSD, expires_at: float
    ) -> NanoUSD:
        """See `LedgerStore.lease`."""
        self.counts["grants of leases"] += 1
        return await SqliteLedger.lease(self, lease, least=least, most=most, expires_at=expires_at)


@dataclass(slots=True)
class Desk:
    """All that a call's money passes through, and what it took."""

    keys: Keys
    limiter: MachineRateLimiter
    escrow: Escrow
    api_key: str
    counts: Counter[str]
    times: list[float] = field(default_factory=list)
    stages: Counter[str] = field(default_factory=Counter)

    async def call(self) -> None:
        """One call, to its durable row."""
        started = time.perf_counter()
        key = await self.keys.authenticate(self.api_key)
        caller = Caller(key, new_id("req"))
        ticket = await self.limiter.admit(key, TOKENS)
        books = await self.escrow.books(caller.accounts(MODEL))
        hold = await self.escrow.reserve(books, CEILING)
        await self.escrow.settle(hold, event(caller))
        ticket.finish(TOKENS)
        self.times.append(time.perf_counter() - started)

    async def timed_call(self) -> None:
        """The same, with the CPU time of each step added to `stages`, in nanoseconds."""
        clock, marks = time.thread_time_ns, [time.thread_time_ns()]
        key = await self.keys.authenticate(self.api_key)
        marks.append(clock())
        caller = Caller(key, new_id("req"))
        ticket = await self.limiter.admit(key, TOKENS)
        marks.append(clock())
        books = await self.escrow.books(caller.accounts(MODEL))
        hold = await self.escrow.reserve(books, CEILING)
        marks.append(clock())
        record = self.escrow.settle(hold, event(caller))
        marks.append(clock())
        await record
        resumed = clock()
        ticket.finish(TOKENS)
        spent = [after - before for before, after in itertools.pairwise(marks)]
        for stage, nanoseconds in zip(STAGES, [*spent, clock() - resumed], strict=True):
            self.stages[stage] += nanoseconds


def event(caller: Caller) -> UsageEvent:
    """The usage row of a call that has just been answered."""
    now = time.time()
    return UsageEvent(
        id=new_event_id(now),
        request_id=caller.request_id,
        timestamp=int(now * 1000),
        key_id=caller.key.key_id,
        workspace_id=caller.key.workspace_id,
        user_id=caller.key.user_id,
        provider="openai",
        model=MODEL,
        request_type="completion",
        status="ok",
        cost=BILLED,
        billed=BILLED,
        price_version="2026-11-01",
        input_tokens=TOKENS // 2,
        output_tokens=TOKENS // 2,
        tags=("team-01",),
    )


@contextlib.asynccontextmanager
async def opened(directory: Path) -> AsyncIterator[Desk]:
    """A desk over a new database, with one key and four limited budgets."""
    counts: Counter[str] = Counter()
    database = Database(directory / "headgate.db")
    ledger = CountedLedger(database, counts)
    keys = Keys(CountedKeys(database, counts))
    key = VirtualKey(
        key_id="sk-proj-benchmark",
        name="benchmark",
        scopes=frozenset({"ai:complete"}),
        workspace_id="acme",
        user_id="ada",
        rate_limit=RateLimit(requests_per_minute=10**9, tokens_per_minute=10**12, concurrency=1000),
        created_at=time.time(),
    )
    issued = await keys.create(key)
    for account in Caller(key, "").accounts(MODEL):
        await ledger.set_limit(account, Limit(amount=10**15))
    limiter = MachineRateLimiter(directory / "limits", DefaultLimits(50, 200))
    escrow = Escrow(ledger)
    await escrow.start()
    try:
        yield Desk(keys, limiter, escrow, issued.api_key, counts)
    finally:
        await escrow.aclose()
        limiter.close()
        await database.close()


async def measure(desk: Desk, concurrency: int, seconds: float, network: list[str]) -> Figures:
    """Make calls for so long, so many at once."""
    desk.times.clear()
    desk.counts.clear()
    network.clear()
    threads = _thread_seconds()
    started = time.perf_counter()
    await _repeat(desk.call, concurrency, seconds)
    taken = time.perf_counter() - started
    used = {name: after - threads.get(name, 0.0) for name, after in _thread_seconds().items()}
    calls = len(desk.times)
    return Figures(
        concurrency=concurrency,
        calls=calls,
        seconds=taken,
        p50_us=sorted(desk.times)[calls // 2] * 1e6,
        loop_us=used["loop"] / calls * 1e6,
        writer_us=used["sqlite-writer"] / calls * 1e6,
        readers_us=used["sqlite-reader"] / calls * 1e6,
        round_trips=Counter(desk.counts),
        network=len(network),
    )


async def stages(desk: Desk, calls: int) -> dict[str, float]:
    """The CPU time of each step in µs, one call at a time."""
    clock = time.thread_time_ns
    readings = 10_000
    began = clock()
    for _ in range(readings):
        clock()
    reading = (clock() - began) / readings
    desk.stages.clear()
    for _ in range(calls):
        await desk.timed_call()
    return {name: (desk.stages[name] / calls - reading) / 1e3 for name in STAGES}


async def run(
    directory: Path, seconds: float, network: list[str]
) -> tuple[list[Figures], dict[str, float]]:
    """All figures, each after a warm-up of its own, and the steps."""
    found = []
    async with opened(directory) as desk:
        for concurrency in CONCURRENCY:
            await _repeat(desk.call, concurrency, seconds)
            found.append(await measure(desk, concurrency, seconds, network))
        return found, await stages(desk, max(1, found[0].calls // 2))


def render(found: Sequence[Figures], steps: dict[str, float], environment: str) -> str:
    """The part of RESULTS.md, without its heading."""
    heads = ("At once", "calls/s", "p50 of a call", "event loop", "writer", "readers", "all CPU")
    rows = [
        (
            str(each.concurrency),
            f"{each.calls / each.seconds:,.0f}",
            *(
                f"{us:,.1f}"
                for us in (
                    each.p50_us,
                    each.loop_us,
                    each.writer_us,
                    each.readers_us,
                    each.loop_us + each.writer_us + each.readers_us,
                )
            ),
        )
        for each in found
    ]
    asked = [
        (
            str(each.concurrency),
            f"{each.calls:,} in {each.seconds:.1f} s",
            ", ".join(f"{count} {name}" for name, count in sorted(each.round_trips.items())) or "0",
            f"{sum(each.round_trips.values()) / each.calls:.3%}",
            str(each.network),
        )
        for each in found
    ]
    trips = ("At once", "Calls", "Round trips before a vendor", "per call", "Network calls")
    return "\n\n".join(
        [
            "Written by `make bench`; do not edit. Times are in µs, CPU per call.",
            table(("", ""), [("Measured", environment)]),
            table(heads, rows),
            table(("Step, one call at a time", "µs"), [(k, f"{v:.1f}") for k, v in steps.items()]),
            table(trips, asked),
            METHOD,
        ]
    )


def main() -> int:
    """Run the command; its exit status."""
    options = _options()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    network: list[str] = []
    sys.addaudithook(lambda name, _: network.append(name) if name in NETWORK else None)
    # As the server does.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    with tempfile.TemporaryDirectory(prefix="headgate-bench-") as directory:
        found, steps = uvloop.run(run(Path(directory), options.seconds, network))
    text = options.output.read_text() if options.output.exists() else ""
    part = render(found, steps, described())
    options.output.write_text(results.with_money(text, part))
    print(f"{part}\n\nWritten to {options.output}.")
    return 0


async def _repeat(call: Callable[[], Awaitable[None]], concurrency: int, seconds: float) -> None:
    """Keep so many calls under way for so long."""
    deadline = time.perf_counter() + seconds

    async def caller() -> None:
        while time.perf_counter() < deadline:
            await call()

    await asyncio.gather(*(caller() for _ in range(concurrency)))


def _thread_seconds() -> dict[str, float]:
    """The CPU time of the event loop's thread and of the database's, by their names."""
    found: dict[str, float] = {}
    for thread in threading.enumerate():
        name = "loop" if thread is threading.current_thread() else thread.name.partition("_")[0]
        if thread.ident is not None:
            used = time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
            found[name] = found.get(name, 0.0) + used
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="of calls at each concurrency")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where the results go")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
