"""A process that settles calls until it is killed or done, and names each that is acknowledged.

`python settles.py DATABASE NAME TASKS CALLS` runs TASKS tasks of CALLS calls each.
"""

import asyncio
import sys

from headgate.core.budgets import Account, Charge, LeaseId, Settlement
from headgate.stores.sqlite.database import Database
from headgate.stores.sqlite.ledger import SqliteLedger
from usage_events import usage_event

KEY = Account("key", "sk-proj-one")
USER = Account("user", "ada")
PERIOD = "2026-11"


async def settle(ledger: SqliteLedger, owner: str, calls: int) -> None:
    for _ in range(calls):
        event = usage_event(billed=102)
        charges = (Charge(KEY, PERIOD, 102, 102), Charge(USER, PERIOD, 102, 0))
        await ledger.settle(Settlement(owner, event, charges))
        print(event.id, flush=True)  # noqa: T201 - the test reads it


async def main(path: str, owner: str, tasks: int, calls: int) -> None:
    database = Database(path)
    ledger = SqliteLedger(database)
    await ledger.lease(
        LeaseId(owner, KEY, PERIOD), least=102, most=102 * tasks * calls, expires_at=1000.0
    )
    await asyncio.gather(*(settle(ledger, owner, calls) for _ in range(tasks)))
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
