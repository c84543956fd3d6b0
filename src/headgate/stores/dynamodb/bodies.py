"""Texts of any length as attributes of an item, which itself holds at most 400 KB.

A long one stands in pieces, items of the same partition that are written before the item which
names them; without that they mean nothing, and they go with their partition.

| `part`        | `place`                 | holds                              |
|---------------|-------------------------|------------------------------------|
| any           | `piece#<edition>#<nnnn>` | a piece of a text's bytes          |
"""

import asyncio
import base64
from collections.abc import Mapping
from typing import Any

from headgate.core.errors import Overloaded
from headgate.core.ids import new_id
from headgate.stores.dynamodb.attributes import integer_of, number, text, text_of
from headgate.stores.dynamodb.client import DynamoClient, Item

INLINE_BYTES = 32_000
"""Short enough that a hundred of them go through one transaction."""
PIECE_BYTES = 300_000

_AT_ONCE = 4


async def packed(
    client: DynamoClient, table: str, part: str, body: bytes
) -> dict[str, Mapping[str, Any]]:
    """The attributes by which an item of the partition `part` holds `body`, which is UTF-8."""
    if len(body) <= INLINE_BYTES:
        return {"body": text(body.decode())}
    edition = new_id("bdy")
    pieces = [body[start : start + PIECE_BYTES] for start in range(0, len(body), PIECE_BYTES)]
    for start in range(0, len(pieces), _AT_ONCE):
        # A few at once: a body of many megabytes must not take every connection.
        await asyncio.gather(
            *(
                client.call(
                    "PutItem",
                    {
                        "TableName": table,
                        "Item": {
                            **_key(part, edition, index),
                            "bytes": {"B": base64.b64encode(pieces[index]).decode()},
                        },
                    },
                )
                for index in range(start, min(start + _AT_ONCE, len(pieces)))
            )
        )
    return {"edition": text(edition), "pieces": number(len(pieces))}


async def unpacked(client: DynamoClient, table: str, item: Item) -> bytes:
    """The text that an item holds."""
    if "edition" not in item:
        return text_of(item, "body").encode()
    part, edition = text_of(item, "part"), text_of(item, "edition")
    keys = [_key(part, edition, index) for index in range(integer_of(item, "pieces"))]
    body = b""
    for piece in await client.get_all(table, keys):
        if piece is None:
            raise Overloaded("A part of what was asked for is gone; it is being deleted.")
        body += base64.b64decode(piece["bytes"]["B"])
    return body


def _key(part: str, edition: str, index: int) -> Item:
    return {"part": text(part), "place": text(f"piece#{edition}#{index:04d}")}
