"""The tables, as DynamoDB has them after they were made."""

import asyncio

import pytest

import ministack
from headgate.core.errors import Overloaded
from headgate.stores.dynamodb import schema, tables
from headgate.stores.dynamodb.client import DynamoClient, TableMissing
from headgate.transport.http import HttpClient
from headgate.transport.sigv4 import Credentials
from ministack import dynamo_client


async def test_the_tables_that_users_know_have_the_keys_they_know() -> None:
    async with dynamo_client() as client:
        usage = (await client.call("DescribeTable", {"TableName": "ai-platform-usage"}))["Table"]
        budgets = await client.call("DescribeTable", {"TableName": "ai-platform-budgets"})
        ttl = await client.call("DescribeTimeToLive", {"TableName": "ai-platform-usage"})
    assert usage["KeySchema"] == [
        {"AttributeName": "userId", "KeyType": "HASH"},
        {"AttributeName": "timestamp", "KeyType": "RANGE"},
    ]
    assert {"AttributeName": "userId", "AttributeType": "S"} in usage["AttributeDefinitions"]
    assert {"AttributeName": "timestamp", "AttributeType": "N"} in usage["AttributeDefinitions"]
    assert usage["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert ttl["TimeToLiveDescription"]["AttributeName"] == "ttl"
    assert budgets["Table"]["KeySchema"] == [{"AttributeName": "userId", "KeyType": "HASH"}]


async def test_making_tables_again_and_at_once_changes_nothing() -> None:
    async with dynamo_client() as client:
        await asyncio.gather(tables.create(client), tables.create(client))
        await tables.check(client)
        await tables.reach(client)


async def test_a_missing_table_is_named() -> None:
    async with dynamo_client() as client:
        await client.call("DeleteTable", {"TableName": schema.LEASES})
        with pytest.raises(TableMissing, match=schema.LEASES):
            await tables.check(client)
        await tables.create(client)
        await tables.check(client)


async def test_another_programs_table_is_refused() -> None:
    http = HttpClient()
    credentials = Credentials(ministack.new_account(), ministack.SECRET)
    client = DynamoClient(http, ministack.endpoint(), ministack.REGION, credentials)
    other = tables._definition(schema.Table(schema.USAGE, "somethingElse"))
    await client.call("CreateTable", other)
    with pytest.raises(Overloaded, match="other keys"):
        await tables.create(client)
    await http.aclose()


async def test_a_table_whose_index_holds_too_little_is_refused() -> None:
    """Else what is read from it would lack what it does not hold."""
    http = HttpClient()
    credentials = Credentials(ministack.new_account(), ministack.SECRET)
    client = DynamoClient(http, ministack.endpoint(), ministack.REGION, credentials)
    (usage,) = (table for table in schema.TABLES if table.name == schema.USAGE)
    lean = tuple(index._replace(whole=False) for index in usage.indexes)
    await client.call("CreateTable", tables._definition(usage._replace(indexes=lean)))
    with pytest.raises(Overloaded, match="indexes"):
        await tables.create(client)
    await http.aclose()
