"""The escrow's promises under any interleaving: two processes, one store that comes and goes."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, NamedTuple, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fakes import FakeClock, RemoteLedger
from headgate.core.budgets import Account, AccountState, Limit
from headgate.core.errors import HeadgateError, Overloaded
from headgate.core.usage import UsageEvent
from headgate.gateway.books import Hold
from headgate.gateway.escrow import FRESH_SECONDS, LEASE_SECONDS, TICK_SECONDS, Escrow
from headgate.stores.memory import MemoryLedger
from usage_events import usage_event

T = TypeVar("T")

KEY = Account("key", "sk-proj-one")
USER = Account("user", "ada")
BOTH = (KEY, USER)
PERIOD = "2026-11"
LIMIT = 1000

processes = st.integers(0, 1)
amounts = st.integers(1, 400)


class Settled(NamedTuple):
    """A call that has ended, and the record of it that its caller waits for."""

    escrow: Escrow
    hold: Hold
    event: UsageEvent
    record: asyncio.Future[None]

    @property
    def is_durable(self) -> bool:
        """Whether the caller may have seen the end."""
        record = self.record
        return record.done() and not record.cancelled() and record.exception() is None


class EscrowMachine(RuleBasedStateMachine):
    """Calls come, leave, end and are given up; time passes, also without a tick of a process.

    Processes die. Stores go away, or do what they are asked and their answers are lost.

    Calls that find too little recall what the other process does not use; it answers, or not.
    """

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.memory = MemoryLedger()
        self.stores = [RemoteLedger(self.memory) for _ in range(2)]
        self.clock = FakeClock()
        self.escrows = [Escrow(store, clock=self.clock, pause=self.moment) for store in self.stores]
        self.waiting: list[tuple[Escrow, asyncio.Task[Hold]]] = []
        self.held: list[tuple[Escrow, Hold]] = []
        self.admitted: list[Hold] = []
        self.ticks: list[asyncio.Task[None]] = []
        self.looks: list[asyncio.Task[None]] = []
        self.changed_at = dict.fromkeys(BOTH, float("-inf"))
        self.settled: list[Settled] = []
        self.may_be_unconfirmed = False
        self.highest = dict.fromkeys(BOTH, LIMIT)
        for account in BOTH:
            self.run(self.memory.set_limit(account, Limit(amount=LIMIT)))

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)

    def state(self, account: Account) -> AccountState:
        return self.run(self.memory.states([account], PERIOD))[0]

    async def moment(self, seconds: float) -> None:
        """What a recall waits between two looks: a turn, in which anything may happen."""
        await asyncio.sleep(0)

    @rule(process=processes, ceiling=amounts, accounts=st.sampled_from([(KEY,), (USER,), BOTH]))
    def call(self, process: int, ceiling: int, accounts: tuple[Account, ...]) -> None:
        async def begin() -> None:
            task = asyncio.create_task(self.reserved(self.escrows[process], accounts, ceiling))
            self.waiting.append((self.escrows[process], task))

        self.run(begin())

    async def reserved(self, escrow: Escrow, accounts: tuple[Account, ...], ceiling: int) -> Hold:
        began = self.clock()
        hold = await escrow.reserve(await escrow.books(accounts), ceiling)
        self.admitted.append(hold)
        for account in accounts:
            if began - self.changed_at[account] >= FRESH_SECONDS:
                self.is_within_the_limit(account)
        return hold

    def is_within_the_limit(self, account: Account) -> None:
        """A second after a limit was changed, by whomever, no process admits a call beyond it."""
        # The memory's own method, since it takes no turn in which others could change something.
        state = self.memory._state(account, PERIOD)
        held = sum(
            hold.amount
            for hold in self.admitted
            if not hold.is_settled and account in [book.account for book in hold.limited]
        )
        assert state.limit is not None
        assert state.spent - state.unconfirmed + held <= state.limit.amount

    @rule(turns=st.integers(1, 9))
    def turn(self, turns: int) -> None:
        async def sleep() -> None:
            for _ in range(turns):
                await asyncio.sleep(0)

        self.run(sleep())
        self.collect()

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        _, task = data.draw(st.sampled_from(self.waiting))

        async def cancel() -> None:
            task.cancel()

        self.run(cancel())

    @precondition(lambda self: self.held)
    @rule(data=st.data(), part=st.fractions(0, 1))
    def settle(self, data: st.DataObject, part: Any) -> None:
        escrow, hold = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        event = usage_event(billed=int(hold.amount * part))

        async def begin() -> None:
            self.settled.append(Settled(escrow, hold, event, escrow.settle(hold, event)))

        self.run(begin())

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        escrow, hold = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        escrow.release(hold)

    @rule(process=processes, count=st.integers(1, 6))
    def tick(self, process: int, count: int) -> None:
        """Several ticks of one process; they end before the next begin, as in its ticker."""

        async def begin() -> None:
            async def some() -> None:
                for _ in range(count):
                    self.clock.advance(TICK_SECONDS)
                    with contextlib.suppress(HeadgateError):
                        await self.escrows[process]._tick()

            if all(task.done() for task in self.ticks):
                self.ticks = [asyncio.create_task(some())]

        self.run(begin())

    @rule(process=processes)
    def answer(self, process: int) -> None:
        """One look of a process for recalls; it ends before the next begins."""

        async def begin() -> None:
            async def look() -> None:
                with contextlib.suppress(HeadgateError):
                    await self.escrows[process]._answer_recalls()

            if all(task.done() for task in self.looks):
                self.looks = [asyncio.create_task(look())]

        self.run(begin())

    @rule(seconds=st.just(FRESH_SECONDS) | st.floats(0, 2 * LEASE_SECONDS))
    def pause(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(process=processes, is_away=st.booleans())
    def come_and_go(self, process: int, is_away: bool) -> None:
        self.stores[process].is_away = is_away

    @rule(process=processes, loses_answers=st.booleans())
    def lose_answers(self, process: int, loses_answers: bool) -> None:
        self.stores[process].loses_answers = loses_answers
        self.may_be_unconfirmed |= loses_answers

    @rule(process=processes)
    def die(self, process: int) -> None:
        """A process dies and is started again: whatever it did not write is lost."""
        dead = self.escrows[process]
        self.may_be_unconfirmed = True
        self.stores[process].is_away = True  # what is left of it reaches nothing any more
        self.stores[process] = RemoteLedger(self.memory)
        self.escrows[process] = Escrow(self.stores[process], clock=self.clock, pause=self.moment)
        self.held = [(escrow, hold) for escrow, hold in self.held if escrow is not dead]

        async def end() -> None:
            for escrow, task in self.waiting:
                if escrow is dead:
                    task.cancel()

        self.run(end())

    @rule(account=st.sampled_from(BOTH), amount=st.integers(0, 2 * LIMIT))
    def change_limit(self, account: Account, amount: int) -> None:
        self.highest[account] = max(self.highest[account], amount)
        self.changed_at[account] = self.clock()
        self.run(self.memory.set_limit(account, Limit(amount=amount)))

    @invariant()
    def is_never_over(self) -> None:
        for account in BOTH:
            state = self.state(account)
            held = sum(
                hold.amount
                for _, hold in self.held
                if account in [book.account for book in hold.limited]
            )
            assert 0 <= state.unconfirmed <= state.spent <= state.granted
            assert state.granted <= self.highest[account]
            assert held <= state.granted - state.spent + state.unconfirmed

    def collect(self) -> None:
        """Sort the callers whose wait has ended into those who hold and those who left."""
        for escrow, task in [pair for pair in self.waiting if pair[1].done()]:
            self.waiting.remove((escrow, task))
            if escrow not in self.escrows:
                continue
            if not task.cancelled() and task.exception() is None:
                self.held.append((escrow, task.result()))
            elif not task.cancelled():
                assert isinstance(task.exception(), HeadgateError)

    def teardown(self) -> None:
        try:
            self.end_every_call()
            self.only_bills_remain()
        finally:
            self.runner.close()

    def end_every_call(self) -> None:
        for store in self.stores:
            store.is_away = store.loses_answers = False
        while self.waiting:
            self.turn(1)
        self.is_never_over()
        for escrow, hold in self.held:
            escrow.release(hold)
        self.held.clear()
        self.run(self.rest())

    def only_bills_remain(self) -> None:
        for account in BOTH:
            state = self.state(account)
            assert state.granted == state.spent
            # What a lost answer may have granted, and what a dead process held, is charged until
            # somebody releases it.
            assert not state.unconfirmed or self.may_be_unconfirmed
            assert all(not book.held for escrow in self.escrows for book in escrow._books.values())
            billed = sum(
                settled.event.billed
                for settled in self.settled
                if settled.event.id in self.memory._events
                and account in [book.account for book in settled.hold.books]
            )
            assert state.spent - state.unconfirmed == billed
        for settled in self.settled:
            if settled.escrow in self.escrows or settled.is_durable:
                assert settled.event.id in self.memory._events

    async def rest(self) -> None:
        await asyncio.gather(*self.ticks, *self.looks)
        for _ in range(round(2 * LEASE_SECONDS / TICK_SECONDS)):
            for escrow in self.escrows:
                self.clock.advance(TICK_SECONDS)
                await asyncio.sleep(0)
                with contextlib.suppress(Overloaded):
                    await escrow._tick()


TestEscrow = EscrowMachine.TestCase
TestEscrow.settings = settings(
    max_examples=60,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
