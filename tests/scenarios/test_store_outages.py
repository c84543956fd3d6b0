"""The store goes away under load and comes back: callers are told, and no money is lost or free.

Each call is held against the vendor's own list, as in `make torture`. No process dies here, so
every call that reached the vendor must be in the ledger in the end.
"""

import asyncio
import contextlib
import datetime as dt
import random
import resource
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import ministack
from headgate.gateway.escrow import FRESH_SECONDS
from headgate.stores.dynamodb.client import PATIENCE_SECONDS
from headgate.stores.sqlite.connection import BUSY_SECONDS
from headgate_server import Simulator, simulating
from torture.accounts import configuration, models_of
from torture.rounds import Round, Trouble, play
from torture.sites import Machines, Site, SiteMaker, alone, three_workers, two_machines

SEED = 20_261_123
# A write waits for those before it, and then for the lock: nobody waits for ever.
MOST_SECONDS = 60
# For so long a call may be on its way to a vendor on a machine that does much else.
ON_ITS_WAY_SECONDS = 4


@pytest.fixture
def vendors(tmp_path: Path) -> Iterator[Simulator]:
    with simulating(tmp_path) as simulator:
        yield simulator


async def suffered(
    tmp_path: Path, vendors: Simulator, site_of: SiteMaker, trouble: Trouble
) -> Round:
    text = configuration(vendors.openai_url, models_of(0))
    with site_of(tmp_path, vendors, text) as site:
        return await play(site, vendors, 0, trouble=trouble, chance=random.Random(SEED))


def check(played: Round) -> None:
    findings = played.findings
    assert not findings.faults
    assert findings.unseen == 0
    assert findings.statuses[503]
    assert findings.finished
    assert findings.slowest_seconds < MOST_SECONDS


async def test_a_database_that_another_process_locks_costs_answers_and_no_money(
    tmp_path: Path, vendors: Simulator
) -> None:
    async def trouble(site: Site) -> None:
        await asyncio.sleep(1)
        with contextlib.closing(sqlite3.connect(tmp_path / "data" / "headgate.db")) as beside:
            beside.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(2 * BUSY_SECONDS + 2)
            beside.execute("ROLLBACK")
        await asyncio.sleep(2)

    played = await suffered(tmp_path, vendors, three_workers, trouble)
    check(played)
    assert played.findings.unconfirmed == 0


@pytest.mark.skipif(sys.platform != "linux", reason="sets a limit of another process")
async def test_a_disk_that_is_full_costs_answers_and_no_money(
    tmp_path: Path, vendors: Simulator
) -> None:
    """No file of the server may grow, as where its disk is full."""

    async def trouble(site: Site) -> None:
        assert isinstance(site, Machines)
        await asyncio.sleep(1)
        pid = site.servers[0].command.pid
        soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
        await asyncio.sleep(3)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
        await asyncio.sleep(2)

    played = await suffered(tmp_path, vendors, alone, trouble)
    check(played)
    assert played.findings.unconfirmed == 0


async def test_a_dynamodb_that_hangs_costs_answers_and_no_money(
    tmp_path: Path, vendors: Simulator
) -> None:
    """What a process knew of keys and budgets is soon too old: no vendor is called any more."""
    hung: list[float] = []

    async def trouble(site: Site) -> None:
        await asyncio.sleep(1)
        ministack.pause()
        hung.append(time.time())
        try:
            await asyncio.sleep(2 * PATIENCE_SECONDS)
        finally:
            hung.append(time.time())
            ministack.go_on()
        await asyncio.sleep(2)

    check(await suffered(tmp_path, vendors, two_machines, trouble))
    begun = [dt.datetime.fromisoformat(call["startedAt"]) for call in await vendors.calls()]
    paused, resumed = hung
    latest = paused + FRESH_SECONDS + ON_ITS_WAY_SECONDS
    assert not [at for at in begun if latest < at.timestamp() < resumed]
