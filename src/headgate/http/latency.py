"""How long answers took: percentiles, and how many fell into which class of time."""

import datetime as dt
import math
from collections.abc import Sequence
from typing import Annotated

import msgspec

from headgate.core.errors import InvalidRequest
from headgate.core.times import iso
from headgate.core.usage import Timing, UsageFilter
from headgate.http.calls import Call, Reply
from headgate.http.usage import moment

MOST_CALLS = 5000
MOST_BUCKETS = 500
CLASSES = (50, 100, 250, 500, 1000, 2500, 5000, 10_000)
"""The upper bounds of classes, in milliseconds; the last class has none."""


class LatencyQuery(msgspec.Struct, rename="camel"):
    """A range of time (the last hour by default) and the length of the pieces of it."""

    from_: str | None = msgspec.field(default=None, name="from")
    to: str | None = None
    bucket_seconds: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 60


class Percentiles(msgspec.Struct, frozen=True):
    """Milliseconds that half, 95 % and 99 % of the calls stayed within; null without calls."""

    p50: int | None
    p95: int | None
    p99: int | None


class LatencyRow(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A piece of time: its calls, and those that were answered, by their time to the end.

    `firstToken` is the time to the first piece of streams. `classes` has, for each bound of
    `classBounds` and one more, how many calls took longer than the one before and not longer
    than it.
    """

    start: str
    calls: int
    errors: int
    whole: Percentiles
    first_token: Percentiles
    classes: list[int]


class LatencyAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """How long answers took; `isComplete` is false where only the newest calls were looked at."""

    from_: str = msgspec.field(name="from")
    to: str
    calls: int
    errors: int
    is_complete: bool
    whole: Percentiles
    first_token: Percentiles
    class_bounds: list[int]
    rows: list[LatencyRow]


async def usage_latency(call: Call[None]) -> Reply:
    """`GET /v1/usage/latency`."""
    query: LatencyQuery = call.query
    now = dt.datetime.now(dt.UTC)
    end = moment(query.to, "to") or now
    start = moment(query.from_, "from") or end - dt.timedelta(hours=1)
    seconds = (end - start).total_seconds()
    if not 0 < seconds <= query.bucket_seconds * MOST_BUCKETS:
        raise InvalidRequest(
            f"`from` must be before `to`, with at most {MOST_BUCKETS} pieces in between",
            param="bucketSeconds",
        )
    where = UsageFilter(start, end, workspace_id=call.key.looks_within)
    found = await call.services.usage.timings(where, limit=MOST_CALLS + 1)
    events = found[:MOST_CALLS]
    rows: list[list[Timing]] = [[] for _ in range(math.ceil(seconds / query.bucket_seconds))]
    for event in events:
        into = (event.timestamp / 1000 - start.timestamp()) // query.bucket_seconds
        rows[min(len(rows) - 1, max(0, int(into)))].append(event)
    return Reply(
        LatencyAnswer(
            from_=iso(start),
            to=iso(end),
            calls=len(events),
            errors=_errors(events),
            is_complete=len(found) <= MOST_CALLS,
            whole=_whole(events),
            first_token=_first_token(events),
            class_bounds=list(CLASSES),
            rows=[
                LatencyRow(
                    start=iso(start + dt.timedelta(seconds=number * query.bucket_seconds)),
                    calls=len(row),
                    errors=_errors(row),
                    whole=_whole(row),
                    first_token=_first_token(row),
                    classes=_classes(row),
                )
                for number, row in enumerate(rows)
            ],
        )
    )


def percentile(ordered: Sequence[int], share: float) -> int | None:
    """The smallest value that `share` of all do not exceed (nearest rank); None of nothing."""
    if not ordered:
        return None
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _percentiles(values: Sequence[int]) -> Percentiles:
    ordered = sorted(values)
    return Percentiles(*(percentile(ordered, share) for share in (0.5, 0.95, 0.99)))


def _answered(events: Sequence[Timing]) -> list[Timing]:
    """Those that tell of vendors' speed: answers from the cache and failures do not."""
    return [event for event in events if event.status == "ok" and event.cache != "hit"]


def _whole(events: Sequence[Timing]) -> Percentiles:
    return _percentiles([event.latency_ms for event in _answered(events)])


def _first_token(events: Sequence[Timing]) -> Percentiles:
    times = (event.first_token_ms for event in _answered(events))
    return _percentiles([time for time in times if time is not None])


def _errors(events: Sequence[Timing]) -> int:
    return sum(event.status == "error" for event in events)


def _classes(events: Sequence[Timing]) -> list[int]:
    counts = [0] * (len(CLASSES) + 1)
    for event in _answered(events):
        counts[sum(event.latency_ms > bound for bound in CLASSES)] += 1
    return counts
