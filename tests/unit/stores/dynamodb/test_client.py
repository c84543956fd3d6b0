"""Requests to DynamoDB: what is sent, what is sent again, and what a failure is called."""

import dataclasses

import pytest

from headgate.core.errors import Overloaded
from headgate.stores.dynamodb.client import (
    ConditionFailed,
    TableExists,
    TableMissing,
    TransactionRefused,
)
from scripted_dynamo import Broken, ScriptedDynamo, cancelled, client_of, error

KEY = {"userId": {"S": "ada"}}
THROTTLED = error("ProvisionedThroughputExceededException")


async def test_a_request_names_its_operation_and_is_signed() -> None:
    dynamo = ScriptedDynamo((200, {"Item": KEY}))
    async with client_of(dynamo) as client:
        assert await client.get("t", KEY) == KEY
    (asked,) = dynamo.asked
    assert asked.operation == "GetItem"
    assert asked.body == {"TableName": "t", "Key": KEY, "ConsistentRead": True}
    assert "AKID" in asked.headers["authorization"]
    assert "/eu-west-1/dynamodb/aws4_request" in asked.headers["authorization"]
    assert asked.headers["x-amz-security-token"] == "the-token"


@pytest.mark.parametrize(
    "passing",
    [
        THROTTLED,
        error("ThrottlingException"),
        error("TransactionConflictException"),
        error("TransactionInProgressException"),
        (500, {"__type": "InternalServerError"}),
        (503, "not even an object"),
        Broken(),
    ],
)
async def test_what_may_pass_is_tried_again(passing: tuple[int, object] | Broken) -> None:
    dynamo = ScriptedDynamo(passing, passing, (200, {}))
    async with client_of(dynamo) as client:
        assert await client.call("PutItem", {"a": 1}) == {}
    assert [asked.body for asked in dynamo.asked] == [{"a": 1}] * 3


async def test_each_try_is_counted_with_what_came_of_it() -> None:
    dynamo = ScriptedDynamo(
        THROTTLED,
        (500, {"__type": "InternalServerError"}),
        (200, {}),
        error("ConditionalCheckFailedException"),
    )
    async with client_of(dynamo) as client:
        await client.call("PutItem", {})
        with pytest.raises(ConditionFailed):
            await client.call("PutItem", {})
        found = {
            one.labels["outcome"]: one.value
            for one in client.counts.measurements()
            if one.name == "headgate_table_calls"
        }
    assert found == {"throttled": 1, "failed": 1, "ok": 1, "refused": 1}


async def test_what_does_not_pass_in_time_is_told() -> None:
    dynamo = ScriptedDynamo(THROTTLED)
    async with client_of(dynamo, patience=0) as client:
        with pytest.raises(Overloaded, match="try again"):
            await client.call("PutItem", {})


@pytest.mark.parametrize(
    ("operation", "answers", "may_be_done"),
    [
        ("TransactWriteItems", [Broken()], True),
        ("UpdateItem", [(500, {"__type": "x#InternalServerError"})], True),
        ("PutItem", [(503, "not even an object")], True),
        ("TransactWriteItems", [Broken(), error("AccessDeniedException")], True),
        ("TransactWriteItems", [THROTTLED], False),
        ("TransactWriteItems", [error("AccessDeniedException")], False),
        ("TransactWriteItems", [cancelled("None", "TransactionConflict")], False),
        ("GetItem", [Broken()], False),
    ],
)
async def test_a_write_whose_answer_was_lost_may_be_done(
    operation: str, answers: list[tuple[int, object] | Broken], *, may_be_done: bool
) -> None:
    dynamo = ScriptedDynamo(*answers)
    # Time for so many tries, and no other.
    async with client_of(dynamo, patience=0.02 * (len(answers) - 1)) as client:
        with pytest.raises(Overloaded) as raised:
            await client.call(operation, {})
    assert raised.value.may_be_done is may_be_done


async def test_a_write_that_could_not_be_sent_is_not_done() -> None:
    dynamo = ScriptedDynamo()
    async with client_of(dynamo, patience=0) as client:
        nowhere = dataclasses.replace(client, endpoint="http://127.0.0.1:9")
        with pytest.raises(Overloaded) as raised:
            await nowhere.call("PutItem", {})
    assert not raised.value.may_be_done


async def test_a_transaction_that_is_sent_again_is_known_again() -> None:
    """The answer to the first may have been lost on the way."""
    dynamo = ScriptedDynamo(
        Broken(), cancelled("None", "TransactionConflict"), cancelled("ThrottlingError"), (200, {})
    )
    async with client_of(dynamo) as client:
        await client.transact([{"Put": {}}])
        tokens = {asked.body["ClientRequestToken"] for asked in dynamo.asked}
    assert len(dynamo.asked) == 4
    assert len(tokens) == 1


async def test_a_transaction_says_which_conditions_did_not_hold() -> None:
    dynamo = ScriptedDynamo(
        cancelled("None", "ConditionalCheckFailed", "TransactionConflict", "ConditionalCheckFailed")
    )
    async with client_of(dynamo) as client:
        with pytest.raises(TransactionRefused) as refused:
            await client.transact([])
    assert refused.value.failed == {1, 3}


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (error("ConditionalCheckFailedException"), ConditionFailed),
        (error("ResourceInUseException"), TableExists),
        (error("ResourceNotFoundException"), TableMissing),
        (error("ValidationException"), Overloaded),
        (cancelled("ValidationError"), Overloaded),
        (error("AccessDeniedException"), Overloaded),
    ],
)
async def test_what_stays_is_not_tried_again_and_has_a_name(
    answer: tuple[int, object], failure: type[Exception]
) -> None:
    dynamo = ScriptedDynamo(answer)
    async with client_of(dynamo) as client:
        with pytest.raises(failure) as raised:
            await client.call("PutItem", {})
    assert "secret" not in str(raised.value)


async def test_what_one_answer_could_not_hold_is_asked_for_again() -> None:
    other, unknown = {"userId": {"S": "bob"}}, {"userId": {"S": "eve"}}
    dynamo = ScriptedDynamo(
        (200, {"Responses": {"t": [other]}, "UnprocessedKeys": {"t": {"Keys": [KEY]}}}),
        (200, {"Responses": {"t": [KEY]}, "UnprocessedKeys": {}}),
    )
    async with client_of(dynamo) as client:
        assert await client.get_all("t", [KEY, unknown, other]) == [KEY, None, other]
    assert dynamo.asked[1].body["RequestItems"]["t"]["Keys"] == [KEY]


async def test_keys_that_are_left_out_for_too_long_are_an_outage() -> None:
    left_out = (200, {"Responses": {}, "UnprocessedKeys": {"t": {"Keys": [KEY]}}})
    dynamo = ScriptedDynamo(left_out)
    async with client_of(dynamo, patience=0) as client:
        with pytest.raises(Overloaded):
            await client.get_all("t", [KEY])


async def test_more_than_a_hundred_keys_are_asked_for_in_parts() -> None:
    keys = [{"userId": {"S": str(number)}} for number in range(150)]
    dynamo = ScriptedDynamo(
        (200, {"Responses": {"t": keys[:100]}}), (200, {"Responses": {"t": keys[100:]}})
    )
    async with client_of(dynamo) as client:
        assert await client.get_all("t", keys) == keys
        assert await client.get_all("t", []) == []


async def test_a_query_goes_on_over_its_pages() -> None:
    items = [{"id": {"S": name}} for name in "abc"]
    dynamo = ScriptedDynamo(
        (200, {"Items": items[:2], "LastEvaluatedKey": KEY}), (200, {"Items": items[2:]})
    )
    async with client_of(dynamo) as client:
        assert await client.query("t", {"IndexName": "i"}) == items
    assert dynamo.asked[1].body == {"TableName": "t", "IndexName": "i", "ExclusiveStartKey": KEY}


async def test_a_query_ends_where_enough_was_found() -> None:
    items = [{"id": {"S": name}} for name in "ab"]
    dynamo = ScriptedDynamo((200, {"Items": items, "LastEvaluatedKey": KEY}))
    async with client_of(dynamo) as client:
        assert await client.query("t", {}, limit=2) == items
    assert dynamo.asked[0].body["Limit"] == 2


async def test_what_was_not_deleted_is_deleted_the_next_time() -> None:
    keys = [{"userId": {"S": str(number)}} for number in range(30)]
    left_out = {"UnprocessedItems": {"t": [{"DeleteRequest": {"Key": keys[3]}}]}}
    dynamo = ScriptedDynamo((200, left_out), (200, {}), (200, {"UnprocessedItems": {}}))
    async with client_of(dynamo) as client:
        await client.delete_all("t", keys)
    asked = [each.body["RequestItems"]["t"] for each in dynamo.asked]
    assert [len(each) for each in asked] == [25, 1, 5]
    assert asked[1] == [{"DeleteRequest": {"Key": keys[3]}}]
