"""The part of `bootstrap` that gives sample data its agent runs, and takes them away again."""

import asyncio
import contextlib
from collections.abc import Sequence

from headgate.agents.runs import Order, Runs
from headgate.core.keys import VirtualKey
from headgate.core.memory import MemoryStore, person_of
from headgate.core.runs import Run, RunStore

# The sandbox answers them and the calculator works for them, so samples cost nothing.
_MODEL = "sandbox/sandbox"
SECONDS = 20.0
# A conversation is its person's: the name keeps it apart from those of a real one.
SESSION = "headgate-samples"
PAGE = 200


def _order(text: str, approvals: tuple[str, ...] = ()) -> Order:
    return Order(
        type="react",
        input=text,
        model=_MODEL,
        tools=("calculator",),
        budget=None,
        approvals=approvals,
        session_id=SESSION,
    )


ORDERS = (
    _order(
        'What do 19 parcels at 23.40 dollars cost? [[call calculator {"expression": "19 * 23.4"}]]'
    ),
    _order(
        "What do two months of both plans cost? "
        '[[call calculator {"expression": "2 * 49"}]] [[call calculator {"expression": "2 * 19"}]]'
    ),
    _order(
        'May we refund 3 nights? [[call calculator {"expression": "3 * 140"}]]',
        approvals=("calculator",),
    ),
)


async def seed_runs(runs: Runs, key: VirtualKey) -> int:
    """Start the sample runs on behalf of `key` where it has none; how many there are.

    The last one waits for an approval, so that there is something to decide.
    """
    if not await _found(runs, key):
        for order in ORDERS:
            await _settled(runs, await runs.start(key, order))
    return len(ORDERS)


async def _settled(runs: Runs, run: Run) -> None:
    """Wait until a run has ended, or waits for somebody; what it calls, it has called then."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SECONDS), contextlib.aclosing(runs.follow(run)) as pages:
            async for page in pages:
                if any(event.type == "approval.requested" for event in page):
                    return


async def sample_runs(runs: Runs, key: VirtualKey) -> list[Run]:
    """The sample runs that have ended, those among them that had to be cancelled for it."""
    found = await _found(runs, key)
    for run in found:
        await runs.cancel(key, run.run_id)
    # Whoever works on them writes nothing more once they have ended.
    now = [await runs.ended(run, SECONDS) for run in found]
    return [run for run in now if run.has_ended]


async def remove_runs(
    store: RunStore, memories: MemoryStore, key: VirtualKey, runs: Sequence[Run]
) -> None:
    """Forget runs, and what was said in their conversation."""
    if runs:
        await memories.end(person_of(key), SESSION)
        await store.erase([run.run_id for run in runs])


async def _found(runs: Runs, key: VirtualKey) -> list[Run]:
    found: list[Run] = []
    before: str | None = None
    while page := await runs.page(key, status=None, limit=PAGE, before=before):
        found += [
            run for run in page if (run.key_id, run.request.session_id) == (key.key_id, SESSION)
        ]
        before = page[-1].run_id
    return found
