"""This process as it sees itself."""

import asyncio
from pathlib import Path

import pytest

from fakes import FakeClock
from headgate.telemetry import process
from headgate.telemetry.process import KEPT_SAMPLES, ProcessWatch, memory_bytes, watching


def test_a_look_tells_the_time_the_work_and_the_memory() -> None:
    clock = FakeClock()
    watch = ProcessWatch(clock)
    clock.advance(5)
    watch.look(0.5)
    (sample,) = watch.samples()
    assert (sample.at, sample.lag_seconds) == (clock(), 0.5)
    assert sample.cpu >= 0
    assert sample.memory_bytes > 1_000_000
    assert watch.started_at == clock() - 5


def test_what_is_old_is_forgotten() -> None:
    clock = FakeClock()
    watch = ProcessWatch(clock)
    for _ in range(KEPT_SAMPLES + 1):
        clock.advance(1)
        watch.look(0)
    assert len(watch.samples()) == KEPT_SAMPLES
    assert watch.samples()[0].at == watch.started_at + 2


async def test_it_looks_as_long_as_it_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "SAMPLE_SECONDS", 0.0)
    async with watching() as watch:
        while not watch.samples():  # noqa: ASYNC110 - a watch tells nobody that it has looked
            await asyncio.sleep(0)
    seen = len(watch.samples())
    for _ in range(3):
        await asyncio.sleep(0)
    assert len(watch.samples()) == seen


def test_where_the_system_hides_it_memory_is_the_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = memory_bytes()
    monkeypatch.setattr(process, "_STATM", Path("/nowhere"))
    assert memory_bytes() >= usual / 2
