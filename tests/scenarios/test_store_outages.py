"""The store goes away under load and comes back: callers are told, and no money is lost or free.

Each call is held against the vendor's own list, as in `make torture`. No process dies here, so
every call that reached the vendor must be in the ledger in the end.
"""

import asyncio
import contextlib
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

import ministack
from headgate.stores.dynamodb.client import PATIENCE_SECONDS
from headgate.stores.sqlite.connection import BUSY_SECONDS
from headgate_server import Simulator, simulating
from torture.accounts import configuration, models_of
from torture.rounds import Round, Trouble, play
from torture.sites import Site, SiteMaker, alone, three_workers, two_machines

SEED = 20_261_123
# A write waits for those before it, and then for the lock: nobody waits for ever.
MOST_SECONDS = 30


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


@pytest.mark.parametrize("site_of", [alone, three_workers])
async def test_a_database_that_another_process_locks_costs_answers_and_no_money(
    tmp_path: Path, vendors: Simulator, site_of: SiteMaker
) -> None:
    async def trouble(site: Site) -> None:
        await asyncio.sleep(1)
        with contextlib.closing(sqlite3.connect(tmp_path / "data" / "headgate.db")) as beside:
            beside.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(2 * BUSY_SECONDS + 2)
            beside.execute("ROLLBACK")
        await asyncio.sleep(2)

    played = await suffered(tmp_path, vendors, site_of, trouble)
    check(played)
    assert played.findings.unconfirmed == 0


async def test_a_dynamodb_that_hangs_costs_answers_and_no_money(
    tmp_path: Path, vendors: Simulator
) -> None:
    async def trouble(site: Site) -> None:
        await asyncio.sleep(1)
        ministack.pause()
        try:
            await asyncio.sleep(2 * PATIENCE_SECONDS)
        finally:
            ministack.go_on()
        await asyncio.sleep(2)

    check(await suffered(tmp_path, vendors, two_machines, trouble))
