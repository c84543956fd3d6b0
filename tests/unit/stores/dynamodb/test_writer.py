"""How calls are settled together, and what one that cannot be settled does to the others."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from dynamo_wire import Wire, wired
from headgate.core.answers import AnswerKey, KeptAnswer
from headgate.core.budgets import Account, Charge, LeaseId, Limit, Settlement, period_bounds
from headgate.core.errors import Overloaded
from headgate.core.usage import UsageFilter
from headgate.stores.dynamodb import answers, events
from headgate.stores.dynamodb.client import DynamoClient
from headgate.stores.dynamodb.ledger import DynamoLedger
from headgate.stores.dynamodb.schema import BUDGETS, LEASES, ROLLUPS, USAGE
from headgate.stores.dynamodb.usage import DynamoUsage
from headgate.stores.dynamodb.writer import MOST_ITEMS, Writer
from ministack import account_of, dynamo_client
from usage_events import NOON, usage_event

PERIOD = "2026-11"
KEY = Account("key", "sk-proj-one")
MONTH = UsageFilter(*period_bounds(PERIOD))


@pytest.fixture
async def wire() -> AsyncIterator[tuple[DynamoClient, Wire]]:
    async with (
        dynamo_client() as maker,
        wired(await account_of(maker), patience=0.2) as pair,
    ):
        yield pair


def call(*, billed: int = 10, leased: int = 0, **fields: object) -> Settlement:
    event = usage_event(billed=billed, **fields)
    return Settlement("process-1", event, (Charge(KEY, PERIOD, billed, leased),))


async def spent(client: DynamoClient) -> int:
    (state,) = await DynamoLedger(client).states([KEY], PERIOD)
    totals = await DynamoUsage(client).totals(MONTH)
    assert totals.billed == state.spent
    return state.spent


async def test_what_arrives_at_once_goes_in_few_transactions_of_whole_calls(
    wire: tuple[DynamoClient, Wire],
) -> None:
    client, watched = wire
    writer = Writer(client, 0)
    calls = [call(user_id=f"user-{number % 40}", tags=("a", "b")) for number in range(250)]
    await asyncio.gather(*map(writer.append, calls))
    sizes = [len(actions) for actions in watched.transactions()]
    assert max(sizes) <= MOST_ITEMS
    assert 3 <= len(sizes) < 25
    assert await spent(client) == 2_500


async def test_large_rows_are_parted_by_their_size(wire: tuple[DynamoClient, Wire]) -> None:
    client, watched = wire
    writer = Writer(client, 0)
    calls = [call(use_case="x" * 300_000) for _ in range(12)]
    await asyncio.gather(*map(writer.append, calls))
    sizes = [len(msgspec.json.encode(actions)) for actions in watched.transactions()]
    assert max(sizes) < 4_000_000
    assert await spent(client) == 120


async def test_a_long_answer_keeps_no_other_call_waiting(wire: tuple[DynamoClient, Wire]) -> None:
    client, watched = wire
    writer = Writer(client, 0)
    kept = KeptAnswer(
        key=AnswerKey("a call", "its body"),
        model="gpt-4o",
        provider="openai",
        body=bytes(3 * answers.PIECE_BYTES),
        expires_at=NOON + 60,
    )
    long = writer.append(msgspec.structs.replace(call(), answer=kept))
    await writer.append(call())
    assert len(watched.transactions()) == 1
    assert not long.done()
    await writer.close()
    assert long.done()
    assert len(watched.transactions()) == 2
    assert await answers.DynamoAnswers(client).find("a call", now=NOON) == kept


async def test_one_call_that_needs_a_closer_look_keeps_no_other_out(
    wire: tuple[DynamoClient, Wire],
) -> None:
    client, _ = wire
    writer = Writer(client, 0)
    known, unleased = call(), call(leased=10)
    await writer.append(known)
    await asyncio.gather(*map(writer.append, [call(), known, unleased, call()]))
    assert await spent(client) == 40


async def test_two_events_of_one_place_both_survive(wire: tuple[DynamoClient, Wire]) -> None:
    by_slot: dict[int, str] = {}
    pair: tuple[str, str] | None = None
    for number in range(100_000):
        event_id = f"evt_{number}"
        other = by_slot.setdefault(events.first_slot(usage_event(id=event_id)), event_id)
        if other != event_id:
            pair = other, event_id
            break
    assert pair
    client, _ = wire
    writer = Writer(client, 0)
    first, second = call(id=pair[0]), call(id=pair[1])
    for settled in (first, second, second, first):
        await writer.append(settled)
    await asyncio.gather(*map(writer.append, (second, first)))
    found = await DynamoUsage(client).events(MONTH, limit=9, before=None)
    assert sorted(event.id for event in found) == sorted(pair)
    assert await spent(client) == 20


async def test_a_call_whose_answer_was_lost_is_recorded_once(
    wire: tuple[DynamoClient, Wire],
) -> None:
    client, disturbed = wire
    disturbed.lost["TransactWriteItems"] = 1
    await Writer(client, 0).append(call())
    assert len(disturbed.transactions()) == 2
    assert await spent(client) == 10


async def test_while_the_store_is_away_callers_are_told_and_may_come_again(
    wire: tuple[DynamoClient, Wire],
) -> None:
    client, disturbed = wire
    writer = Writer(client, 0)
    disturbed.is_cut = True
    one, other = call(), call(user_id="bob")
    told = await asyncio.gather(writer.append(one), writer.append(other), return_exceptions=True)
    assert [type(error) for error in told] == [Overloaded, Overloaded]
    disturbed.is_cut = False
    await asyncio.gather(writer.append(one), writer.append(other))
    assert await spent(client) == 20


async def test_a_call_is_recorded_even_where_nobody_waits_any_more(
    wire: tuple[DynamoClient, Wire],
) -> None:
    client, _ = wire
    writer = Writer(client, 0)
    writer.append(call()).cancel()
    await writer.close()
    assert await spent(client) == 10


async def test_a_closed_writer_takes_nothing(wire: tuple[DynamoClient, Wire]) -> None:
    client, _ = wire
    writer = Writer(client, 0)
    await writer.close()
    with pytest.raises(Overloaded, match="closed"):
        await writer.append(call())


async def test_a_lease_that_ends_between_reading_and_writing_is_read_again(
    wire: tuple[DynamoClient, Wire],
) -> None:
    client, disturbed = wire
    ledger = DynamoLedger(client)
    lease = LeaseId("process-1", KEY, PERIOD)
    await ledger.set_limit(KEY, Limit(amount=100))
    await ledger.lease(lease, least=50, most=50, expires_at=NOON / 1000)

    async def end() -> None:
        await ledger.expire(now=NOON)

    # More than the lease covers, so that it is looked at in full, and then it ends.
    disturbed.before["Query"] = end
    await ledger.settle(call(billed=60, leased=60))
    (state,) = await ledger.states([KEY], PERIOD)
    assert (state.granted, state.spent, state.unconfirmed) == (60, 60, 0)


async def leased(ledger: DynamoLedger, amount: int) -> LeaseId:
    lease = LeaseId("process-1", KEY, PERIOD)
    await ledger.set_limit(KEY, Limit(amount=100))
    assert await ledger.lease(lease, least=amount, most=amount, expires_at=NOON / 1000) == amount
    return lease


def last_call(billed: int, returned: int) -> Settlement:
    """A call that ends its lease."""
    charge = Charge(KEY, PERIOD, billed, billed, returned)
    return Settlement("process-1", usage_event(billed=billed), (charge,))


async def sums(ledger: DynamoLedger) -> tuple[int, int, int]:
    (state,) = await ledger.states([KEY], PERIOD)
    return state.granted, state.spent, state.unconfirmed


async def test_a_lease_ends_in_the_transaction_of_its_last_call(
    wire: tuple[DynamoClient, Wire],
) -> None:
    """Whenever the process dies, either both were done or neither."""
    client, disturbed = wire
    ledger = DynamoLedger(client)
    await leased(ledger, 80)
    disturbed.sent.clear()
    await ledger.settle(last_call(30, 50))
    (transaction,) = disturbed.transactions()
    tables = [what["TableName"] for action in transaction for what in action.values()]
    assert sorted(tables) == sorted([USAGE, LEASES, BUDGETS, ROLLUPS, ROLLUPS])
    assert await sums(ledger) == (30, 30, 0)


async def test_a_lease_whose_end_was_lost_on_its_way_ends_once(
    wire: tuple[DynamoClient, Wire],
) -> None:
    client, disturbed = wire
    ledger = DynamoLedger(client)
    await leased(ledger, 80)
    settled = last_call(30, 50)
    disturbed.lost["TransactWriteItems"] = 1
    await ledger.settle(settled)
    # Another process may find it unsaid, and say it again, long after DynamoDB knows the token.
    await DynamoLedger(client).settle(settled)
    assert await sums(ledger) == (30, 30, 0)


async def test_a_lease_that_others_resolve_before_its_last_call_is_written_counts_once(
    wire: tuple[DynamoClient, Wire],
) -> None:
    client, disturbed = wire
    ledger = DynamoLedger(client)
    await leased(ledger, 80)

    async def resolve() -> None:
        assert await DynamoLedger(client).expire(now=NOON) == 1
        assert await sums(ledger) == (80, 80, 80)

    disturbed.before["TransactWriteItems"] = resolve
    await ledger.settle(last_call(30, 50))
    assert await sums(ledger) == (30, 30, 0)


async def test_a_grant_that_was_read_before_a_lease_ended_is_read_again(
    wire: tuple[DynamoClient, Wire],
) -> None:
    """What came back may be granted to another at once, and never more than that."""
    client, disturbed = wire
    ledger, other = DynamoLedger(client), DynamoLedger(client)
    await leased(ledger, 80)

    async def end() -> None:
        await ledger.settle(last_call(30, 50))

    lease = LeaseId("process-2", KEY, PERIOD)
    disturbed.before["TransactWriteItems"] = end
    assert await other.lease(lease, least=1, most=100, expires_at=NOON / 1000) == 70
    assert await sums(ledger) == (100, 30, 0)
