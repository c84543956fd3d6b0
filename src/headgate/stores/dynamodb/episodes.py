"""What was told of episodes, in DynamoDB: items of the table of rollups.

| `span`     | `cell`             | holds                                                    |
|------------|--------------------|----------------------------------------------------------|
| `episodes` | `<name>#<channel>` | `isOpen` (0 or 1), `changedAt`, and `heldUntil` of a claim |
"""

from dataclasses import dataclass

from headgate.stores.dynamodb.attributes import escaped, float_of, number, text
from headgate.stores.dynamodb.client import ConditionFailed, DynamoClient, Item
from headgate.stores.dynamodb.schema import ROLLUPS


@dataclass(frozen=True, slots=True)
class DynamoEpisodes:
    """`EpisodeStore` in a table that other processes and machines use too."""

    client: DynamoClient

    async def claim(
        self, name: str, channel: str, *, is_open: bool, now: float, until: float
    ) -> float | None:
        """See `EpisodeStore.claim`.

        An answer that was lost leaves a claim that nobody has, until it ends.
        """
        found = await self.client.get(ROLLUPS, _key(name, channel))
        was_open = found is not None and float_of(found, "isOpen") == 1
        if was_open == is_open:
            return None
        unchanged = "isOpen = :before"
        if found is None:
            unchanged = "attribute_not_exists(isOpen)"
        request = {
            "TableName": ROLLUPS,
            "Key": _key(name, channel),
            "UpdateExpression": "SET heldUntil = :until, isOpen = :before, "
            "changedAt = if_not_exists(changedAt, :never)",
            "ConditionExpression": f"{unchanged} AND "
            "(attribute_not_exists(heldUntil) OR heldUntil <= :now)",
            "ExpressionAttributeValues": {
                ":until": number(until),
                ":before": number(int(was_open)),
                ":never": number(0),
                ":now": number(now),
            },
        }
        try:
            await self.client.call("UpdateItem", request)
        except ConditionFailed:
            return None
        return 0.0 if found is None else float_of(found, "changedAt")

    async def told(self, name: str, channel: str, *, is_open: bool, now: float) -> None:
        """See `EpisodeStore.told`."""
        item = {
            **_key(name, channel),
            "isOpen": number(int(is_open)),
            "changedAt": number(now),
            "heldUntil": number(0),
        }
        await self.client.call("PutItem", {"TableName": ROLLUPS, "Item": item})


def _key(name: str, channel: str) -> Item:
    return {"span": text("episodes"), "cell": text(f"{escaped(name)}#{escaped(channel)}")}
