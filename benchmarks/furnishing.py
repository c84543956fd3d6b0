"""What the company of the measurements has besides its calls: keys, budgets, agent runs, acts."""

import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import company
from headgate.core.audit import Actor, Intent, Outcome
from headgate.core.budgets import Account, Limit
from headgate.core.keys import KeySecret, VirtualKey
from headgate.core.money import NANO_PER_USD
from headgate.core.runs import Change, Draft, Run, RunRequest, Tally
from headgate.stores.sqlite.audit import SqliteAudit
from headgate.stores.sqlite.database import Database
from headgate.stores.sqlite.keys import SqliteKeys
from headgate.stores.sqlite.ledger import SqliteLedger
from headgate.stores.sqlite.runs import SqliteRuns

LIMITS = 200
RUNS = 2000
ACTS = 2000
ACT_SECONDS = 1200.0
RUN_SECONDS = 40.0


async def furnish(path: Path, now: float) -> None:
    """Add all of it to a database that has the calls; `now` is in Unix seconds."""
    async with _opened(path) as database:
        await _add_keys(SqliteKeys(database), now)
        ledger = SqliteLedger(database)
        for number, account in enumerate(itertools.islice(_accounts(), LIMITS)):
            limit = Limit(amount=(20 + number) * NANO_PER_USD, hard=bool(number % 3))
            await ledger.set_limit(account, limit)
        await _add_runs(SqliteRuns(database), now)
        await _add_acts(SqliteAudit(database), now)


def run_id(number: int) -> str:
    """The id of the run of this number; the newest has the highest."""
    return f"run_{number:024x}"


@contextlib.asynccontextmanager
async def _opened(path: Path) -> AsyncIterator[Database]:
    database = Database(path)
    try:
        yield database
    finally:
        await database.close()


async def _add_keys(keys: SqliteKeys, now: float) -> None:
    habits, _ = company.habits()
    for number, habit in enumerate(habits):
        key = VirtualKey(
            key_id=habit.key_id,
            name=f"key {number}",
            scopes=frozenset({"ai:complete", "usage:read"}),
            user_id=habit.user_id,
            workspace_id=habit.workspace_id,
            created_at=now - 86_400 * 90 + number,
        )
        await keys.add(key, KeySecret(f"none-{number}", habit.key_id))


def _accounts() -> Iterator[Account]:
    """Every workspace and model, then users and keys, the busiest first."""
    habits, _ = company.habits()
    yield from dict.fromkeys(Account("workspace", habit.workspace_id) for habit in habits)
    yield from (Account("model", model) for _, model in company.MODELS)
    for habit in habits:
        if habit.user_id is not None:
            yield Account("user", habit.user_id)
        yield Account("key", habit.key_id)


async def _add_runs(runs: SqliteRuns, now: float) -> None:
    habits, _ = company.habits()
    for number in range(RUNS):
        habit = habits[number % len(habits)]
        began = now - (RUNS - number) * RUN_SECONDS
        request = RunRequest(
            type="react",
            input="What do 19 parcels at 23.40 dollars cost?",
            model="auto",
            tools=("calculator",),
            max_steps=200,
            seconds=7200.0,
            approval_seconds=86_400.0,
        )
        run = Run(
            run_id=run_id(number),
            key_id=habit.key_id,
            workspace_id=habit.workspace_id,
            user_id=habit.user_id,
            request=request,
            created_at=began,
        )
        await runs.add(run)
        change = Change(
            status="succeeded",
            started_at=began,
            finished_at=began + RUN_SECONDS / 2,
            output={"text": "444.60 dollars"},
            tally=("", Tally(3, 1_000_000, 1_020_000)),
        )
        await runs.record(run.run_id, [Draft(type="run.finished", once="end")], change)


async def _add_acts(audit: SqliteAudit, now: float) -> None:
    """Budgets that administrators changed, over four weeks."""
    admin = Actor(key_id="sk-proj-benchmarkadm", name="first admin key", means="session")
    for number, (scope, name) in zip(range(ACTS), itertools.cycle(_accounts())):
        at = now - (ACTS - number) * ACT_SECONDS
        intent = Intent(
            act_id=f"act_{number:024x}",
            at=at,
            actor=admin,
            action="budget.set",
            target=f"{scope}:{name}",
            request_id=f"req_{number:024x}",
            address="192.0.2.1",
            before={"monthlyBudget": 20, "hard": True},
        )
        after = {"monthlyBudget": 40, "hard": True}
        await audit.append(intent)
        await audit.append(Outcome(act_id=intent.act_id, at=at, target=intent.target, after=after))
