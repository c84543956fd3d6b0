"""Sums of events per hour and per day in `ai-platform-rollups`, kept in each event's transaction.

| `span`                     | `cell`                      | holds                                |
|----------------------------|-----------------------------|--------------------------------------|
| `<kind>#<month>#<shard>`   | start and a hash of its key | the sums of one combination that     |
|                            |                             | occurred, and of what (`dimensions`) |
| `months`                   | `<month>`                   | the shards that were written in it   |
| `retention`                | `events`                    | since when events are complete       |

Kinds are `hour`, `day`, `tag-hour` and `tag-day`. A process adds to its own shard; the list of
months saves a reader from asking for shards and months where nothing is.
"""

import contextlib
import hashlib
import itertools
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

import msgspec

from headgate.core.usage import UsageEvent
from headgate.stores.dynamodb.accounts import Action
from headgate.stores.dynamodb.attributes import integer_of, number, text, text_of
from headgate.stores.dynamodb.client import ConditionFailed, DynamoClient, Item
from headgate.stores.dynamodb.schema import ROLLUPS
from headgate.stores.time_ranges import DAY, HOUR, Part

_SUMS = (
    "requests",
    "errors",
    "inputTokens",
    "outputTokens",
    "cost",
    "billed",
    "cacheHits",
    "savedCost",
    "autoSaved",
    "ownCost",
)
_MORE_SUMS = ("cachedInputTokens", "reasoningTokens", "latencyMs")
BILLED = _SUMS.index("billed")
_REQUESTS = _SUMS.index("requests")
_RETENTION = {"span": text("retention"), "cell": text("events")}
_KINDS = {HOUR: "hour", DAY: "day"}

ShardsByMonth: TypeAlias = dict[str, list[int]]
"""The shards that have anything of a month, by months in their order."""

_encode = msgspec.json.Encoder().encode
_decode_texts = msgspec.json.Decoder(list[str]).decode


class Cell(NamedTuple):
    """One combination of dimensions in one hour or day: what a rollup counts.

    Attributes:
        dimensions: user, key, workspace, provider and model; for `tags` the tag, user and key.
    """

    span: int
    start: int
    tags: bool
    dimensions: tuple[str, ...]


class Counted(NamedTuple):
    """A rollup that is there, in a shard, as its item has it."""

    cell: Cell
    shard: int
    item: Item


class Row(NamedTuple):
    """A rollup as it was read."""

    start: int
    dimensions: Sequence[str]
    sums: Sequence[int]


def sums_of(event: UsageEvent) -> tuple[int, ...]:
    """What an event adds to the totals, in the order of `UsageTotals`."""
    return (
        1,
        int(event.status != "ok"),
        event.input_tokens,
        event.output_tokens,
        event.cost,
        event.billed,
        int(event.cache == "hit"),
        event.saved_cost,
        event.auto_saved,
        event.cost if event.byok else 0,
    )


def cells_of(event: UsageEvent) -> list[Cell]:
    """The rollups in which an event counts, once for each of its tags."""
    user = event.user_id or ""
    own = (user, event.key_id, event.workspace_id, event.provider, event.model)
    cells = []
    for span in (HOUR, DAY):
        start = event.timestamp - event.timestamp % span
        cells.append(Cell(span, start, False, own))
        cells += [
            Cell(span, start, True, (tag, user, event.key_id)) for tag in sorted(set(event.tags))
        ]
    return cells


def additions_of(event: UsageEvent) -> tuple[int, ...]:
    """What an event adds to each of its rollups."""
    more = (event.cached_input_tokens, event.reasoning_tokens, event.latency_ms)
    return (*sums_of(event), *more)


def add(cell: Cell, sums: Sequence[int], shard: int) -> Action:
    """Add to a rollup."""
    dimensions = _encode(cell.dimensions)
    digest = hashlib.blake2b(dimensions, digest_size=16).hexdigest()
    added = {name: value for name, value in zip(_SUMS + _MORE_SUMS, sums, strict=True) if value}
    values = {f":{name}": number(value) for name, value in added.items()}
    additions = ", ".join(f"{name} :{name}" for name in added)
    return {
        "Update": {
            "TableName": ROLLUPS,
            "Key": {
                "span": text(_span(cell.span, month_of(cell.start), shard, tags=cell.tags)),
                "cell": text(f"{cell.start:015}#{digest}"),
            },
            "UpdateExpression": f"SET dimensions = :dimensions ADD {additions}",
            "ExpressionAttributeValues": {":dimensions": text(dimensions.decode()), **values},
        }
    }


def month_of(timestamp: int) -> str:
    """The month in which a time in milliseconds lies."""
    return time.strftime("%Y-%m", time.gmtime(timestamp // 1000))


async def announce(client: DynamoClient, month: str, shard: int) -> None:
    """Let readers know that a shard has sums of a month; needed before the first one is written."""
    await client.call(
        "UpdateItem",
        {
            "TableName": ROLLUPS,
            "Key": {"span": text("months"), "cell": text(month)},
            "UpdateExpression": "ADD shards :shard",
            "ExpressionAttributeValues": {":shard": {"NS": [str(shard)]}},
        },
    )


async def shards_by_month(client: DynamoClient, start: int, end: int) -> ShardsByMonth:
    """The shards that have anything between two times, for each month that does, in order."""
    if start >= end:
        return {}  # DynamoDB refuses a question whose ends are the wrong way round
    found = await client.query(
        ROLLUPS,
        {
            "KeyConditionExpression": "span = :span AND cell BETWEEN :first AND :last",
            "ExpressionAttributeValues": {
                ":span": text("months"),
                ":first": text(month_of(start)),
                ":last": text(month_of(end - 1)),
            },
            "ConsistentRead": True,
        },
    )
    return {text_of(item, "cell"): sorted(map(int, item["shards"]["NS"])) for item in found}


async def rows(
    client: DynamoClient, month: str, shard: int, part: Part, *, tags: bool
) -> Iterable[Row]:
    """A shard's rollups of a month that begin in a part of it; those of nothing are left out."""
    found = await client.query(
        ROLLUPS,
        {
            "KeyConditionExpression": "span = :span AND cell BETWEEN :first AND :last",
            "ExpressionAttributeValues": {
                ":span": text(_span(part.span or HOUR, month, shard, tags=tags)),
                # A cell's name goes on after its start, so it sorts behind the start alone.
                ":first": text(f"{part.start:015}"),
                ":last": text(f"{part.end:015}"),
            },
            "ConsistentRead": True,
        },
    )
    return [row for row in map(_row, found) if row.sums[_REQUESTS]]


async def of_user(
    client: DynamoClient, user: str, month: str, shard: int, *, since: int
) -> list[Counted]:
    """A shard's rollups of a user in a month that begin at `since`, in milliseconds, or later."""
    found = []
    for span, tags in itertools.product((HOUR, DAY), (False, True)):
        request = {
            "KeyConditionExpression": "span = :span AND cell >= :first",
            "FilterExpression": "contains(dimensions, :user)",
            "ExpressionAttributeValues": {
                ":span": text(_span(span, month, shard, tags=tags)),
                ":first": text(f"{since:015}"),
                ":user": text(_encode(user).decode()),
            },
            "ConsistentRead": True,
        }
        for item in await client.query(ROLLUPS, request):
            row = _row(item)
            if row.dimensions[tags] == user:  # else a tag, a key or a model of that name
                cell = Cell(span, row.start, tags, tuple(row.dimensions))
                found.append(Counted(cell, shard, item))
    return found


def give(counted: Counted, user: str) -> list[Action]:
    """Count a rollup for another user, if it is still as it was read."""
    cell, item = counted.cell, counted.item
    names = [name for name in _SUMS + _MORE_SUMS if name in item]
    removal: Action = {
        "Delete": {
            "TableName": ROLLUPS,
            "Key": {"span": item["span"], "cell": item["cell"]},
            "ConditionExpression": " AND ".join(f"{name} = :{name}" for name in names),
            "ExpressionAttributeValues": {f":{name}": item[name] for name in names},
        }
    }
    sums = [integer_of(item, name) for name in _SUMS + _MORE_SUMS]
    if not any(sums):
        return [removal]
    dimensions = [*cell.dimensions]
    dimensions[cell.tags] = user
    return [removal, add(cell._replace(dimensions=tuple(dimensions)), sums, counted.shard)]


async def kept_from(client: DynamoClient) -> int:
    """The time in milliseconds before which events may be gone."""
    return integer_of(await client.get(ROLLUPS, _RETENTION), "keptFrom")


async def keep_from(client: DynamoClient, start: int) -> None:
    """Count hours before `start`, a whole hour, as wholes from now on."""
    request = {
        "TableName": ROLLUPS,
        "Key": _RETENTION,
        "UpdateExpression": "SET keptFrom = :start",
        "ConditionExpression": "attribute_not_exists(keptFrom) OR keptFrom < :start",
        "ExpressionAttributeValues": {":start": number(start)},
    }
    # It does not hold where another process was here before.
    with contextlib.suppress(ConditionFailed):
        await client.call("UpdateItem", request)


def _row(item: Item) -> Row:
    return Row(
        int(text_of(item, "cell").partition("#")[0]),
        _decode_texts(text_of(item, "dimensions")),
        [integer_of(item, name) for name in _SUMS],
    )


def _span(span: int, month: str, shard: int, *, tags: bool) -> str:
    return f"{'tag-' if tags else ''}{_KINDS[span]}#{month}#{shard}"
