"""What a question reads, and answers that several processes have written."""

from collections.abc import AsyncIterator

import pytest

from dynamo_wire import Wire, wired
from headgate.core.budgets import Settlement, period_bounds
from headgate.core.ids import event_id
from headgate.core.usage import UsageEvent, UsageFilter
from headgate.stores.dynamodb.client import DynamoClient
from headgate.stores.dynamodb.usage import DynamoUsage
from headgate.stores.dynamodb.writer import Writer
from headgate.stores.time_ranges import DAY, HOUR
from ministack import account_of, dynamo_client
from usage_events import NOON, usage_event

MONTH = UsageFilter(*period_bounds("2026-11"))


@pytest.fixture
async def wire() -> AsyncIterator[tuple[DynamoClient, Wire]]:
    async with dynamo_client() as maker, wired(await account_of(maker)) as pair:
        yield pair


async def record(client: DynamoClient, events: list[UsageEvent]) -> None:
    """Each shard in turn records an event, as four processes would."""
    writers = [Writer(client, shard) for shard in range(4)]
    for number, event in enumerate(events):
        writers[number % 4].append(Settlement("process", event, ()))
    for writer in writers:
        await writer.close()


async def pages(usage: DynamoUsage, where: UsageFilter) -> list[UsageEvent]:
    found: list[UsageEvent] = []
    while page := await usage.events(where, limit=7, before=found[-1].id if found else None):
        found += page
    return found


@pytest.mark.parametrize(
    "where",
    [MONTH, MONTH._replace(user_id="ada"), MONTH._replace(key_id="sk-proj-one")],
    ids=["all", "user", "key"],
)
async def test_pages_hold_what_all_processes_wrote_in_one_order(
    wire: tuple[DynamoClient, Wire], where: UsageFilter
) -> None:
    client, _ = wire
    # Ten in one millisecond, and others in other hours and days.
    events = [usage_event(id=event_id(NOON, n, "0" * 8), timestamp=NOON) for n in range(10)]
    events += [usage_event(timestamp=NOON + n * HOUR) for n in range(1, 12)]
    events += [usage_event(timestamp=NOON - n * DAY) for n in range(1, 5)]
    await record(client, events)
    found = await pages(DynamoUsage(client), where)
    assert found == sorted(events, key=lambda event: (event.timestamp, event.id), reverse=True)


async def test_events_without_a_user_are_listed(wire: tuple[DynamoClient, Wire]) -> None:
    client, _ = wire
    nobody = usage_event(user_id=None)
    await record(client, [nobody, usage_event(), usage_event(user_id="key#sk-proj-one")])
    usage = DynamoUsage(client)
    assert await pages(usage, MONTH._replace(user_id="")) == [nobody]
    odd = MONTH._replace(user_id="key#sk-proj-one")
    assert [event.user_id for event in await pages(usage, odd)] == ["key#sk-proj-one"]


async def test_nothing_was_spent_before_there_were_computers(
    wire: tuple[DynamoClient, Wire],
) -> None:
    client, _ = wire
    usage = DynamoUsage(client)
    for first, last in (("1900-01", "1969-12"), ("1960-01", "2100-01")):
        where = UsageFilter(period_bounds(first)[0], period_bounds(last)[0])
        assert await usage.rows(where, "day") == []
        assert await usage.events(where, limit=9, before=None) == []


async def test_a_month_costs_the_same_however_many_calls_it_had(
    wire: tuple[DynamoClient, Wire],
) -> None:
    client, watched = wire
    usage = DynamoUsage(client)
    read = []
    for _ in range(2):
        await record(client, [usage_event() for _ in range(80)])
        watched.sent.clear()
        await usage.totals(MONTH)
        await usage.rows(MONTH, "model")
        read.append(len(watched.sent))
        assert not [body for _, body in watched.sent if body["TableName"] == "ai-platform-usage"]
    assert read[0] == read[1] < 13
