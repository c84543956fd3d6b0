"""A range of time cut so that sums over it are read from as few places as possible.

Stores that keep sums over several spans read whole ones of the longest, whole ones of the shorter
beside them, and at most two parts of an hour at the ends, from the events themselves: exact to the
millisecond, as long as there are events.
"""

import datetime as dt
import functools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from headgate.core.usage import Dimension, UsageFilter

HOUR = 3_600_000
"""Milliseconds."""
QUARTER = 6 * HOUR
"""Milliseconds; a day has four, the first from midnight."""
DAY = 24 * HOUR
"""Milliseconds; in UTC every day is this long."""
WEEK = 7 * DAY
"""Milliseconds; weeks begin on Thursdays, as 1970 did."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)


class Part(NamedTuple):
    """A part of a range, in milliseconds since 1970.

    Attributes:
        span: how long the sums are that are read for it, None where events are read.
    """

    span: int | None
    start: int
    end: int


def milliseconds(moment: dt.datetime) -> int:
    """The first whole millisecond that is not before `moment`."""
    return -((_EPOCH - moment) // _MILLISECOND)


def name_of(start: int, by: Dimension) -> str:
    """What a row of the dimension `day` or `hour` is called."""
    day = _date(start // DAY)
    return day if by == "day" else f"{day}T{start % DAY // HOUR:02}:00:00.000Z"


@functools.lru_cache(maxsize=1024)
def _date(day: int) -> str:
    return moment(day * DAY).strftime("%Y-%m-%d")


def moment(milliseconds: int) -> dt.datetime:
    """The moment so many milliseconds after the beginning of 1970."""
    return _EPOCH + milliseconds * _MILLISECOND


def parts(
    where: UsageFilter,
    by: Dimension | None,
    kept_from: int = 0,
    spans: Sequence[int] = (HOUR, DAY),
    opened: int | None = None,
) -> Iterator[Part]:
    """Cut a range into parts of `spans`: hours, and longer ones, each a multiple of the last.

    Rows by hour are not read from longer spans, nor rows by day. From the hour `opened` on there
    are only hours.

    Before `kept_from`, a whole hour, events may be gone: there an hour counts as a whole, in the
    range that holds its beginning.
    """
    start, end = (
        edge if edge >= kept_from else -(-edge // HOUR) * HOUR
        for edge in (milliseconds(where.start), milliseconds(where.end))
    )
    longest = {"hour": HOUR, "day": DAY}.get(by or "", spans[-1])
    found = [span for span in spans if span <= longest]
    closed = end if opened is None else opened
    yield from _cut(None, start, min(end, closed), found)
    yield from _cut(None, max(start, closed), end, (HOUR,))


def _cut(span: int | None, start: int, end: int, coarser: Sequence[int]) -> Iterator[Part]:
    """`start` to `end` in parts of `span`, and within them in whole ones of each of `coarser`."""
    if start >= end:
        return
    if coarser:
        first = -(-start // coarser[0]) * coarser[0]
        last = end // coarser[0] * coarser[0]
        if first < last:
            yield from _cut(span, start, first, ())
            yield from _cut(coarser[0], first, last, coarser[1:])
            yield from _cut(span, last, end, ())
            return
    yield Part(span, start, end)
