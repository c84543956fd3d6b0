"""The ledger's file, as several processes use it and as some of them die."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from headgate.core.budgets import Account, Charge, LeaseId, Limit, Settlement
from headgate.core.times import parse_iso
from headgate.core.usage import UsageFilter
from headgate.stores.sqlite.database import Database
from headgate.stores.sqlite.ledger import SqliteLedger
from headgate.stores.sqlite.usage import SqliteUsage
from usage_events import usage_event

HERE = Path(__file__).parent
KEY = Account("key", "sk-proj-one")
USER = Account("user", "ada")
PERIOD = "2026-11"
DAY = UsageFilter(parse_iso("2026-11-23"), parse_iso("2026-11-24"))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "headgate.db")
    yield database
    await database.close()


async def settling(path: Path, owner: str, tasks: int, calls: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(HERE / "settles.py"),
        str(path),
        owner,
        str(tasks),
        str(calls),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(HERE.parents[2])},
    )


async def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, database: Database) -> None:
    ledger, usage = SqliteLedger(database), SqliteUsage(database)
    await ledger.set_limit(KEY, Limit(amount=10**12))
    process = await settling(tmp_path / "headgate.db", "process-1", 8, 100_000)
    assert process.stdout is not None
    acknowledged = [(await process.stdout.readline()).decode().strip() for _ in range(150)]
    process.kill()
    # What it still wrote before it died was acknowledged too; a last line may be torn.
    rest = (await process.stdout.read()).decode()
    acknowledged += rest[: rest.rfind("\n") + 1].split()
    assert await process.wait() == -9

    totals = await usage.totals(DAY)
    events = await usage.events(DAY, limit=10**6, before=None)
    assert set(acknowledged) <= {event.id for event in events}
    assert totals.requests == len(events)
    key, user = await ledger.states([KEY, USER], PERIOD)
    assert key.spent == user.spent == user.granted == totals.billed == 102 * len(events)

    assert await ledger.expire(now=2000.0) == 1
    (after,) = await ledger.states([KEY], PERIOD)
    assert after.granted == key.granted
    assert after.unconfirmed == key.granted - key.spent > 0


async def test_several_processes_settle_into_one_file(tmp_path: Path, database: Database) -> None:
    ledger, usage = SqliteLedger(database), SqliteUsage(database)
    await ledger.set_limit(KEY, Limit(amount=10**12))
    processes = await asyncio.gather(
        *(settling(tmp_path / "headgate.db", f"process-{n}", 5, 40) for n in range(3))
    )
    outputs = await asyncio.gather(*(process.communicate() for process in processes))
    assert [len(out.split()) for out, _ in outputs] == [200, 200, 200]
    totals = await usage.totals(DAY)
    assert (totals.requests, totals.billed) == (600, 600 * 102)
    key, user = await ledger.states([KEY, USER], PERIOD)
    assert (key.granted, key.spent) == (600 * 102, 600 * 102)
    assert (user.granted, user.spent) == (600 * 102, 600 * 102)


async def test_a_lease_that_outlives_its_erased_calls_leaves_no_row(database: Database) -> None:
    ledger = SqliteLedger(database)
    lease = LeaseId("process-1", KEY, PERIOD)
    call = Settlement("process-1", usage_event(billed=30), (Charge(KEY, PERIOD, 30, 30),))
    await ledger.set_limit(KEY, Limit(amount=1000))
    assert await ledger.lease(lease, least=100, most=100, expires_at=10**12) == 100
    await ledger.settle(call)
    assert await ledger.erase([call]) == 1
    await ledger.give_back(lease, 70)
    rows = await database.readers.run(
        lambda connection: connection.execute("SELECT * FROM accounts").fetchall()
    )
    assert rows == []
