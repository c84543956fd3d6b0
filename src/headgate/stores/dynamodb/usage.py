"""Questions to the ledger in DynamoDB, answered from rollups and exact to the millisecond.

Whole days and hours are read from their rollups, the ends of a range from the events: those of a
user from the table itself, others from its indexes, which follow the table within a second or so.
The list of all events goes through the hours in which, as the rollups tell, there were any.
"""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from headgate.core.ids import time_of_event
from headgate.core.money import NanoUSD
from headgate.core.usage import (
    Dimension,
    Timing,
    UsageEvent,
    UsageFilter,
    UsageTotals,
    timing_of,
)
from headgate.stores.dynamodb import events, rollups
from headgate.stores.dynamodb.attributes import number, text
from headgate.stores.dynamodb.client import DynamoClient
from headgate.stores.dynamodb.rollups import Row, ShardsByMonth
from headgate.stores.dynamodb.schema import BY_HOUR, BY_KEY, USAGE
from headgate.stores.time_ranges import DAY, HOUR, Part, milliseconds, name_of, parts

T = TypeVar("T")

QUERIES_AT_ONCE = 32

# A position in the list of all events: time in milliseconds, then id.
_Position: TypeAlias = tuple[int, str]

_PLACES: dict[Dimension, int] = {"user": 0, "key": 1, "workspace": 2, "provider": 3, "model": 4}


@dataclass(frozen=True, slots=True)
class DynamoUsage:
    """`UsageStore` in tables that other processes and machines use too."""

    client: DynamoClient
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(QUERIES_AT_ONCE))

    async def totals(self, where: UsageFilter) -> UsageTotals:
        """See `UsageStore.totals`."""
        return (await self._sums(where, None)).get("", UsageTotals())

    async def rows(self, where: UsageFilter, by: Dimension) -> list[tuple[str, UsageTotals]]:
        """See `UsageStore.rows`."""
        sums = sorted((await self._sums(where, by)).items())
        if by not in ("day", "hour"):
            sums.sort(key=lambda row: -row[1].billed)
        return sums

    async def events(
        self, where: UsageFilter, *, limit: int, before: str | None
    ) -> list[UsageEvent]:
        """See `UsageStore.events`."""
        start = max(0, milliseconds(where.start), await rollups.kept_from(self.client))
        behind: _Position = (milliseconds(where.end), "")
        if before is not None:
            timestamp = time_of_event(before)
            if timestamp is None:
                return []
            behind = min(behind, (timestamp, before))
        if (start, "") >= behind:
            return []
        if where.key_id is not None or where.user_id:
            return await self._newest(where, start, behind, limit)
        found: list[UsageEvent] = []
        async for hour, shards in self._hours(where, start, behind[0] + 1):
            lists = [
                self._newest(where, start, behind, limit, hour_shard=events.hour_shard(hour, shard))
                for shard in shards
            ]
            together = [event for some in await self._all(lists) for event in some]
            found += sorted(together, key=_position, reverse=True)
            if len(found) >= limit:
                break
        return found[:limit]

    async def daily(
        self, by: Dimension, value: str, start: dt.datetime, end: dt.datetime
    ) -> dict[str, NanoUSD]:
        """See `UsageStore.daily`."""
        return (await self.daily_of_each(by, [value], start, end)).get(value, {})

    async def daily_of_each(
        self, by: Dimension, values: Collection[str], start: dt.datetime, end: dt.datetime
    ) -> dict[str, dict[str, NanoUSD]]:
        """See `UsageStore.daily_of_each`."""
        days = Part(DAY, milliseconds(start), milliseconds(end))
        months = await rollups.shards_by_month(self.client, days.start, days.end)
        reads = [
            rollups.rows(self.client, month, shard, days, tags=False)
            for month, shards in months.items()
            for shard in shards
        ]
        found: dict[str, dict[str, NanoUSD]] = {}
        for rows in await self._all(reads):
            for row in rows:
                value = _value(row, by)
                if value not in values:
                    continue
                billed, day = found.setdefault(value, {}), name_of(row.start, "day")
                billed[day] = billed.get(day, 0) + row.sums[rollups.BILLED]
        return found

    async def timings(self, where: UsageFilter, *, limit: int) -> list[Timing]:
        """See `UsageStore.timings`."""
        return [timing_of(event) for event in await self.events(where, limit=limit, before=None)]

    async def forget(
        self,
        *,
        before: dt.datetime,
        limit: int,  # noqa: ARG002 - DynamoDB deletes by itself
        worker: str,  # noqa: ARG002 - DynamoDB deletes by itself
        now: float,  # noqa: ARG002 - DynamoDB deletes by itself
    ) -> int:
        """See `UsageStore.forget`: DynamoDB deletes by itself what has a `ttl`."""
        await rollups.keep_from(self.client, milliseconds(before))
        return 0

    async def _sums(self, where: UsageFilter, by: Dimension | None) -> dict[str, UsageTotals]:
        start, end = max(0, milliseconds(where.start)), milliseconds(where.end)
        if start >= end:
            return {}
        kept_from, months = await asyncio.gather(
            rollups.kept_from(self.client), rollups.shards_by_month(self.client, start, end)
        )
        # Sums of tags know keys, and not their workspaces.
        keys = None
        if by == "tag" and where.workspace_id is not None:
            keys = frozenset(await self._sums(where, "key"))
        questions: list[Awaitable[Iterable[tuple[str, Sequence[int]]]]] = []
        for part in parts(where, by, kept_from):
            if part.span is None:
                questions += self._questions_to_events(part, where, by, months)
                continue
            first, last = rollups.month_of(part.start), rollups.month_of(part.end - 1)
            questions += [
                self._rollups(part, where, by, month, shard, keys)
                for month, shards in months.items()
                for shard in shards
                if first <= month <= last
            ]
        sums: dict[str, Sequence[int]] = {}
        for answer in await self._all(questions):
            for value, added in answer:
                known = sums.get(value)
                sums[value] = added if known is None else list(map(int.__add__, known, added))
        return {value: UsageTotals(*each) for value, each in sums.items()}

    def _questions_to_events(
        self,
        part: Part,
        where: UsageFilter,
        by: Dimension | None,
        months: ShardsByMonth,
    ) -> list[Awaitable[Iterable[tuple[str, Sequence[int]]]]]:
        if where.key_id is not None or where.user_id:
            return [self._events_summed(part, where, by, None)]
        return [
            self._events_summed(part, where, by, events.hour_shard(hour, shard))
            for hour in range(part.start - part.start % HOUR, part.end, HOUR)
            for shard in months.get(rollups.month_of(hour), ())
        ]

    async def _events_summed(
        self, part: Part, where: UsageFilter, by: Dimension | None, hour_shard: str | None
    ) -> Iterable[tuple[str, Sequence[int]]]:
        request = _query(where, part.start, part.end, hour_shard)
        found = map(events.from_item, await self.client.query(USAGE, request))
        return [
            (value, rollups.sums_of(event))
            for event in found
            if _counts(event, where)
            for value in _values(event, by)
        ]

    async def _rollups(  # noqa: PLR0917 - where a part of an answer lies, and what is asked
        self,
        part: Part,
        where: UsageFilter,
        by: Dimension | None,
        month: str,
        shard: int,
        keys: Collection[str] | None,
    ) -> Iterable[tuple[str, Sequence[int]]]:
        found = await rollups.rows(self.client, month, shard, part, tags=by == "tag")
        if by == "tag":
            return [(_value(row, by), row.sums) for row in found if _is_tag_in(row, where, keys)]
        return [(_value(row, by), row.sums) for row in found if _is_in(row, where)]

    async def _hours(
        self, where: UsageFilter, start: int, end: int
    ) -> AsyncIterator[tuple[int, Sequence[int]]]:
        """The hours with events that count, the newest first, and the shards of their months."""
        months = await rollups.shards_by_month(self.client, start, end)
        for month, shards in reversed(months.items()):
            days = await self._starts(where, month, shards, Part(DAY, start - start % DAY, end))
            for day in days:
                hours = await self._starts(where, month, shards, Part(HOUR, day, day + DAY))
                for hour in hours:
                    if start < hour + HOUR and hour < end:
                        yield hour, shards

    async def _starts(
        self, where: UsageFilter, month: str, shards: Sequence[int], part: Part
    ) -> list[int]:
        """When the hours or days with events that count begin, the last one first."""
        reads = [rollups.rows(self.client, month, shard, part, tags=False) for shard in shards]
        found = {row.start for rows in await self._all(reads) for row in rows if _is_in(row, where)}
        return sorted(found, reverse=True)

    async def _newest(
        self,
        where: UsageFilter,
        start: int,
        behind: _Position,
        limit: int,
        *,
        hour_shard: str | None = None,
    ) -> list[UsageEvent]:
        """The newest events of one key, user, or shard of an hour, that are older than `behind`."""
        request = {**_query(where, start, behind[0] + 1, hour_shard), "ScanIndexForward": False}
        size = limit + 1
        while True:
            items = await self.client.query(USAGE, dict(request), limit=size)
            found = [events.from_item(item) for item in items]
            is_all = len(items) < size
            # The events of one millisecond come in any order, and the last one may go on.
            known_from = 0 if is_all else found[-1].timestamp + 1
            counted = [
                event
                for event in found
                if event.timestamp >= known_from
                and _position(event) < behind
                and _counts(event, where)
            ]
            if is_all or len(counted) >= limit:
                return sorted(counted, key=_position, reverse=True)[:limit]
            size *= 2

    async def _all(self, questions: Sequence[Awaitable[T]]) -> list[T]:
        async def ask(question: Awaitable[T]) -> T:
            async with self._turns:
                return await question

        return await asyncio.gather(*map(ask, questions))


def _query(where: UsageFilter, start: int, end: int, hour_shard: str | None) -> dict[str, object]:
    """A query for the events from `start` to before `end`, by the order that holds the fewest."""
    if hour_shard is None and where.key_id is None:
        return {
            "KeyConditionExpression": "userId = :user AND #timestamp BETWEEN :first AND :last",
            "ExpressionAttributeNames": {"#timestamp": "timestamp"},
            "ExpressionAttributeValues": {
                ":user": text(where.user_id or ""),
                ":first": number(start * events.SLOTS),
                ":last": number(end * events.SLOTS - 1),
            },
            "ConsistentRead": True,
        }
    index, name, value = BY_KEY, "keyId", where.key_id or ""
    if hour_shard is not None:
        index, name, value = BY_HOUR, "hourShard", hour_shard
    return {
        "IndexName": index,
        "KeyConditionExpression": f"{name} = :value AND moment BETWEEN :first AND :last",
        "ExpressionAttributeValues": {
            ":value": text(value),
            ":first": text(events.moment(start)),
            ":last": text(events.moment(end)),
        },
    }


def _position(event: UsageEvent) -> _Position:
    return event.timestamp, event.id


def _counts(event: UsageEvent, where: UsageFilter) -> bool:
    """Whether an event belongs to the owners that are asked for."""
    return (
        where.user_id in (None, event.user_id or "")
        and where.key_id in (None, event.key_id)
        and where.workspace_id in (None, event.workspace_id)
    )


def _is_in(row: Row, where: UsageFilter) -> bool:
    user, key, workspace = row.dimensions[:3]
    return (
        where.user_id in (None, user)
        and where.key_id in (None, key)
        and where.workspace_id in (None, workspace)
    )


def _is_tag_in(row: Row, where: UsageFilter, keys: Collection[str] | None) -> bool:
    _, user, key = row.dimensions
    return (
        where.user_id in (None, user)
        and where.key_id in (None, key)
        and (keys is None or key in keys)
    )


def _value(row: Row, by: Dimension | None) -> str:
    """The row in which a rollup counts."""
    if by is None:
        return ""
    if by in ("day", "hour"):
        return name_of(row.start - row.start % (DAY if by == "day" else HOUR), by)
    return row.dimensions[0 if by == "tag" else _PLACES[by]]


def _values(event: UsageEvent, by: Dimension | None) -> Iterable[str]:
    """The rows in which an event counts."""
    if by == "tag":
        return set(event.tags)
    own = (event.user_id or "", event.key_id, event.workspace_id, event.provider, event.model)
    return (_value(Row(event.timestamp, own, ()), by),)
