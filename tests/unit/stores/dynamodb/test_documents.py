"""Documents as items of DynamoDB: what is read, and what is left where something goes wrong."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from document_chunks import SPACE, at_angle, document, exactly
from headgate.core.documents import DocumentFilter
from headgate.core.errors import InvalidRequest, Overloaded
from headgate.stores.dynamodb import documents
from headgate.stores.dynamodb.client import DynamoClient, Item
from headgate.stores.dynamodb.documents import DynamoDocuments
from headgate.stores.dynamodb.schema import DOCUMENTS
from ministack import dynamo_client

ALL = DocumentFilter()


@dataclass
class Counting:
    """A client that notes what is asked of it, and fails where the test wants it."""

    client: DynamoClient
    asked: list[str] = field(default_factory=list)
    failing: str = ""

    async def call(self, operation: str, request: Mapping[str, object]) -> dict[str, Any]:
        self.asked.append(operation)
        if operation == self.failing:
            raise Overloaded("away")
        return await self.client.call(operation, request)

    async def get(self, table: str, key: Item) -> Item | None:
        self.asked.append("GetItem")
        return await self.client.get(table, key)

    async def query(self, table: str, request: Mapping[str, object]) -> list[Item]:
        self.asked.append("Query")
        return await self.client.query(table, request)

    async def transact(self, actions: Any) -> None:
        self.asked.append("TransactWriteItems")
        if self.failing == "TransactWriteItems":
            raise Overloaded("away")
        await self.client.transact(actions)


def counted(client: DynamoClient) -> tuple[DynamoDocuments, Counting]:
    counting = Counting(client)
    return DynamoDocuments(counting), counting  # type: ignore[arg-type]


async def items(client: DynamoClient) -> int:
    return len(await client.scan(DOCUMENTS, {}))


async def test_what_is_longer_than_an_item_is_kept_in_pieces() -> None:
    async with dynamo_client() as client:
        paragraphs = [f"part {number} " + "é" * 100_000 for number in range(8)]
        await DynamoDocuments(client).add([document("a", *paragraphs)])
        other = DynamoDocuments(client)
        assert await other.text("lab", "a") == "\n\n".join(paragraphs)
        hits = await other.by_terms("lab", exactly("7"), ALL, limit=9)
        assert [hit.text for hit in hits] == [paragraphs[7]]
        assert await items(client) > 10
        await other.delete("lab", "a")
        assert await items(client) == 0


async def test_chunks_are_read_once_in_a_process_and_documents_anew_each_time() -> None:
    async with dynamo_client() as client:
        store, counting = counted(client)
        await store.add([document("a", "tea"), document("b", "tea")])
        counting.asked.clear()
        await asyncio.gather(
            store.by_terms("lab", exactly("tea"), ALL, limit=9),
            store.by_vector("lab", SPACE, at_angle(0), ALL, limit=9),
        )
        assert counting.asked == ["Query"] * 4
        await DynamoDocuments(client).delete("lab", "a")
        counting.asked.clear()
        hits = await store.by_terms("lab", exactly("tea"), ALL, limit=9)
        assert [hit.document.id for hit in hits] == ["b"]
        assert counting.asked == ["Query"]


async def test_a_document_that_was_not_written_to_its_end_is_not_there() -> None:
    async with dynamo_client() as client:
        for operation in ("PutItem", "TransactWriteItems"):
            store, counting = counted(client)
            counting.failing = operation
            with pytest.raises(Overloaded):
                await store.add([document("a", "tea"), document("b", "tea")])
            assert await DynamoDocuments(client).by_terms("lab", exactly("tea"), ALL, limit=9) == []
            assert await DynamoDocuments(client).list("lab", limit=9, after=None) == []


async def test_of_two_that_add_the_same_one_leaves_nothing_behind() -> None:
    async with dynamo_client() as client:
        stores = [DynamoDocuments(client) for _ in range(4)]
        await asyncio.gather(*(store.add([document("a", "tea")]) for store in stores))
        # What is known of it, its chunks and its text.
        assert await items(client) == 3


async def test_a_workspace_takes_no_more_than_can_be_searched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(documents, "MOST_CHUNKS", 3)
    async with dynamo_client() as client:
        store = DynamoDocuments(client)
        await store.add([document("a", "one", "two")])
        with pytest.raises(InvalidRequest, match="it has 2, and these documents have 2"):
            await store.add([document("b", "three", "four")])
        await store.add([document("b", "three"), document("c", "four", workspace_id="x")])
        assert len(await store.list("lab", limit=9, after=None)) == 2


async def test_too_many_documents_for_one_transaction_are_refused() -> None:
    async with dynamo_client() as client:
        many = [document(str(number), "tea") for number in range(101)]
        with pytest.raises(InvalidRequest, match="at most 100"):
            await DynamoDocuments(client).add(many)
