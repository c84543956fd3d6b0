"""The cost model: its arithmetic, its tables, and the limit that the design keeps."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

import cost
import ministack
from cost import MOST_FIXED, ON_TASKS, Design, Prices, Usage, bill, fixed, total
from headgate.core.budgets import Account, Charge, LeaseId, Limit, Settlement
from headgate.stores.dynamodb.client import DynamoClient
from headgate.stores.dynamodb.ledger import DynamoLedger
from headgate.stores.dynamodb.schema import BUDGETS, LEASES, ROLLUPS, TABLES, USAGE
from usage_events import usage_event

NOTHING = Usage(requests=0)


def part(name: str, design: Design, usage: Usage = NOTHING) -> cost.Line:
    (line,) = [line for line in bill(design, usage, Prices()) if line.part == name]
    return line


def test_the_design_costs_little_without_a_request() -> None:
    lines = bill(Design(), NOTHING, Prices())
    assert fixed(lines) <= MOST_FIXED
    assert total(lines) == pytest.approx(fixed(lines))


def test_a_design_that_costs_more_would_be_noticed() -> None:
    assert fixed(bill(Design(egress="nat"), NOTHING, Prices())) > MOST_FIXED
    assert fixed(bill(Design(tasks_min=4, tasks_on_demand=4), NOTHING, Prices())) > MOST_FIXED


def test_the_parts_are_what_hours_and_units_make() -> None:
    assert part("Lambda", Design()).fixed == pytest.approx(5 * 0.5 * 730 * 3600 * 0.0000033334)
    assert part("Public addresses", Design()).fixed == pytest.approx(2 * 730 * 0.005)
    assert part("NAT gateway", Design(egress="nat")).fixed == pytest.approx(730 * 0.045)
    assert part("Load balancer", Design()).fixed == 0
    assert part("API Gateway", Design(), Usage()).by_use == pytest.approx(3.5)


def test_a_call_costs_in_proportion_to_its_length() -> None:
    short, long = (part("Lambda", Design(), Usage(mean_seconds=s)).by_use for s in (1, 11))
    assert long - short == pytest.approx(1_000_000 * 10 * 0.5 * 0.0000077779)
    assert part("Lambda", ON_TASKS, Usage(mean_seconds=11)).by_use == 0


def test_long_streams_are_cheaper_on_tasks() -> None:
    seconds = cost.break_even_seconds(Usage(), Prices())
    assert 2 < seconds < 4
    for usage, cheaper in (
        (Usage(mean_seconds=seconds - 0.5), Design()),
        (Usage(mean_seconds=seconds + 0.5), ON_TASKS),
    ):
        other = ON_TASKS if cheaper == Design() else Design()
        assert total(bill(cheaper, usage, Prices())) < total(bill(other, usage, Prices()))


def test_the_guide_has_the_tables_as_they_are() -> None:
    guide = cost.GUIDE.read_text()
    assert cost.with_tables(guide) == guide, "run `make cost`"
    assert "| **all** |" in guide


class CountsUnits(DynamoClient):
    """DynamoDB, with the units that its writes take by AWS's rules for items of up to 1 KB.

    An action of a transaction takes two, any other write one; and each index that an item is in
    takes one more.
    """

    taken: ClassVar[list[tuple[str, int]]] = []

    async def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        if operation == "TransactWriteItems":
            for action in request["TransactItems"]:
                ((kind, what),) = action.items()
                self.taken.append((what["TableName"], 2 + indexes_of(kind, what["TableName"])))
        elif operation in {"PutItem", "UpdateItem", "DeleteItem"}:
            self.taken.append((request["TableName"], 1))
        return await super().call(operation, request)


def indexes_of(kind: str, name: str) -> int:
    (table,) = [table for table in TABLES if table.name == name]
    return len(table.indexes) if kind == "Put" else 0


async def test_a_call_takes_as_many_units_as_the_model_says() -> None:
    """A call of a function: one key's budget limits it, and its lease is for it alone."""
    async with ministack.dynamo_client() as client:
        counting = CountsUnits(client.http, client.endpoint, client.region, client.credentials)
        ledger = DynamoLedger(counting)
        key, period = Account("key", "sk-proj-one"), "2026-11"
        accounts = [key, Account("user", "a"), Account("workspace", "w"), Account("model", "m")]
        await ledger.set_limit(key, Limit(amount=1_000))
        for owner in ("first", "second"):  # a process says once that it writes in this month
            counting.taken.clear()
            lease = LeaseId(owner, key, period)
            assert await ledger.lease(lease, least=200, most=200, expires_at=1e12) == 200
            charges = [Charge(one, period, 102, 102 if one == key else 0) for one in accounts]
            await ledger.settle(Settlement(owner, usage_event(), tuple(charges)))
            await ledger.give_back(lease, 98)
        await ledger.close()
    assert sum(units for _, units in counting.taken) == Usage().writes
    by_table: Counter[str] = Counter()
    for table, units in counting.taken:
        by_table[table] += units
    assert by_table == {USAGE: 5, BUDGETS: 14, LEASES: 6, ROLLUPS: 4}
