"""Documents in `ai-platform-documents`, ranked in this process.

| `part`              | `place`         | holds                                              |
|---------------------|-----------------|----------------------------------------------------|
| `workspace#<id>`    | document's id   | what is known of it, and its `edition`             |
| `edition#<edition>` | `chunks#<nnnn>` | a piece of its chunks, with vectors, as msgpack    |
| `edition#<edition>` | `text#<nnnn>`   | a piece of its text, in UTF-8                      |

A document is there when its first item is: the pieces are written before, under an edition of their
own, and mean nothing without it. All documents of a request come in one transaction. What a process
that died had begun stays as bytes that nobody finds.

DynamoDB neither ranks words nor compares vectors, so every search looks at all chunks of the
workspace here. They never change, so each process keeps those that it has read; what is known of
the documents is read anew each time. That holds for some thousand chunks and not for millions:
a workspace takes at most `MOST_CHUNKS`.
"""

import asyncio
import base64
import contextlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from headgate.core.documents import (
    Chunk,
    Concept,
    Document,
    DocumentFilter,
    Hit,
    IndexedDocument,
)
from headgate.core.errors import InvalidRequest, Overloaded
from headgate.core.ids import new_id
from headgate.stores import passage_ranking
from headgate.stores.dynamodb.attributes import float_of, integer_of, number, text, text_of
from headgate.stores.dynamodb.client import (
    DynamoClient,
    Item,
    TransactionRefused,
)
from headgate.stores.dynamodb.schema import DOCUMENTS
from headgate.stores.passage_ranking import Candidate

MOST_CHUNKS = 10_000
"""The most that a workspace holds; two processes that add at once may pass it by what they add."""

MOST_DOCUMENTS_AT_ONCE = 100
"""As many as one transaction takes."""

PIECE_BYTES = 300_000
"""An item holds at most 400 KB, its names included."""

_AT_ONCE = 8
_CHUNKS = msgspec.msgpack.Decoder(list[Chunk])


@dataclass(frozen=True, slots=True)
class DynamoDocuments:
    """`DocumentStore` in a table that other processes and machines use too."""

    client: DynamoClient
    # By edition, the one that was asked for last at the end.
    _read: OrderedDict[str, list[Candidate]] = field(default_factory=OrderedDict)
    # So that the two questions of one search read a document once.
    _reading: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def add(self, documents: Sequence[IndexedDocument]) -> None:
        """See `DocumentStore.add`.

        Raises:
            InvalidRequest: they are more than a workspace, or a transaction, takes.
        """
        if len(documents) > MOST_DOCUMENTS_AT_ONCE:
            raise InvalidRequest(f"add at most {MOST_DOCUMENTS_AT_ONCE} documents at once")
        new = [one for one in documents if await self._head(one.document) is None]
        for workspace_id in {one.document.workspace_id for one in new}:
            await self._see_room(workspace_id, new)
        editions = {one.document.id: new_id("edn") for one in new}
        for one in new:
            await self._write(one, editions[one.document.id])
        while new:
            try:
                await self.client.transact([_put(one, editions[one.document.id]) for one in new])
            except TransactionRefused as refusal:
                # Another process has added these meanwhile.
                for place in refusal.failed:
                    await self._forget(editions[new[place].document.id])
                new = [one for place, one in enumerate(new) if place not in refusal.failed]
            else:
                return

    async def get(self, workspace_id: str, document_id: str) -> Document | None:
        """See `DocumentStore.get`."""
        item = await self.client.get(DOCUMENTS, _key(_workspace(workspace_id), document_id))
        return None if item is None else _document(item, workspace_id)

    async def text(self, workspace_id: str, document_id: str) -> str | None:
        """See `DocumentStore.text`."""
        item = await self.client.get(DOCUMENTS, _key(_workspace(workspace_id), document_id))
        if item is None:
            return None
        return (await self._pieces(text_of(item, "edition"), "text")).decode()

    async def delete(self, workspace_id: str, document_id: str) -> bool:
        """See `DocumentStore.delete`."""
        key = _key(_workspace(workspace_id), document_id)
        item = await self.client.get(DOCUMENTS, key)
        if item is None:
            return False
        await self.client.call("DeleteItem", {"TableName": DOCUMENTS, "Key": key})
        edition = text_of(item, "edition")
        self._read.pop(edition, None)
        await self._forget(edition)
        return True

    async def by_terms(
        self, workspace_id: str, concepts: Sequence[Concept], where: DocumentFilter, *, limit: int
    ) -> list[Hit]:
        """See `DocumentStore.by_terms`."""
        everything = await self._candidates(workspace_id)
        admitted = [one for one in everything if where.admits(one.document)]
        return await asyncio.to_thread(
            passage_ranking.by_terms, concepts, everything, admitted, limit
        )

    async def by_vector(
        self,
        workspace_id: str,
        space: str,
        vector: bytes,
        where: DocumentFilter,
        *,
        limit: int,
    ) -> list[Hit]:
        """See `DocumentStore.by_vector`."""
        everything = await self._candidates(workspace_id)
        admitted = [one for one in everything if where.admits(one.document)]
        return await asyncio.to_thread(passage_ranking.by_vector, space, vector, admitted, limit)

    async def _head(self, document: Document) -> Item | None:
        return await self.client.get(
            DOCUMENTS, _key(_workspace(document.workspace_id), document.id)
        )

    async def _see_room(self, workspace_id: str, new: Sequence[IndexedDocument]) -> None:
        coming = sum(len(one.chunks) for one in new if one.document.workspace_id == workspace_id)
        held = sum(_document(item, workspace_id).chunks for item in await self._heads(workspace_id))
        if held + coming > MOST_CHUNKS:
            raise InvalidRequest(
                f"a workspace holds at most {MOST_CHUNKS:,} chunks: it has {held:,}, and these"
                f" documents have {coming:,}; delete some, or divide them among workspaces"
            )

    async def _heads(self, workspace_id: str) -> list[Item]:
        return await self.client.query(DOCUMENTS, _partition(_workspace(workspace_id)))

    async def _candidates(self, workspace_id: str) -> list[Candidate]:
        """All chunks of a workspace; those that this process has not read yet are read."""
        heads = [
            (text_of(item, "edition"), _document(item, workspace_id))
            for item in await self._heads(workspace_id)
        ]
        places = asyncio.Semaphore(_AT_ONCE)

        async def found(edition: str, document: Document) -> list[Candidate]:
            if edition not in self._read:
                async with places, self._reading.setdefault(edition, asyncio.Lock()):
                    if edition not in self._read:
                        return await self._read_now(edition, document)
            self._read.move_to_end(edition)
            return self._read[edition]

        lists = await asyncio.gather(*(found(*head) for head in heads))
        return [candidate for one in lists for candidate in one]

    async def _read_now(self, edition: str, document: Document) -> list[Candidate]:
        packed = await self._pieces(edition, "chunks")
        # Deleted since its first item was read, it has no pieces left.
        chunks = _CHUNKS.decode(packed) if packed else []
        ready = self._read[edition] = passage_ranking.candidates(document, chunks)
        self._reading.pop(edition, None)
        while sum(map(len, self._read.values())) > MOST_CHUNKS and len(self._read) > 1:
            self._read.popitem(last=False)
        return ready

    async def _write(self, one: IndexedDocument, edition: str) -> None:
        packed = msgspec.msgpack.encode(list(one.chunks))
        for kind, content in (("chunks", packed), ("text", one.text.encode())):
            for index, start in enumerate(range(0, len(content), PIECE_BYTES)):
                piece = base64.b64encode(content[start : start + PIECE_BYTES]).decode()
                item = {**_key(_edition(edition), f"{kind}#{index:04d}"), "body": {"B": piece}}
                await self.client.call("PutItem", {"TableName": DOCUMENTS, "Item": item})

    async def _pieces(self, edition: str, kind: str) -> bytes:
        found = await self.client.query(DOCUMENTS, _partition(_edition(edition), f"{kind}#"))
        return b"".join(base64.b64decode(item["body"]["B"]) for item in found)

    async def _forget(self, edition: str) -> None:
        """Delete the pieces of a document that is not there any more, or never was."""
        request = {**_partition(_edition(edition)), "ProjectionExpression": "part, place"}
        # Nobody finds them; where the table is away they only take room.
        with contextlib.suppress(Overloaded):
            for key in await self.client.query(DOCUMENTS, request):
                await self.client.call("DeleteItem", {"TableName": DOCUMENTS, "Key": key})

    async def list(self, workspace_id: str, *, limit: int, after: str | None) -> list[Document]:
        """See `DocumentStore.list`."""
        found = [_document(item, workspace_id) for item in await self._heads(workspace_id)]
        found.sort(key=lambda document: (document.created_at, document.id), reverse=True)
        if after is not None:
            ids = [document.id for document in found]
            found = found[ids.index(after) + 1 :] if after in ids else []
        return found[:limit]


def _workspace(workspace_id: str) -> str:
    return f"workspace#{workspace_id}"


def _edition(edition: str) -> str:
    return f"edition#{edition}"


def _key(part: str, place: str) -> Item:
    return {"part": text(part), "place": text(place)}


def _partition(part: str, beginning: str = "") -> dict[str, Any]:
    """The query for a partition, or for what in it begins so."""
    request: dict[str, Any] = {
        "KeyConditionExpression": "part = :part",
        "ExpressionAttributeValues": {":part": text(part)},
        "ConsistentRead": True,
    }
    if beginning:
        request["KeyConditionExpression"] += " AND begins_with(place, :beginning)"
        request["ExpressionAttributeValues"][":beginning"] = text(beginning)
    return request


def _put(one: IndexedDocument, edition: str) -> dict[str, Any]:
    document = one.document
    item = {
        **_key(_workspace(document.workspace_id), document.id),
        "edition": text(edition),
        "name": text(document.name),
        "kind": text(document.kind),
        "characters": number(document.characters),
        "chunks": number(document.chunks),
        "createdAt": number(document.created_at),
    }
    if document.pages is not None:
        item["pages"] = number(document.pages)
    condition = "attribute_not_exists(place)"
    return {"Put": {"TableName": DOCUMENTS, "Item": item, "ConditionExpression": condition}}


def _document(item: Item, workspace_id: str) -> Document:
    return msgspec.convert(
        {
            "id": text_of(item, "place"),
            "workspace_id": workspace_id,
            "name": text_of(item, "name"),
            "kind": text_of(item, "kind"),
            "characters": integer_of(item, "characters"),
            "chunks": integer_of(item, "chunks"),
            "created_at": float_of(item, "createdAt"),
            "pages": integer_of(item, "pages") if "pages" in item else None,
        },
        Document,
    )
