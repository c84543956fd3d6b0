"""The part of `bootstrap` that gives sample data its agent runs."""

import asyncio
import contextlib

from headgate.agents.runs import Order, Runs
from headgate.core.keys import VirtualKey
from headgate.core.runs import Run

# The sandbox answers them and the calculator works for them, so samples cost nothing.
_MODEL = "sandbox/sandbox"
SECONDS = 20.0


def _order(text: str, approvals: tuple[str, ...] = ()) -> Order:
    return Order(
        type="react",
        input=text,
        model=_MODEL,
        tools=("calculator",),
        budget=None,
        approvals=approvals,
        session_id="sample",
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
    if not await runs.page(key, status=None, limit=1, before=None):
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
