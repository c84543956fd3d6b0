import asyncio
import json
from pathlib import Path

import pytest

from headgate.agents.run_counts import RunCounts
from headgate.bootstrap.embedded_metrics import telling
from headgate.settings import Settings
from headgate.stores.memory_runs import MemoryRuns


def settings(**environment: str) -> Settings:
    return Settings.load(environment, Path("/nowhere"))


async def test_the_runs_under_way_are_told_at_once() -> None:
    lines: asyncio.Queue[str] = asyncio.Queue()
    given = settings(HEADGATE_EMBEDDED_METRICS="true")
    async with telling(given, RunCounts(MemoryRuns()), lines.put_nowait):
        told = json.loads(await lines.get())
    assert told["ActiveRuns"] == 0


@pytest.mark.parametrize(
    "environment", [{}, {"HEADGATE_EMBEDDED_METRICS": "true", "HEADGATE_LAMBDA": "gateway"}]
)
async def test_elsewhere_and_in_functions_nothing_is_told(environment: dict[str, str]) -> None:
    lines: list[str] = []
    async with telling(settings(**environment), RunCounts(MemoryRuns()), lines.append):
        await asyncio.sleep(0)
    assert lines == []
