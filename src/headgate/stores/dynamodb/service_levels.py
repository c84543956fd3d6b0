"""Counts of how well the platform serves, in DynamoDB: items of the table of rollups.

| `span`                      | `cell`             | holds                               |
|-----------------------------|--------------------|-------------------------------------|
| `service#<length>#<period>` | `<start>#<series>` | an attribute for each thing counted |

A period is as many slots of a length as are kept. When one begins, the one before the last goes.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headgate.core.service_levels import MOST_SLOTS, Counts, Slot, slots_of
from headgate.stores.dynamodb.attributes import (
    escaped,
    integer_of,
    number,
    text,
    text_of,
    unescaped,
)
from headgate.stores.dynamodb.client import DynamoClient
from headgate.stores.dynamodb.schema import ROLLUPS

MOST_ACTIONS = 50
_KEYS = frozenset({"span", "cell"})


@dataclass(frozen=True, slots=True)
class DynamoServiceLevels:
    """`ServiceStore` in a table that other processes and machines use too."""

    client: DynamoClient
    # The periods that this process has seen begin, so that it looks for old ones once in each.
    _seen: set[Slot] = field(default_factory=set)

    async def add(self, moment: float, counts: Mapping[str, Counts]) -> None:
        """See `ServiceStore.add`."""
        slots = slots_of(moment)
        actions = [
            _addition(slot, series, each) for slot in slots for series, each in counts.items()
        ]
        for first in range(0, len(actions), MOST_ACTIONS):
            await self.client.transact(actions[first : first + MOST_ACTIONS])
        for slot in slots:
            await self._drop_before(slot)

    async def sums(self, length: int, start: int, end: int) -> Mapping[str, Counts]:
        """See `ServiceStore.sums`."""
        found: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for period in range(_period(length, start), _period(length, end) + 1):
            items = await self.client.query(
                ROLLUPS,
                {
                    "KeyConditionExpression": "span = :span AND cell BETWEEN :first AND :last",
                    "ExpressionAttributeValues": {
                        ":span": text(_span(length, period)),
                        ":first": text(_moment(start)),
                        ":last": text(_moment(end)),  # before the first of that moment
                    },
                    "ConsistentRead": True,
                },
            )
            for item in items:
                series = unescaped(text_of(item, "cell").partition("#")[2])
                found[series].update(
                    {name: integer_of(item, name) for name in item if name not in _KEYS}
                )
        return found

    async def _drop_before(self, slot: Slot) -> None:
        """Delete the period before the last, once in each period."""
        period = _period(slot.length, slot.start)
        mark = Slot(slot.length, period)
        if mark in self._seen:
            return
        request = {
            "KeyConditionExpression": "span = :span",
            "ExpressionAttributeValues": {":span": text(_span(slot.length, period - 2))},
            "ProjectionExpression": "span, cell",
        }
        old = await self.client.query(ROLLUPS, request)
        await self.client.delete_all(ROLLUPS, old)
        self._seen.add(mark)


def _addition(slot: Slot, series: str, counts: Counts) -> dict[str, Any]:
    """Adds counts to an item, which is made where it is missing."""
    names, values, parts = {}, {}, []
    for place, (measure, count) in enumerate(counts.items()):
        names[f"#{place}"] = measure
        values[f":{place}"] = number(count)
        parts.append(f"#{place} :{place}")
    return {
        "Update": {
            "TableName": ROLLUPS,
            "Key": {
                "span": text(_span(slot.length, _period(slot.length, slot.start))),
                "cell": text(f"{_moment(slot.start)}#{escaped(series)}"),
            },
            "UpdateExpression": f"ADD {', '.join(parts)}",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }
    }


def _span(length: int, period: int) -> str:
    return f"service#{length}#{period}"


def _period(length: int, moment: int) -> int:
    return moment // (length * MOST_SLOTS)


def _moment(start: int) -> str:
    return f"{start:012d}"
