"""Two processes over one data directory are one platform to those who call it."""

import asyncio
from decimal import Decimal

import pytest

from headgate_server import Answer, Caller, Headgate, chat, eventually, total

AT_ONCE = 24


@pytest.fixture(scope="module")
def workers() -> int:
    return 2


@pytest.fixture(scope="module")
def configuration() -> str:
    return """
        [limits]
        requests_per_second = 1_000_000
        burst = 1_000_000
    """


async def ask_all(caller: Caller, text: str = "hello", *, rounds: int = 1) -> list[Answer]:
    """Calls on connections of their own, some at once, so that every process gets some of them."""
    close = {"connection": "close"}
    return [
        answer
        for _ in range(rounds)
        for answer in await asyncio.gather(
            *(caller.post("/v1/complete", chat(text, maxTokens=4), **close) for _ in range(AT_ONCE))
        )
    ]


def charged(answers: list[Answer]) -> set[Decimal]:
    """What the calls were billed, each amount once."""
    return {Decimal(answer.headers["x-cost"]) for answer in answers}


def statuses(answers: list[Answer]) -> set[int]:
    return {answer.status for answer in answers}


def test_the_admin_key_is_made_and_printed_once(headgate: Headgate) -> None:
    printed = headgate.command.output
    assert printed.count("Your admin key") == 1
    assert printed.count("is ready on") == 1


async def test_whichever_worker_is_asked_tells_the_calls_of_all(admin: Caller) -> None:
    async with admin.newcomer() as caller:
        before = await counted(admin)
        answers = await ask_all(caller, rounds=2)
        assert statuses(answers) == {200}
        # Each of them is asked, over connections of its own, until it has heard of the others.
        for _ in range(6):
            await eventually(lambda: counted(admin), lambda now: now == before + len(answers))


async def counted(caller: Caller) -> float:
    """How many calls to the sandbox were answered, as one of the workers tells."""
    answer = await caller.send("GET", "/metrics", headers={"connection": "close"})
    wanted = 'headgate_model_calls_total{model="sandbox",provider="sandbox",status="ok"} '
    lines = answer.body.decode().splitlines()
    return sum(float(line.removeprefix(wanted)) for line in lines if line.startswith(wanted))


async def test_a_revoked_key_stops_working_in_every_process(admin: Caller) -> None:
    async with admin.newcomer() as caller:
        key_id = caller.key.rpartition("-")[0]
        assert statuses(await ask_all(caller)) == {200}
        await admin.send("DELETE", f"/v1/auth/keys/{key_id}")
        await eventually(
            lambda: ask_all(caller, rounds=5),
            lambda answers: statuses(answers) == {401},
        )


async def test_a_changed_markup_reaches_every_process(admin: Caller) -> None:
    async with admin.newcomer(workspaceId="acme") as caller:
        changed = await admin.send("PUT", "/v1/workspaces/acme", {"markup": 0})
        assert changed.status == 200
        (before,) = charged(await ask_all(caller))
        await admin.send("PUT", "/v1/workspaces/acme", {"markup": 1})
        await eventually(
            lambda: ask_all(caller, rounds=5),
            lambda answers: charged(answers) == {2 * before},
        )


async def test_a_changed_budget_reaches_every_process(admin: Caller) -> None:
    async with admin.newcomer(monthlyBudget=0) as caller:
        key_id = caller.key.rpartition("-")[0]
        for limit, status in ((1, 200), (0, 402), (2, 200)):
            body = {"scope": "key", "id": key_id, "monthlyBudget": limit}
            assert (await admin.send("PUT", "/v1/usage/budget", body)).status == 200
            await eventually(
                lambda: ask_all(caller, rounds=5),
                lambda answers: statuses(answers) == {status},  # noqa: B023 - awaited in the loop
            )


async def test_a_changed_scope_reaches_every_process(admin: Caller) -> None:
    async with admin.newcomer() as caller:
        key_id = caller.key.rpartition("-")[0]
        assert statuses(await ask_all(caller)) == {200}
        await admin.send("PATCH", f"/v1/auth/keys/{key_id}", {"scopes": ["usage:read"]})
        await eventually(
            lambda: ask_all(caller, rounds=5),
            lambda answers: statuses(answers) == {403},
        )


async def test_the_sums_are_those_of_both_processes(admin: Caller) -> None:
    async with admin.newcomer(monthlyBudget=5, userId="shared", workspaceId="pair") as caller:
        key_id = caller.key.rpartition("-")[0]
        for _ in range(5):
            assert statuses(await ask_all(caller, "one two three")) == {200}
        events = await caller.events()
        assert len(events) == 5 * AT_ONCE
        # 3 words in and 4 of 5 out cost 11 µ$, and 2 % on top.
        assert total(events) == 5 * AT_ONCE * Decimal("0.00001122")
        assert (await caller.get("/v1/usage"))["totals"]["billed"] == total(events)
        for scope, id_ in (("key", key_id), ("user", "shared"), ("workspace", "pair")):
            budget = await eventually(
                lambda: admin.budget(scope, id_),  # noqa: B023 - awaited in the loop
                lambda found: found["reserved"] == 0,
            )
            assert (budget["spent"], budget["unconfirmed"]) == (total(events), 0)


async def test_both_processes_together_never_pass_a_budget(admin: Caller) -> None:
    """Each call could cost, and costs, 1 word in and 4 out: 9 µ$ and 2 %."""
    price = Decimal("0.00000918")
    async with admin.newcomer(monthlyBudget=float(30 * price)) as caller:
        answers = [answer for _ in range(4) for answer in await ask_all(caller, "x [[tokens 4]]")]
        admitted = [answer for answer in answers if answer.status == 200]
        assert statuses(answers) == {200, 402}
        # Money that lies idle with one process is given back, so retries come to exactly 30.
        while len(admitted) < 30:
            more = await eventually(
                lambda: ask_all(caller, "x [[tokens 4]]"), lambda got: 200 in statuses(got)
            )
            admitted += [answer for answer in more if answer.status == 200]
        assert len(admitted) == 30
        assert statuses(await ask_all(caller, "x [[tokens 4]]")) == {402}
        events = await caller.events()
        assert total(events) == 30 * price


async def test_both_processes_end_in_good_order(headgate: Headgate) -> None:
    assert headgate.stop() == 0
    headgate.start()
    async with headgate.caller() as caller:
        assert statuses(await ask_all(caller)) == {200}
