"""Making the tables where CloudFormation has not made them, and seeing that they are right."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from headgate.core.errors import Overloaded
from headgate.stores.dynamodb.client import DynamoClient, TableExists, TableMissing
from headgate.stores.dynamodb.schema import BUDGETS, TABLES, Index, Table

MOST_POLLS = 120
POLL_SECONDS = 0.5


async def create(client: DynamoClient) -> None:
    """Make the tables that are missing and wait until all can be used; safe to call again.

    Asks for no right to make tables where none is missing.

    Raises:
        Overloaded: DynamoDB does not answer or refuses, or a table has other keys than these.
    """
    found = await asyncio.gather(*(_found(client, table) for table in TABLES))
    missing = [table for table, is_there in zip(TABLES, found, strict=True) if not is_there]
    for table in missing:
        # Another process that makes it at this moment is as good.
        with contextlib.suppress(TableExists):
            await client.call("CreateTable", _definition(table))
    for table in TABLES:
        await _wait(client, table)
    for table in missing:
        if table.ttl is not None:
            await _expire_items(client, table.name, table.ttl)


async def reach(client: DynamoClient) -> None:
    """Ask for something, as a health check does.

    Raises:
        Overloaded: DynamoDB does not answer.
    """
    await client.get(BUDGETS, {"userId": {"S": "health"}})


async def check(client: DynamoClient) -> None:
    """See that all tables are there and are what this release needs.

    Raises:
        TableMissing: one is not there.
        Overloaded: DynamoDB does not answer, or a table has other keys than these.
    """
    for found, table in zip(
        await asyncio.gather(*(_describe(client, table.name) for table in TABLES)),
        TABLES,
        strict=True,
    ):
        _compare(found, table)


async def _found(client: DynamoClient, table: Table) -> bool:
    try:
        await _describe(client, table.name)
    except TableMissing:
        return False
    return True


async def _wait(client: DynamoClient, table: Table) -> None:
    for _ in range(MOST_POLLS):
        found = await _describe(client, table.name)
        if found["TableStatus"] in ("ACTIVE", "UPDATING"):
            _compare(found, table)
            return
        await asyncio.sleep(POLL_SECONDS)
    raise Overloaded(f"The table {table.name} is not ready yet; try again in a minute.")


async def _describe(client: DynamoClient, name: str) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = (await client.call("DescribeTable", {"TableName": name}))[
            "Table"
        ]
    except TableMissing:
        raise TableMissing(f"{name} ({client.region})") from None
    return found


def _compare(found: Mapping[str, Any], table: Table) -> None:
    indexes = {
        index["IndexName"]: (index["KeySchema"], index["Projection"]["ProjectionType"])
        for index in _indexes_of(found)
    }
    is_right = found["KeySchema"] == _schema(table.partition, table.sort) and all(
        indexes.get(index.name) == (_schema(index.partition, index.sort), _projection(index))
        for index in table.indexes
    )
    if not is_right:
        raise Overloaded(
            f"The table {table.name} in this account has other keys or indexes than this release "
            "needs: it is another program's, or an older release's."
        )


def _indexes_of(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return found.get("GlobalSecondaryIndexes") or []


async def _expire_items(client: DynamoClient, name: str, attribute: str) -> None:
    # DynamoDB refuses to switch on what is on already.
    found = await client.call("DescribeTimeToLive", {"TableName": name})
    if found["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED":
        wanted = {"Enabled": True, "AttributeName": attribute}
        await client.call(
            "UpdateTimeToLive", {"TableName": name, "TimeToLiveSpecification": wanted}
        )


def _definition(table: Table) -> dict[str, object]:
    names = {table.partition, table.sort}
    for index in table.indexes:
        names |= {index.partition, index.sort}
    definition: dict[str, object] = {
        "TableName": table.name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": _schema(table.partition, table.sort),
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": "N" if name in table.numbers else "S"}
            for name in sorted(name for name in names if name)
        ],
    }
    if table.indexes:
        definition["GlobalSecondaryIndexes"] = [
            {
                "IndexName": index.name,
                "KeySchema": _schema(index.partition, index.sort),
                "Projection": {"ProjectionType": _projection(index)},
            }
            for index in table.indexes
        ]
    return definition


def _projection(index: Index) -> str:
    return "ALL" if index.whole else "KEYS_ONLY"


def _schema(partition: str, sort: str | None) -> list[dict[str, str]]:
    schema = [{"AttributeName": partition, "KeyType": "HASH"}]
    if sort is not None:
        schema.append({"AttributeName": sort, "KeyType": "RANGE"})
    return schema
