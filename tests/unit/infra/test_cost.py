"""The cost model: its arithmetic, its tables, and the limit that the design keeps."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

import cost
import ministack
from cost import MOST_FIXED, ON_TASKS, Design, Prices, Usage, bill, fixed, total
from headgate.core.budgets import Account, Limit
from headgate.core.keys import KeySecret, VirtualKey
from headgate.gateway.escrow import Escrow
from headgate.stores.dynamodb.client import DynamoClient
from headgate.stores.dynamodb.keys import DynamoKeys
from headgate.stores.dynamodb.ledger import DynamoLedger
from headgate.stores.dynamodb.schema import BUDGETS, KEYS, LEASES, ROLLUPS, TABLES, USAGE
from headgate.stores.dynamodb.vendor_keys import DynamoVendorKeys
from headgate.stores.dynamodb.workspaces import DynamoWorkspaces
from usage_events import usage_event

NOTHING = Usage(requests=0)


def part(name: str, design: Design, usage: Usage = NOTHING) -> cost.Line:
    (line,) = [line for line in bill(design, usage, Prices()) if line.part == name]
    return line


def test_the_design_costs_little_without_a_request() -> None:
    lines = bill(Design(), NOTHING, Prices())
    assert fixed(lines) <= MOST_FIXED
    assert total(lines) == pytest.approx(fixed(lines))


def test_a_million_calls_cost_well_under_half_of_the_usual_design() -> None:
    """Of the parts that both have: it has no database, no addresses and nothing kept warm."""
    lines = bill(Design(), Usage(), Prices())
    assert total(cost.parts_of_both(lines)) < 0.4 * sum(cost.REFERENCE.values())


def test_a_design_that_costs_more_would_be_noticed() -> None:
    assert fixed(bill(Design(egress="nat"), NOTHING, Prices())) > MOST_FIXED
    assert fixed(bill(Design(tasks_min=4, tasks_on_demand=4), NOTHING, Prices())) > MOST_FIXED


def test_the_parts_are_what_hours_and_units_make() -> None:
    assert part("Lambda", Design()).fixed == pytest.approx(5 * 0.25 * 730 * 3600 * 0.0000033334)
    assert part("Public addresses", Design()).fixed == pytest.approx(2 * 730 * 0.005)
    assert part("NAT gateway", Design(egress="nat")).fixed == pytest.approx(730 * 0.045)
    assert part("Load balancer", Design()).fixed == 0
    assert part("API Gateway", Design(), Usage()).by_use == pytest.approx(3.5)


def test_a_call_costs_in_proportion_to_its_length() -> None:
    short, long = (part("Lambda", Design(), Usage(mean_seconds=s)).by_use for s in (1, 11))
    assert long - short == pytest.approx(1_000_000 * 10 * 0.25 * 0.0000077778)
    assert part("Lambda", ON_TASKS, Usage(mean_seconds=11)).by_use == 0


def test_long_streams_are_cheaper_on_tasks() -> None:
    seconds = cost.break_even_seconds(Usage(), Prices())
    assert 9 < seconds < 14
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
    """DynamoDB, with the units that its requests take by AWS's rules for items of up to 1 KB.

    An action of a transaction takes two, any other write one; and each index that an item is in
    takes one more. Whatever is read as it is now takes one, whether or not it is there.
    """

    written: ClassVar[list[tuple[str, int]]] = []
    read: ClassVar[list[tuple[str, int]]] = []

    async def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        if operation == "TransactWriteItems":
            for action in request["TransactItems"]:
                ((kind, what),) = action.items()
                self.written.append((what["TableName"], 2 + indexes_of(kind, what["TableName"])))
        elif operation in {"PutItem", "UpdateItem", "DeleteItem"}:
            self.written.append((request["TableName"], 1))
        elif operation == "BatchGetItem":
            for table, wanted in request["RequestItems"].items():
                assert wanted["ConsistentRead"]
                self.read.append((table, len(wanted["Keys"])))
        else:
            assert request["ConsistentRead"], operation
            self.read.append((request["TableName"], 1))
        return await super().call(operation, request)


def indexes_of(kind: str, name: str) -> int:
    (table,) = [table for table in TABLES if table.name == name]
    return len(table.indexes) if kind == "Put" else 0


def by_table(units: list[tuple[str, int]]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for table, taken in units:
        sums[table] += taken
    return sums


async def test_a_call_takes_as_many_units_as_the_model_says() -> None:
    """A call of a function: one key's budget limits it, and its lease is for it alone.

    First the key, its user's own vendor keys and its workspace are looked up, as for every call
    that comes more than a second after the last one.
    """
    async with ministack.dynamo_client() as client:
        counting = CountsUnits(client.http, client.endpoint, client.region, client.credentials)
        key = VirtualKey(
            key_id="sk-proj-one", name="one", scopes=frozenset({"ai:complete"}), created_at=1.0
        )
        await DynamoKeys(client).add(key, KeySecret("hash", key.key_id))
        limited = Account("key", key.key_id)
        accounts = [limited, Account("user", "a"), Account("workspace", "w"), Account("model", "m")]
        ledger = DynamoLedger(counting)
        await ledger.set_limit(limited, Limit(amount=1_000))
        for _ in range(2):  # a process says once that it writes in this month
            counting.written.clear()
            counting.read.clear()
            await DynamoKeys(counting).find("hash")
            await DynamoVendorKeys(counting).of_user("a")
            await DynamoWorkspaces(counting).get("w")
            escrow = Escrow(ledger, lead_ticks=0)
            hold = await escrow.reserve(await escrow.books(accounts), 200)
            await escrow.settle(hold, usage_event(billed=102))
            await escrow.rest()
        await ledger.close()
    written, read = by_table(counting.written), by_table(counting.read)
    assert written == {USAGE: 4, BUDGETS: 10, LEASES: 4, ROLLUPS: 4}
    assert read == {KEYS: 4, BUDGETS: 15, LEASES: 1}
    assert (written.total(), read.total()) == (Usage().writes, Usage().reads)
