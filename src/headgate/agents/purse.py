"""A run's budget, drawn on by its calls: what each could cost at most is set aside before it.

What is set aside stands in the run's row, where every step of the run sees it, on whichever process
it is worked on. So calls at the same time cannot together pass the budget. A call that could, while
others are under way, waits for what these leave of theirs; one that is alone gets what there is.
"""

import asyncio
import contextlib
from dataclasses import dataclass, field

from headgate.agents.journal import Journal
from headgate.core.money import NanoUSD
from headgate.core.runs import Change, Hold, Run
from headgate.core.usage import UsageEvent


@dataclass(slots=True)
class StepPurse:
    """`Purse` of one step while it is worked on.

    Attributes:
        budget: the run's; without one nothing is set aside.
        events: the rows of the calls that have been settled.
    """

    journal: Journal
    run_id: str
    step_id: str
    budget: NanoUSD | None
    events: list[UsageEvent] = field(default_factory=list)
    _held: NanoUSD = 0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def begin_again(self) -> None:
        """Give back what an earlier attempt held: no step may wait for what nobody works on."""
        run = await self.journal.store.get(self.run_id)
        if self.budget is not None and run is not None:
            await self._write(run, self._own)

    async def hold(self, most: NanoUSD) -> NanoUSD:
        """See `Purse.hold`."""
        if self.budget is None:
            return most
        while True:
            with self.journal.hearing(self.run_id) as written:
                async with self._turn:
                    granted = await self._granted(most, self.budget)
                if granted is not None:
                    return granted
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.journal.poll_seconds):
                        await written.wait()

    def settle(self, held: NanoUSD, event: UsageEvent | None) -> None:
        """See `Purse.settle`."""
        if self.budget is not None:
            self._held -= held
        if event is not None:
            self.events.append(event)

    @property
    def _own(self) -> Hold:
        return Hold(sum(event.billed for event in self.events), self._held)

    async def _granted(self, most: NanoUSD, budget: NanoUSD) -> NanoUSD | None:
        """What is set aside for a call; None where it is to wait for others."""
        run = await self.journal.store.get(self.run_id)
        if run is None:
            return 0
        own = self._own
        others = [hold for step_id, hold in run.holds.items() if step_id != self.step_id]
        spoken_for = run.tally.billed + own.total + sum(hold.total for hold in others)
        left = max(0, budget - spoken_for)
        if left < most and (own.held or any(hold.held for hold in others)):
            await self._write(run, own)  # the others may wait for what this step has left
            return None
        granted = min(most, left)
        if not await self._write(run, Hold(own.billed, own.held + granted)):
            return None
        self._held += granted
        return granted

    async def _write(self, run: Run, hold: Hold) -> bool:
        """Set the step's hold; says whether the budget had room for it."""
        if run.holds.get(self.step_id) == hold:
            return True
        await self.journal.record(self.run_id, [], Change(hold=(self.step_id, hold)))
        found = await self.journal.store.get(self.run_id)
        return found is not None and found.holds.get(self.step_id) == hold
