"""A platform that is asked to stop under load ends what it has begun, and owes nobody anything."""

import asyncio
import random
from pathlib import Path

import pytest

from headgate_server import running, simulating
from torture.accounts import configuration, models_of
from torture.rounds import play
from torture.sites import Machines, Site, environment

SEED = 20_261_123


@pytest.mark.parametrize("workers", [1, 2])
async def test_every_call_that_was_begun_is_answered_and_recorded(
    tmp_path: Path, workers: int
) -> None:
    codes: list[int] = []

    async def trouble(site: Site) -> None:
        assert isinstance(site, Machines)
        await asyncio.sleep(1)
        codes.append(await site.restart())

    with (
        simulating(tmp_path) as vendors,
        running(
            tmp_path,
            configuration=configuration(vendors.openai_url, models_of(0)),
            environment=environment(vendors),
            workers=workers,
        ) as server,
    ):
        site = Machines([server])
        played = await play(site, vendors, 0, trouble=trouble, chance=random.Random(SEED))
    findings = played.findings
    assert codes == [0]
    assert not findings.faults
    assert findings.finished > 20
    assert (findings.broken, findings.unseen) == (0, 0)
    assert not findings.unconfirmed
