"""Processes die under load, and the ledger is held against what vendor and callers have seen.

`make torture` does the same for longer; `tests/torture/method.md` says what is held against what.
"""

import random
from pathlib import Path

import pytest

from headgate_server import simulating
from torture.accounts import configuration, models_of
from torture.rounds import deaths, met_budgets, play
from torture.sites import SiteMaker, alone, three_workers, two_machines

SEED = 20_261_123
DEATHS = 3


@pytest.mark.parametrize("site_of", [alone, three_workers, two_machines])
async def test_whichever_process_dies_no_call_is_lost_and_none_is_free(
    tmp_path: Path,
    site_of: SiteMaker,
) -> None:
    with simulating(tmp_path) as vendors:
        text = configuration(vendors.openai_url, models_of(0))
        with site_of(tmp_path, vendors, text) as site:
            chance = random.Random(SEED)
            trouble = deaths(DEATHS, chance)
            played = await play(site, vendors, 0, trouble=trouble, chance=chance, until=met_budgets)
    assert not played.findings.faults
    # It was a load: calls were answered, refused and broken off, and somebody looked at budgets.
    assert played.findings.finished > 20
    assert played.findings.statuses[402]
    assert played.findings.unconfirmed
    assert played.samples
