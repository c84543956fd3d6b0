"""What a process that dies has paid for is there for the next one."""

import asyncio
from collections.abc import Sequence
from typing import Any

from agent_desk import agent_desk
from fakes import FakeProvider
from gateway_desk import Desk
from headgate.core.runs import Draft
from headgate.gateway.metered import MeteredAccess
from headgate.stores.memory_runs import MemoryRuns


class SlowRuns(MemoryRuns):
    """Takes no end of a step as long as it `is_slow`."""

    def __init__(self) -> None:
        super().__init__()
        self.is_slow = True
        self.is_asked = asyncio.Event()

    async def record(self, run_id: str, drafts: Sequence[Draft], *args: Any, **named: Any) -> bool:
        if self.is_slow and any(draft.type == "step.finished" for draft in drafts):
            self.is_asked.set()
            await asyncio.get_running_loop().create_future()
        return await super().record(run_id, drafts, *args, **named)


async def test_an_answer_that_has_come_is_not_asked_for_again_whatever_else_is_slow() -> None:
    """Neither the run's events nor the engine's checkpoint know of it when its process dies."""
    vendor, store = FakeProvider("one"), SlowRuns()
    gateway = Desk(vendor)
    access = MeteredAccess(gateway.replays)
    async with agent_desk(store=store, access=access) as dead:
        run = await dead.start("go")
        await store.is_asked.wait()
    store.is_slow = False
    access = MeteredAccess(Desk(vendor, beside=gateway).replays)
    async with agent_desk(before=dead, access=access) as desk:
        ended = await desk.ended(run)
    assert ended.status == "succeeded"
    assert len(vendor.chats) == 1
    assert (ended.tally.cost, ended.tally.billed) == (gateway.event.cost, gateway.event.billed)
