"""Two machines on one DynamoDB and one Redis: one budget and one rate limit, both at once."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal

import pytest

import ministack
from headgate_server import Caller, Headgate, chat, eventually, running, total
from redis_server import redis_running

ADMIN_KEY = "sk-proj-machines-0123456789abcdef"
CONFIGURATION = """
    [limits]
    requests_per_second = 1_000_000
    burst = 1_000_000
    [billing]
    markup = 0.0
    [prices.sandbox]
    input = 0
    output = 25_000
"""
# Four tokens of output at that price.
PRICE = Decimal("0.1")
CALL = chat("x [[tokens 4]]", maxTokens=4)
AT_ONCE = 200


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Headgate]]:
    with redis_running() as redis, contextlib.ExitStack() as stack:
        environment = {
            "HEADGATE_STORE": "dynamodb",
            "DYNAMODB_ENDPOINT": ministack.endpoint(),
            "AWS_ACCESS_KEY_ID": ministack.new_account(),
            "AWS_SECRET_ACCESS_KEY": ministack.SECRET,
            "HEADGATE_REDIS_URL": redis.url,
            "HEADGATE_ADMIN_KEY": ADMIN_KEY,
        }
        yield [
            stack.enter_context(
                running(
                    tmp_path_factory.mktemp("machine"),
                    configuration=CONFIGURATION,
                    environment=environment,
                )
            )
            for _ in range(2)
        ]


@pytest.fixture
async def admin(machines: list[Headgate]) -> AsyncIterator[Caller]:
    async with machines[0].caller(ADMIN_KEY) as caller:
        yield caller


async def flood(machines: list[Headgate], api_key: str, calls: int = AT_ONCE) -> Counter[int]:
    """The statuses of calls at once, to each machine in turn."""
    async with contextlib.AsyncExitStack() as stack:
        callers = [await stack.enter_async_context(machine.caller(api_key)) for machine in machines]
        answers = await asyncio.gather(
            *(callers[number % 2].post("/v1/complete", CALL) for number in range(calls))
        )
    return Counter(answer.status for answer in answers)


async def test_a_budget_and_a_rate_limit_hold_at_once_over_both_machines(
    machines: list[Headgate], admin: Caller
) -> None:
    """One key meets its budget first and one its limit, under the same load."""
    poor = await admin.new_key(monthlyBudget=2)
    slow = await admin.new_key(monthlyBudget=5, rateLimit={"requestsPerMinute": 12})
    began = time.monotonic()
    of_poor, of_slow = await asyncio.gather(
        flood(machines, poor["apiKey"]), flood(machines, slow["apiKey"])
    )
    # A request is refilled every five seconds.
    assert 12 <= of_slow[200] <= 12 + (time.monotonic() - began) / 5
    assert of_slow.keys() == {200, 429}
    assert of_poor.keys() == {200, 402}
    served = of_poor[200]
    # A machine that is late to give back what it does not use costs another a refusal only.
    while served < 20:
        more = await eventually(
            lambda: flood(machines, poor["apiKey"], 10), lambda got: got[200] > 0
        )
        served += more[200]
    assert served == 20
    for key, answered in ((poor, served), (slow, of_slow[200])):
        budget = await eventually(
            lambda: admin.budget("key", key["keyId"]),  # noqa: B023 - awaited in the loop
            lambda found: found["reserved"] == 0,
        )
        assert (budget["spent"], budget["unconfirmed"]) == (answered * PRICE, 0)
        events = await admin.events(keyId=key["keyId"])
        assert total(events) == budget["spent"]


async def test_a_call_that_the_limit_refuses_takes_nothing_from_the_budget_and_vice_versa(
    machines: list[Headgate], admin: Caller
) -> None:
    """A budget for five calls and a limit of thirty: five are answered, and no more than thirty
    are told of the budget.
    """
    both = await admin.new_key(monthlyBudget=float(5 * PRICE), rateLimit={"requestsPerMinute": 30})
    began = time.monotonic()
    statuses = await flood(machines, both["apiKey"])
    assert statuses[200] <= 5
    # A request is refilled every two seconds.
    assert 30 <= statuses[200] + statuses[402] <= 30 + (time.monotonic() - began) / 2
    assert statuses[429] == AT_ONCE - statuses[200] - statuses[402]
