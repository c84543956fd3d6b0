"""Usage events as items of `ai-platform-usage`: attributes are the fields, in camel case.

`userId` holds the user, or `key#<keyId>` for an event without one; `timestamp` the milliseconds
times a million plus a sequence, which follows from the event's id, so that an event is found where
it was written and two of the same millisecond both survive. `moment` orders events by time and id.
An attribute that would hold a field's default is left out.
"""

import time
import zlib
from typing import Any

import msgspec

from headgate.core.usage import UsageEvent
from headgate.stores.dynamodb.attributes import integer_of, number, text, text_of
from headgate.stores.dynamodb.client import Item
from headgate.stores.dynamodb.schema import TTL
from headgate.stores.time_ranges import DAY, HOUR

SLOTS = 1_000_000
"""How many events of one user and millisecond have a place of their own."""

_FIELDS = {
    field.name: (
        # The event's own user stands apart from the key, which also names events without one.
        "user" if field.name == "user_id" else field.name,
        field.default,
    )
    for field in msgspec.structs.fields(UsageEvent)
    if field.name != "timestamp"
}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


_ATTRIBUTES = {name: (_camel(attribute), default) for name, (attribute, default) in _FIELDS.items()}


def partition(event: UsageEvent) -> str:
    """The `userId` under which an event is kept."""
    return event.user_id or f"key#{event.key_id}"


def first_slot(event: UsageEvent) -> int:
    """The sequence an event has unless another event took it first."""
    return zlib.crc32(event.id.encode()) % SLOTS


def moment(timestamp: int, event_id: str = "") -> str:
    """A time in milliseconds, and an id, as a text that sorts by both."""
    return f"{timestamp:015}#{event_id}"


def hour_shard(timestamp: int, shard: int) -> str:
    """Under which `hourShard` the events of an hour are listed: `2026-11-23T07#2`."""
    return time.strftime("%Y-%m-%dT%H", time.gmtime(timestamp // 1000)) + f"#{shard}"


def ttl(timestamp: int, retention_days: int) -> int:
    """When DynamoDB may delete an event of this time, in Unix seconds.

    A day after nothing needs it any more, so that no process counts on it when it goes.
    """
    hour_end = timestamp // HOUR * HOUR + HOUR
    return (hour_end + (retention_days + 1) * DAY) // 1000


def to_item(event: UsageEvent, *, slot: int, shard: int, retention_days: int | None = None) -> Item:
    """An event as it is kept: for good, or for so many days."""
    item = {
        "userId": text(partition(event)),
        "timestamp": number(event.timestamp * SLOTS + slot),
        "hourShard": text(hour_shard(event.timestamp, shard)),
        "moment": text(moment(event.timestamp, event.id)),
    }
    for name, (attribute, default) in _ATTRIBUTES.items():
        value = getattr(event, name)
        if value != default and value is not None:
            item[attribute] = _attribute(value)
    if retention_days is not None:
        item[TTL] = number(ttl(event.timestamp, retention_days))
    return item


def from_item(item: Item) -> UsageEvent:
    """The event in an item."""
    values: dict[str, Any] = {"timestamp": integer_of(item, "timestamp") // SLOTS, "user_id": None}
    for name, (attribute, _) in _ATTRIBUTES.items():
        if attribute in item:
            values[name] = _value(item[attribute])
    return UsageEvent(**values)


def id_of(item: Item) -> str:
    """The id of the event in an item."""
    return text_of(item, "id")


def _attribute(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, str):
        return {"S": value}
    return {"L": [{"S": each} for each in value]}


def _value(attribute: Any) -> object:
    ((kind, value),) = attribute.items()
    if kind == "N":
        return int(value)
    if kind == "L":
        return tuple(each["S"] for each in value)
    return value
