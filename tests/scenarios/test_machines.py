"""Three machines over one DynamoDB are one platform to those who call it."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path

import httpx2
import pytest

import ministack
from agent_runs import ended, events_of, run_of
from headgate_server import Answer, Caller, Headgate, chat, eventually, running, total

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
LEASE_SECONDS = 60


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Headgate]]:
    environment = {
        "HEADGATE_STORE": "dynamodb",
        "DYNAMODB_ENDPOINT": ministack.endpoint(),
        "AWS_ACCESS_KEY_ID": ministack.new_account(),
        "AWS_SECRET_ACCESS_KEY": ministack.SECRET,
        "HEADGATE_ADMIN_KEY": ADMIN_KEY,
    }

    def directory() -> Path:
        return tmp_path_factory.mktemp("machine")

    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(
                running(directory(), configuration=CONFIGURATION, environment=environment)
            )
            for _ in range(3)
        ]


async def ask_all(callers: Sequence[Caller], count: int) -> list[Answer]:
    """So many calls at once, to each machine in turn."""
    return await asyncio.gather(
        *(callers[number % len(callers)].post("/v1/complete", CALL) for number in range(count))
    )


async def test_a_document_that_one_machine_has_added_is_found_by_all(
    machines: list[Headgate],
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        callers = [
            await stack.enter_async_context(machine.caller(ADMIN_KEY)) for machine in machines
        ]
        first, *others = callers
        body = {"name": "ferries.md", "text": "# Ferries\n\nThey sail at noon."}
        added = await first.post("/v1/documents", body)
        assert added.status == 201, added.body
        document_id = added.json["data"][0]["id"]
        for caller in others:
            answer = await caller.post("/v1/search", {"query": "when do ferries sail"})
            assert [one["documentId"] for one in answer.json["results"]] == [document_id]
        assert (await others[0].send("DELETE", f"/v1/documents/{document_id}")).status == 200
        answer = await first.post("/v1/search", {"query": "when do ferries sail"})
        assert answer.json == {"results": []}


async def test_a_run_is_the_same_on_all_machines(machines: list[Headgate]) -> None:
    """One of them works on it; all tell of it, and start it once under an idempotency key."""
    order = {"type": "react", "model": "sandbox", "input": "[[say done]]", "tools": []}
    async with contextlib.AsyncExitStack() as stack:
        callers = [
            await stack.enter_async_context(machine.caller(ADMIN_KEY)) for machine in machines
        ]
        answers = await asyncio.gather(
            *(
                caller.post("/v1/agents/run", order, **{"Idempotency-Key": "the-one"})
                for caller in callers
            )
        )
        (run_id,) = {answer.json["runId"] for answer in answers}
        run = await ended(callers[0], run_id)
        assert (run["status"], run["output"]) == ("succeeded", {"text": "done"})
        logs = [await events_of(caller, run_id) for caller in callers]
        assert logs[0] == logs[1] == logs[2]
        assert [event["seq"] for event in logs[0]] == list(range(1, len(logs[0]) + 1))
        assert {event["attempt"] for event in logs[0]} == {1}
        events = await callers[1].get("/v1/usage/events", runId=run_id)
        assert len([row for row in events["data"] if row["runId"] == run_id]) == 1


async def test_any_machine_stops_a_run_of_another(machines: list[Headgate]) -> None:
    order = {"type": "react", "model": "sandbox", "input": "[[delay 60000]] x", "tools": []}
    async with contextlib.AsyncExitStack() as stack:
        callers = [
            await stack.enter_async_context(machine.caller(ADMIN_KEY)) for machine in machines
        ]
        run_id = (await callers[0].post("/v1/agents/run", order)).json["runId"]
        await eventually(
            lambda: run_of(callers[1], run_id), lambda run: bool(run["steps"]), seconds=60
        )
        for caller in callers:
            assert (await caller.post(f"/v1/agents/runs/{run_id}/cancel", {})).status == 200
        assert (await ended(callers[2], run_id))["status"] == "cancelled"


async def test_what_agents_remember_is_known_on_all_machines(machines: list[Headgate]) -> None:
    async with contextlib.AsyncExitStack() as stack:
        callers = [
            await stack.enter_async_context(machine.caller(ADMIN_KEY)) for machine in machines
        ]
        fact = {"text": "The harbour freezes in February."}
        assert (await callers[0].post("/v1/agents/memory", fact)).status == 201
        told = await callers[1].get("/v1/agents/memory", query="harbour")
        assert [one["text"] for one in told["data"]] == [fact["text"]]


async def test_a_users_data_are_deleted_on_all_machines_and_no_money_is_lost(
    machines: list[Headgate],
) -> None:
    user, path = "sales/ada b", "/v1/users/sales%2Fada%20b/data"
    async with contextlib.AsyncExitStack() as stack:
        admins = [
            await stack.enter_async_context(machine.caller(ADMIN_KEY)) for machine in machines
        ]
        key = (await admins[0].new_key(userId=user))["apiKey"]
        callers = [await stack.enter_async_context(machine.caller(key)) for machine in machines]
        for number, caller in enumerate(callers):
            answer = await caller.post("/v1/complete", CALL, **{"Idempotency-Key": f"{number}"})
            assert answer.status == 200, answer.body
        before = (await admins[1].get("/v1/usage", groupBy="user"))["rows"]
        (spent,) = [row for row in before if row["user"] == user]
        assert spent["billed"] == len(machines) * PRICE

        async def delete() -> Answer:
            return await admins[2].send("DELETE", path)

        # A second request goes on where the first one had no time left.
        await eventually(
            delete, lambda told: (told.json["removed"], told.json["waiting"]) == (0, 0)
        )
        for caller, admin in zip(callers, admins, strict=True):
            models = partial(caller.send, "GET", "/v1/models")
            await eventually(models, lambda told: told.status == 401)
            rows = {
                row["user"]: row for row in (await admin.get("/v1/usage", groupBy="user"))["rows"]
            }
            assert user not in rows
            (name,) = [name for name in rows if name and name.startswith("deleted-")]
            assert rows[name] == {**spent, "user": name}
            assert (await admin.budget("user", name))["spent"] == spent["billed"]
            assert (await admin.budget("user", user))["spent"] == 0
            assert (await admin.get(path))["status"] == "under_way"


async def test_a_thousand_calls_on_three_machines_spend_a_budget_to_the_cent(
    machines: list[Headgate],
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        admin = await stack.enter_async_context(machines[0].caller(ADMIN_KEY))
        key = await admin.new_key(monthlyBudget=5)
        callers = [
            await stack.enter_async_context(machine.caller(key["apiKey"])) for machine in machines
        ]
        answers = await ask_all(callers, 1_000)
        assert {answer.status for answer in answers} == {200, 402}
        admitted = sum(answer.status == 200 for answer in answers)
        # A machine that is late to give back what it does not use costs another a refusal, and no
        # money: retries come to exactly 50.
        while admitted < 50:
            more = await eventually(
                lambda: ask_all(callers, 30), lambda got: any(each.status == 200 for each in got)
            )
            admitted += sum(answer.status == 200 for answer in more)
        assert admitted == 50
        assert {answer.status for answer in await ask_all(callers, 30)} == {402}
        events = await callers[1].events()
        assert len(events) == 50
        assert total(events) == 50 * PRICE
        budget = await admin.budget("key", key["keyId"])
        assert (budget["spent"], budget["unconfirmed"]) == (5, 0)


async def test_what_a_dead_machine_held_is_resolved_by_the_others(
    machines: list[Headgate],
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        admin = await stack.enter_async_context(machines[0].caller(ADMIN_KEY))
        key = await admin.new_key(monthlyBudget=5)
        doomed = await stack.enter_async_context(machines[2].caller(key["apiKey"]))
        answers = await ask_all([doomed], 20)
        served = sum(answer.status == 200 for answer in answers)
        assert served == 20
        under_way = asyncio.create_task(
            doomed.post("/v1/complete", chat("[[delay 60000]] x", maxTokens=4))
        )
        await eventually(
            lambda: admin.budget("key", key["keyId"]), lambda found: found["reserved"] > 0
        )
        machines[2].kill()
        with contextlib.suppress(httpx2.TransportError):
            await under_way
        budget = await eventually(
            lambda: admin.budget("key", key["keyId"]),
            lambda found: found["unconfirmed"] > 0,
            seconds=LEASE_SECONDS,
        )
        assert budget["spent"] == served * PRICE + budget["unconfirmed"]
        survivor = await stack.enter_async_context(machines[0].caller(key["apiKey"]))
        assert len(await survivor.events()) == served
