"""One budget over several processes: each of them spends from it, and together they keep it."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from decimal import Decimal

import pytest

from headgate_server import Answer, Caller, Headgate, Simulator, chat, eventually, running, total

BUDGET = 5
PRICE = Decimal("0.1")
CALLS = 50


@pytest.fixture(scope="module")
def workers() -> int:
    return 3


@pytest.fixture(scope="module")
def environment(vendors: Simulator) -> Mapping[str, str]:
    return vendors.environment


@pytest.fixture(scope="module")
def configuration(vendors: Simulator) -> str:
    """A token of output of `exact` costs a cent, input nothing, and nobody adds to it."""
    return f"""
        [vendors.simulated]
        base_url = "{vendors.openai_url}"
        api_key_env = "OPENAI_API_KEY"
        models = ["exact"]

        [prices.exact]
        input = 0
        output = 10_000

        [billing]
        markup = 0

        [limits]
        requests_per_second = 1_000_000
        burst = 1_000_000
    """


@pytest.fixture(scope="module")
def beside(headgate: Headgate) -> Iterator[Headgate]:
    """A server of one process on the same data directory."""
    with running(
        headgate.directory,
        configuration=headgate.configuration,
        environment=headgate.environment,
    ) as platform:
        yield platform


async def ten_cents(caller: Caller) -> Answer:
    """A call that can cost and does cost ten cents, to whichever process takes the connection."""
    body = chat("x [[tokens 10]]", model="exact", maxTokens=10)
    return await caller.post("/v1/complete", body, connection="close")


def answered(answers: list[Answer]) -> int:
    """How many calls were answered; all others must have been refused for the budget."""
    refused = [answer for answer in answers if answer.status != 200]
    assert {answer.error["code"] for answer in refused} <= {"budget_exceeded"}
    return len(answers) - len(refused)


async def is_spent(admin: Caller, caller: Caller) -> None:
    """The caller's budget and its events say the same, and nothing is left of any call."""
    key_id = caller.key.rpartition("-")[0]
    budget = await eventually(
        lambda: admin.budget("key", key_id), lambda found: found["reserved"] == 0
    )
    assert (budget["spent"], budget["remaining"], budget["unconfirmed"]) == (BUDGET, 0, 0)
    events = await caller.events()
    assert [event["billed"] for event in events] == [PRICE] * CALLS
    assert total(events) == BUDGET


async def test_a_thousand_calls_at_once_are_exactly_fifty(
    admin: Caller, vendors: Simulator
) -> None:
    await vendors.forget()
    async with admin.newcomer(monthlyBudget=BUDGET) as caller:
        count = answered(await asyncio.gather(*(ten_cents(caller) for _ in range(1000))))
        # A process that is late to give back what it does not use costs another a refusal, and no
        # money: retries come to exactly fifty.
        while count < CALLS:
            await eventually(lambda: ten_cents(caller), lambda answer: answer.status == 200)
            count += 1
        assert count == CALLS
        assert answered([await ten_cents(caller) for _ in range(30)]) == 0
        assert len(await vendors.calls()) == CALLS
        await is_spent(admin, caller)


async def test_a_loop_of_retries_stops_at_its_budget_and_leaves_the_store_alone(
    headgate: Headgate, admin: Caller, vendors: Simulator
) -> None:
    await vendors.forget()
    async with admin.newcomer(monthlyBudget=BUDGET) as caller:
        for _ in range(CALLS):
            await eventually(lambda: ten_cents(caller), lambda answer: answer.status == 200)
        await is_spent(admin, caller)
        answers: list[Answer] = []
        writes, began = 0, time.monotonic()
        with closing(sqlite3.connect(headgate.data / "headgate.db")) as connection:
            seen = version(connection)
            for _ in range(891 - CALLS):
                answers.append(await ten_cents(caller))
                seen, before = version(connection), seen
                writes += seen != before
        assert answered(answers) == 0
        # Of calls there is none; what processes note of themselves they note by the second.
        assert writes <= 3 + (time.monotonic() - began)
        assert len(await vendors.calls()) == CALLS
        await is_spent(admin, caller)


def version(connection: sqlite3.Connection) -> int:
    """Another number after each commit of another process that changed something."""
    found: int = connection.execute("PRAGMA data_version").fetchone()[0]
    return found


async def test_money_that_one_server_does_not_use_is_not_refused_by_another(
    admin: Caller, beside: Headgate
) -> None:
    """Though the one is never idle, so that it does not give the money back by itself."""
    async with admin.newcomer(monthlyBudget=1) as caller, beside.caller(caller.key) as other:

        async def ask() -> list[int]:
            keeps = await other.ask("x [[tokens 0]]", model="exact", maxTokens=50)
            wants = await caller.ask("x [[tokens 1]]", model="exact", maxTokens=90)
            return [keeps.status, wants.status]

        await eventually(ask, lambda statuses: statuses == [200, 200])
