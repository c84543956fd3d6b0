"""A round: load, trouble under it, rest, and judgement."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from http import HTTPStatus
from typing import Any, TypeAlias

import httpx2

from headgate.gateway.escrow import LEASE_SECONDS, MARGIN_SECONDS
from headgate_server import Answer, Caller, Simulator, eventually
from torture.accounts import Payer, cast
from torture.judge import Evidence, Findings, judge
from torture.load import Load, Sent
from torture.sites import Site

DEATHS_A_ROUND = 4
BETWEEN_DEATHS_SECONDS = (0.5, 3.0)
SAMPLE_SECONDS = 0.1
# A lease ends, a margin passes since clocks differ, and others look twice in a lease.
RESOLVED_SECONDS = LEASE_SECONDS + MARGIN_SECONDS + LEASE_SECONDS / 2
# What a busy machine may add to that until somebody sees it.
GRACE_SECONDS = 30.0
LEAST_FINISHED = 30

Trouble: TypeAlias = Callable[[Site], Awaitable[None]]
"""What happens to servers under load."""


@dataclass
class Round:
    """What a round has shown.

    Attributes:
        samples: how often a budget was read under load; `highest` is the largest share of a limit
            that was spent or reserved in any of them.
        resolved_seconds: from the end of the trouble until nothing was reserved any more.
    """

    findings: Findings
    samples: int
    highest: Decimal
    resolved_seconds: float


@dataclass
class _Sampler:
    payers: Sequence[Payer]
    site: Site
    samples: int = 0
    highest: Decimal = Decimal(0)
    faults: list[str] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Read the budgets again and again until the end of the block."""
        task = asyncio.create_task(self._sample_on())
        try:
            yield
        finally:
            task.cancel()
            (ended,) = await asyncio.gather(task, return_exceptions=True)
            if not isinstance(ended, asyncio.CancelledError):
                self.faults.append(f"the budgets could not be read: {ended!r}")

    async def _sample_on(self) -> None:
        while True:
            if self.site.urls():
                # The server that is asked may die at this moment.
                with contextlib.suppress(httpx2.TransportError):
                    async with self.site.admin() as admin:
                        for payer in self.payers:
                            query = {"scope": payer.scope, "id": payer.id}
                            answer = await admin.send("GET", "/v1/usage/budget", query=query)
                            self._note(payer, answer)
            await asyncio.sleep(SAMPLE_SECONDS)

    def _note(self, payer: Payer, answer: Answer) -> None:
        if answer.status == 503:
            return  # the store is away, which may be the trouble
        if answer.status != 200:
            self.faults.append(f"a budget was asked for, the answer is {answer.body.decode()}")
            return
        budget = answer.json
        taken = budget["spent"] + budget["reserved"]
        self.samples += 1
        self.highest = max(self.highest, taken / payer.limit)
        if taken > payer.limit:
            self.faults.append(f"{payer.scope} {payer.id}: {taken} taken of {payer.limit}")


def deaths(count: int, chance: random.Random) -> Trouble:
    """So many deaths at random moments."""

    async def trouble(site: Site) -> None:
        for _ in range(count):
            await asyncio.sleep(chance.uniform(*BETWEEN_DEATHS_SECONDS))
            await site.die(chance)

    return trouble


def was_load(sent: Sequence[Sent]) -> bool:
    """Whether enough calls were answered to tell something; on a slow machine that takes longer."""
    return sum(each.finished for each in sent) >= LEAST_FINISHED


def met_budgets(sent: Sequence[Sent]) -> bool:
    """Whether callers were refused for their budgets, too."""
    return was_load(sent) and any(each.status == HTTPStatus.PAYMENT_REQUIRED for each in sent)


async def play(
    site: Site,
    vendors: Simulator,
    number: int,
    *,
    trouble: Trouble,
    chance: random.Random,
    until: Callable[[Sequence[Sent]], bool] = was_load,
) -> Round:
    """Play round `number`, which no round before it on this site has had.

    The load goes on after the trouble `until` that holds for the calls so far.
    """
    await vendors.forget()
    async with site.admin() as admin:
        players = await cast(admin, number)
    load = Load(players, site.urls, chance)
    sampler = _Sampler(players.payers, site)
    async with sampler.running(), load.running():
        await trouble(site)
        ended = time.monotonic()
        await asyncio.sleep(1)
        await eventually(load.so_far, until)
    async with site.admin() as admin:
        budgets = await at_rest(admin, players.payers, since=ended)
        resolved = time.monotonic() - ended
        evidence = Evidence(
            sent=load.sent,
            vendor_calls=await _ended_calls(vendors),
            events=await _events(admin, players.payers, budgets),
            budgets=budgets,
            unconfirmed=await _unconfirmed(admin),
        )
        findings = judge(evidence)
        findings.faults += load.faults + sampler.faults
        findings.faults += await _released(admin, evidence)
    return Round(findings, sampler.samples, sampler.highest, resolved)


async def at_rest(
    admin: Caller, payers: Sequence[Payer], *, since: float
) -> dict[Payer, dict[str, Any]]:
    """Every budget, once nothing is reserved in it any more."""
    left = RESOLVED_SECONDS + GRACE_SECONDS - (time.monotonic() - since)

    async def read() -> dict[Payer, dict[str, Any]]:
        await asyncio.sleep(0.2)
        return {payer: await admin.budget(payer.scope, payer.id) for payer in payers}

    return await eventually(
        read,
        lambda budgets: not any(budget["reserved"] for budget in budgets.values()),
        seconds=max(left, GRACE_SECONDS),
    )


async def _ended_calls(vendors: Simulator) -> list[dict[str, Any]]:
    async def read() -> list[dict[str, Any]]:
        calls = await vendors.calls()
        return [call for call in calls if call["path"].endswith("/chat/completions")]

    return await eventually(read, lambda calls: all(call["endedAt"] for call in calls))


async def _events(
    admin: Caller, payers: Sequence[Payer], budgets: dict[Payer, dict[str, Any]]
) -> list[dict[str, Any]]:
    """The round's events; DynamoDB lists them a moment after it has them."""
    models = {payer.id for payer in payers if payer.scope == "model"}
    spent = sum(
        (b["spent"] - b["unconfirmed"] for payer, b in budgets.items() if payer.scope == "model"),
        Decimal(0),
    )

    async def read() -> list[dict[str, Any]]:
        return [event for event in await admin.events() if event["model"] in models]

    with contextlib.suppress(AssertionError):  # the judge says what is wrong with them
        return await eventually(
            read,
            lambda events: sum((Decimal(e["billed"]) for e in events), Decimal(0)) == spent,
            seconds=GRACE_SECONDS,
        )
    return await read()


async def _unconfirmed(admin: Caller) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await admin.get("/v1/usage/unconfirmed", limit=200, **cursor)
        found += page["data"]
        if page["nextCursor"] is None:
            return found
        cursor = {"cursor": page["nextCursor"]}


async def _released(admin: Caller, evidence: Evidence) -> list[str]:
    """Release all that is unconfirmed, and see that exactly that is no longer spent."""
    for entry in evidence.unconfirmed:
        answer = await admin.post(f"/v1/usage/unconfirmed/{entry['id']}/release", None)
        assert answer.status == 200, answer.body
    faults = []
    for payer, before in evidence.budgets.items():
        after = await admin.budget(payer.scope, payer.id)
        billed = before["spent"] - before["unconfirmed"]
        if (after["spent"], after["unconfirmed"]) != (billed, 0):
            faults.append(f"{payer.scope} {payer.id} after the release: {after}, not {billed}")
    return faults
