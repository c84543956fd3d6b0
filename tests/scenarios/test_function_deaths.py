"""A function that dies, or stands still for long, at each request that a call makes of DynamoDB."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import pytest

from dynamo_wire import Wire
from headgate.core.budgets import Account, AccountState, Limit, period_of
from headgate.core.errors import Overloaded
from headgate.core.usage import UsageEvent
from headgate.gateway.escrow import LEASE_SECONDS, MARGIN_SECONDS, Escrow
from headgate.stores.dynamodb.client import DynamoClient
from headgate.stores.dynamodb.ledger import DynamoLedger
from headgate.transport.http import HttpBroke, HttpResponse, HttpUnreachable
from ministack import dynamo_client
from usage_events import NOON, usage_event

CEILING, BILLED = 100, 40
USER = Account("user", "ada")
NOW = NOON / 1000
PERIOD = period_of(NOW)
# What a call asks of DynamoDB, from its limits to the end of its record; no more than this.
MOST_REQUESTS = 10


class DyingWire(Wire):
    """Carries so many requests and no more; the last one's answer may be lost."""

    def __init__(self, requests: int, *, loses_last: bool) -> None:
        super().__init__()
        self.left = requests
        self.loses_last = loses_last

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> HttpResponse:
        if not self.left:
            raise HttpUnreachable("the process is dead")
        self.left -= 1
        response = await super().send(method, url, headers=headers, body=body)
        if self.loses_last and not self.left:
            raise HttpBroke("the process died before the answer came")
        return response


@dataclass
class Death:
    """One function, one call, and what others know afterwards.

    Attributes:
        began_record: whether the call had got so far that its record was begun.
        was_told: whether its caller saw it finish.
    """

    wire: DyingWire
    key: Account
    event: UsageEvent
    others: DynamoLedger
    escrow: Escrow
    began_record: bool = False
    was_told: bool = False

    async def call(self) -> None:
        """Make the call, until the wire ends."""
        with contextlib.suppress(Overloaded):
            hold = await self.escrow.reserve(await self.escrow.books((self.key, USER)), CEILING)
            record = self.escrow.settle(hold, self.event)
            self.began_record = True
            await record
            self.was_told = True

    async def state(self, account: Account) -> AccountState:
        """What the others know of an account."""
        (state,) = await self.others.states([account], PERIOD)
        return state


@pytest.fixture
async def platform() -> AsyncIterator[DynamoClient]:
    async with dynamo_client() as client:
        yield client


async def died(platform: DynamoClient, requests: int, *, loses_last: bool) -> Death:
    """A function after its death at this request, whose leases the others have resolved."""
    key = Account("key", f"sk-proj-{requests}-{loses_last}")
    event = usage_event(key_id=key.id, billed=BILLED)
    others = DynamoLedger(platform)
    await others.set_limit(key, Limit(amount=1_000))
    wire = DyingWire(requests, loses_last=loses_last)
    client = DynamoClient(
        wire,
        platform.endpoint,
        platform.region,
        platform.credentials,
        clock=lambda: NOW,
        patience_seconds=0.0,
    )
    escrow = Escrow(DynamoLedger(client), clock=lambda: NOW, lead_ticks=0)
    death = Death(wire, key, event, others, escrow)
    await death.call()
    await others.expire(now=NOW + LEASE_SECONDS + MARGIN_SECONDS + 1)
    return death


@pytest.mark.parametrize("loses_last", [False, True], ids=["unsent", "unheard"])
async def test_wherever_a_function_dies_nothing_is_lost_stuck_or_counted_twice(
    platform: DynamoClient, loses_last: bool
) -> None:
    told = 0
    before = (await DynamoLedger(platform).states([USER], PERIOD))[0].spent
    for requests in range(MOST_REQUESTS):
        death = await died(platform, requests, loses_last=loses_last)
        state, user = await death.state(death.key), await death.state(USER)
        recorded = state.spent - state.unconfirmed
        # Nothing stays reserved, and the row's accounts are charged together or not at all.
        assert state.granted == state.spent, requests
        assert recorded in (0, BILLED), requests
        assert user.spent - before == recorded, requests
        assert state.unconfirmed in (0, CEILING), requests
        assert recorded == BILLED or not death.was_told, requests
        assert not (recorded and state.unconfirmed), requests
        told, before = told + death.was_told, user.spent
        await death.wire.aclose()
    assert told, "every call was cut off: not all of them had to be"


@pytest.mark.parametrize("loses_last", [False, True], ids=["unsent", "unheard"])
async def test_a_function_that_stood_still_records_what_it_knows_when_it_goes_on(
    platform: DynamoClient, loses_last: bool
) -> None:
    for requests in range(MOST_REQUESTS):
        death = await died(platform, requests, loses_last=loses_last)
        death.wire.left = 1_000
        await death.escrow.rest()
        state = await death.state(death.key)
        assert state.granted == state.spent, requests
        if death.began_record:
            assert (state.spent, state.unconfirmed) == (BILLED, 0), requests
        else:
            assert state.spent == state.unconfirmed, requests
        await death.wire.aclose()
