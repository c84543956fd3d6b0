"""The answering process and its parts, in figures: the last minutes, and how quick its store is."""

import asyncio
import os
import platform
import time
from typing import Any

import msgspec

from headgate import __version__
from headgate.core.errors import HeadgateError
from headgate.core.measurements import Measurement
from headgate.core.process import ProcessSample
from headgate.core.times import iso
from headgate.http.calls import Call, Reply


class SampleItem(msgspec.Struct, frozen=True, rename="camel"):
    """The process at a moment: `cpu` is the share of one core, `lagMs` the event loop's delay."""

    at: str
    cpu: float
    memory_bytes: int
    lag_ms: float


class CheckItem(msgspec.Struct, frozen=True, rename="camel"):
    """A part of the platform that was asked just now: how long that took, and what it said."""

    name: str
    milliseconds: float
    said: str
    is_well: bool


class MeasurementItem(msgspec.Struct, frozen=True):
    """A number that a part tells of itself, as under `/metrics`."""

    name: str
    kind: str
    value: float
    labels: dict[str, str]


class ProcessItem(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The process that answers; with several workers each has its own figures."""

    version: str
    python: str
    pid: int
    started_at: str
    active_calls: int
    samples: list[SampleItem]
    checks: list[CheckItem]
    measurements: list[MeasurementItem]


async def get_process(call: Call[None]) -> Reply:
    """`GET /v1/process`."""
    services = call.services
    checks = await asyncio.gather(*(_checked(name, call) for name in services.health))
    return Reply(
        ProcessItem(
            version=__version__,
            python=platform.python_version(),
            pid=os.getpid(),
            started_at=iso(services.process.started_at),
            active_calls=services.activity.calls,
            samples=[_sample(sample) for sample in services.process.samples()],
            checks=list(checks),
            measurements=[
                _measurement(one) for part in services.measured for one in part.measurements()
            ],
        )
    )


async def _checked(name: str, call: Call[Any]) -> CheckItem:
    began = time.perf_counter()
    try:
        said, is_well = await call.services.health[name]() or "ok", True
    except HeadgateError as error:
        said, is_well = error.message, False
    milliseconds = (time.perf_counter() - began) * 1000
    return CheckItem(name, round(milliseconds, 3), said, is_well)


def _sample(sample: ProcessSample) -> SampleItem:
    return SampleItem(
        iso(sample.at),
        round(sample.cpu, 4),
        sample.memory_bytes,
        round(sample.lag_seconds * 1000, 3),
    )


def _measurement(one: Measurement) -> MeasurementItem:
    return MeasurementItem(one.name, one.kind, one.value, dict(one.labels))
