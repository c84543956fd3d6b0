"""What is told when, on which channel, and what follows where a channel or a process fails."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import NOON, FakeClock, until
from headgate.core.alerts import AlertId, Mark, Notice, Spend, Taken, Undelivered
from headgate.core.budgets import Account, Charge, LeaseId, Limit, Settlement
from headgate.core.errors import Overloaded
from headgate.core.keys import KeySecret, VirtualKey
from headgate.stores.memory import MemoryKeys, MemoryLedger
from headgate.usage import alerts
from headgate.usage.alerts import (
    CLAIM_SECONDS,
    LATEST_SECONDS,
    LONGEST_PAUSE_SECONDS,
    Alerts,
    pause_after,
    reached,
)
from usage_events import usage_event

KEY = Account("key", "sk-proj-one")
USER = Account("user", "ada")
PERIOD = "2026-11"
DECEMBER = 1_796_083_200.0


@dataclass
class Channel:
    """A channel that keeps what it is given, and fails as often as it is told to."""

    failures: list[Exception] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    asked: int = 0
    gate: asyncio.Event | None = None
    on_send: Callable[[], Awaitable[None]] | None = None

    async def send(self, notice: Notice) -> None:
        self.asked += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        if self.on_send is not None:
            await self.on_send()
        self.titles.append(notice.title)

    @property
    def shares(self) -> list[str]:
        return [title.rpartition("reached ")[2] for title in self.titles]


@dataclass
class Office:
    """What one process knows, over stores that all processes share."""

    memory: MemoryLedger = field(default_factory=MemoryLedger)
    clock: FakeClock = field(default_factory=FakeClock)
    slack: Channel = field(default_factory=Channel)
    email: Channel = field(default_factory=Channel)
    used: list[Account] = field(default_factory=lambda: [KEY])
    expired: int = 0
    keys: MemoryKeys = field(default_factory=MemoryKeys)
    away: bool = False
    alerts: Alerts = field(init=False)

    def __post_init__(self) -> None:
        self.alerts = Alerts(
            ledger=self.memory,
            store=self.memory,
            keys=self.keys,
            channels={"slack": self.slack, "email": self.email},
            spending=self,
            clock=self.clock,
        )

    def beside(self) -> "Office":
        """Another process, with the same channels."""
        return Office(self.memory, self.clock, self.slack, self.email)

    async def spends(self, *, at_once: bool = False) -> list[Spend]:
        if self.away:
            raise Overloaded("the store is away")
        states = await self.memory.states(self.used, PERIOD)
        return [
            Spend(state.account, PERIOD, state.limit, state.spent)
            for state in states
            if state.limit is not None
        ]

    async def limit(
        self, amount: int, *shares: float, account: Account = KEY, hard: bool = True
    ) -> None:
        limit = Limit(amount=amount, hard=hard, alert_thresholds=shares or (0.5, 0.8, 1.0))
        await self.memory.set_limit(account, limit)

    async def spend(self, amount: int, account: Account = KEY, period: str = PERIOD) -> None:
        event = usage_event(billed=amount)
        await self.memory.settle(Settlement("own", event, (Charge(account, period, amount, 0),)))

    async def turn(self) -> None:
        """One look, and one round of every channel."""
        await self.alerts.look()
        await self.tell()

    async def tell(self) -> None:
        await self.alerts.tell("slack")
        await self.alerts.tell("email")


@pytest.fixture
def office() -> Office:
    return Office()


def test_a_threshold_is_reached_by_the_first_whole_amount_that_is_its_share() -> None:
    limit = Limit(amount=99, alert_thresholds=(1.0, 0.07, 0.07))
    assert reached(limit, 6) is None
    assert reached(limit, 7) == Mark(0.07, 7)
    assert reached(limit, 98) == Mark(0.07, 7)
    assert reached(limit, 99) == reached(limit, 1000) == Mark(1.0, 99)


def test_shares_are_taken_as_they_were_written() -> None:
    """In binary, 0.1 of 10 dollars is a little more than one dollar."""
    limit = Limit(amount=10_000_000_000, alert_thresholds=(0.1, 1e-9))
    assert reached(limit, 9) is None
    assert reached(limit, 999_999_999) == Mark(1e-9, 10)
    assert reached(limit, 1_000_000_000) == Mark(0.1, 1_000_000_000)


def test_where_nothing_is_spent_nothing_is_reached() -> None:
    assert reached(Limit(amount=0), 0) is None
    assert reached(Limit(amount=0), 1) == Mark(1.0, 0)
    assert reached(Limit(amount=10, alert_thresholds=()), 20) is None


@given(st.integers(1, 10_000))
def test_pauses_grow_to_a_bound(attempt: int) -> None:
    assert pause_after(1) == 2
    assert pause_after(attempt) <= pause_after(attempt + 1) <= LONGEST_PAUSE_SECONDS


async def test_each_threshold_is_told_once_on_each_channel(office: Office) -> None:
    await office.limit(100)
    for _ in range(12):
        await office.spend(10)
        await office.turn()
        await office.turn()
    assert office.slack.shares == office.email.shares == ["50 %", "80 %", "100 %"]


async def test_soft_budgets_of_every_scope_are_told(office: Office) -> None:
    office.used = [Account(scope, "x") for scope in ("key", "user", "workspace", "model")]
    for account in office.used:
        await office.limit(10, account=account, hard=False)
        await office.spend(5, account)
    await office.turn()
    assert sorted(title.split()[3] for title in office.slack.titles) == [
        *("key", "model", "user", "workspace")
    ]


async def test_several_thresholds_at_once_are_one_message_about_the_highest(
    office: Office,
) -> None:
    await office.limit(100)
    await office.spend(85)
    await office.turn()
    await office.spend(1)
    await office.turn()
    assert office.slack.shares == ["80 %"]
    await office.spend(14)
    await office.turn()
    assert office.slack.shares == ["80 %", "100 %"]


async def test_many_processes_tell_it_once(office: Office) -> None:
    others = [office, *(office.beside() for _ in range(3))]
    await office.limit(100)
    for _ in range(10):
        await office.spend(10)
        await asyncio.gather(*(each.alerts.look() for each in others))
        await asyncio.gather(*(each.tell() for each in others))
    assert office.slack.shares == office.email.shares == ["50 %", "80 %", "100 %"]


async def test_a_process_that_starts_anew_tells_nothing_again(office: Office) -> None:
    await office.limit(100)
    await office.spend(60)
    await office.turn()
    anew = office.beside()
    await anew.alerts.sweep()
    await anew.turn()
    assert office.slack.shares == ["50 %"]


async def test_a_limit_over_what_is_spent_already_is_told_at_once(office: Office) -> None:
    await office.spend(60)
    await office.turn()
    assert office.slack.titles == []
    await office.limit(50)
    await office.turn()
    assert office.slack.shares == ["100 %"]


async def test_of_a_raised_limit_what_is_reached_by_more_money_is_told(office: Office) -> None:
    await office.limit(100)
    await office.spend(100)
    await office.turn()
    await office.limit(150)
    await office.turn()
    assert office.slack.shares == ["100 %"], "that half of 150 was passed is no news"
    for _ in range(5):
        await office.spend(10)
        await office.turn()
    assert office.slack.shares == ["100 %", "80 %", "100 %"]


async def test_of_a_lowered_limit_a_larger_share_is_told(office: Office) -> None:
    await office.limit(200)
    await office.spend(110)
    await office.turn()
    await office.limit(210)
    await office.turn()
    await office.limit(130)
    await office.turn()
    assert office.slack.shares == ["50 %", "80 %"]


async def test_thresholds_can_be_added_and_taken_away(office: Office) -> None:
    await office.limit(100, 0.5)
    await office.spend(60)
    await office.turn()
    await office.limit(100, 0.4, 0.6, 0.9)
    await office.turn()
    assert office.slack.shares == ["50 %", "60 %"]
    await office.limit(100)
    await office.spend(5)
    await office.turn()
    assert office.slack.shares == ["50 %", "60 %"]


async def test_spend_that_is_taken_back_and_comes_again_is_not_told_again(office: Office) -> None:
    await office.limit(100)
    await office.spend(30)
    lease = LeaseId("dead", KEY, PERIOD)
    await office.memory.lease(lease, least=20, most=20, expires_at=NOON)
    await office.memory.expire(now=NOON + 1)
    await office.turn()
    (entry,) = await office.memory.unconfirmed(limit=1, after=None)
    await office.memory.release(entry.id, now=NOON + 2)
    await office.turn()
    await office.spend(20)
    office.clock.advance(1000)
    await office.turn()
    assert office.slack.shares == ["50 %"]


async def test_a_channel_that_fails_is_tried_again_and_holds_up_no_other(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.slack.failures = [Undelivered("Slack answered 500"), Undelivered("the same")]
    await office.limit(100)
    await office.spend(50)
    await office.turn()
    assert (office.slack.titles, office.email.shares) == ([], ["50 %"])
    assert "slack: an alert for key 'sk-proj-one' was not taken: Slack answered 500" in caplog.text
    for seconds in (1.9, 0.1, 3.9):
        office.clock.advance(seconds)
        await office.turn()
    assert office.slack.asked == 2
    office.clock.advance(0.1)
    await office.beside().tell()
    assert office.slack.shares == ["50 %"]


async def test_what_was_reached_while_a_channel_was_away_is_told_as_it_is_then(
    office: Office,
) -> None:
    office.slack.failures = [Undelivered("away")]
    await office.limit(100)
    await office.spend(50)
    await office.turn()
    await office.spend(50)
    await office.turn()
    office.clock.advance(2)
    await office.turn()
    assert (office.slack.shares, office.email.shares) == (["100 %"], ["50 %", "100 %"])


async def test_what_holds_no_more_when_it_could_be_told_is_not_told(office: Office) -> None:
    office.slack.failures = [Undelivered("away")]
    await office.limit(100)
    await office.spend(50)
    await office.turn()
    await office.limit(1000)
    office.clock.advance(2)
    await office.turn()
    assert office.slack.titles == []
    await office.limit(100)
    office.clock.advance(alerts.REMEMBERED_SECONDS)
    await office.turn()
    assert office.slack.shares == ["50 %"]


async def test_a_removed_limit_is_told_no_more(office: Office) -> None:
    office.slack.failures = [Undelivered("away")]
    await office.limit(100)
    await office.spend(50)
    await office.turn()
    await office.memory.set_limit(KEY, None)
    office.clock.advance(2)
    await office.turn()
    assert office.slack.titles == []


async def test_a_channel_that_asks_for_rest_is_left_alone_by_all_alerts(office: Office) -> None:
    office.slack.failures = [Undelivered("429", retry_after_seconds=30)]
    office.used = [KEY, USER]
    for account in office.used:
        await office.limit(100, account=account)
        await office.spend(50, account)
    await office.turn()
    assert office.slack.asked == 1
    office.clock.advance(29)
    await office.turn()
    assert office.slack.asked == 1
    office.clock.advance(1)
    await office.turn()
    assert office.slack.shares == ["50 %", "50 %"]


async def test_a_channel_that_does_not_answer_is_left_after_a_while(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "SEND_SECONDS", 0.001)
    office.slack.gate = asyncio.Event()
    await office.limit(100)
    await office.spend(50)
    await office.turn()
    assert office.slack.titles == []
    office.slack.gate.set()
    office.clock.advance(2)
    await office.turn()
    assert office.slack.shares == ["50 %"]


async def test_what_a_dead_process_had_taken_is_told_by_another(office: Office) -> None:
    await office.limit(100)
    await office.spend(50)
    await office.alerts.look()
    assert await office.memory.take("slack", now=NOON, until=NOON + CLAIM_SECONDS)
    other = office.beside()
    await other.tell()
    assert (office.slack.titles, office.email.shares) == ([], ["50 %"])
    office.clock.advance(CLAIM_SECONDS)
    await other.tell()
    assert office.slack.shares == ["50 %"]


class Days:
    """Random days of two processes, and what must be true of all that was told.

    Attributes:
        told: for each message, the account's threshold and spend as it was sent.
    """

    def __init__(self) -> None:
        self.one = Office()
        self.other = self.one.beside()
        self.told: list[Mark] = []
        self.one.slack.on_send = self._note

    async def _note(self) -> None:
        (state,) = await self.one.memory.states([KEY], PERIOD)
        assert state.limit is not None
        mark = reached(state.limit, state.spent)
        assert mark is not None, "it holds as it is told"
        assert not any(told.covers(mark) for told in self.told), "it is news"
        self.told.append(Mark(mark.share, state.spent))

    async def live(self, steps: list[tuple[str, int]]) -> None:
        for step, number in steps:
            office = (self.one, self.other)[number % 2]
            await self._step(office, step, number)

    async def _step(self, office: Office, step: str, number: int) -> None:
        match step:
            case "spend":
                await office.spend(number)
            case "limit":
                await office.limit(number, 0.5, 1.0)
            case "threshold":
                await office.limit(100, number / 50)
            case "look":
                await office.alerts.look()
            case "tell":
                await office.alerts.tell("slack")
            case "turn":
                await office.turn()
            case "fail":
                office.slack.failures.append(Undelivered("away"))
            case "die":
                await office.memory.take("slack", now=office.clock(), until=office.clock() + 30)
            case "wait":
                office.clock.advance(number)

    async def end(self) -> None:
        """Once channels work and claims have ended, all that is reached was told."""
        self.one.slack.failures.clear()
        self.one.clock.advance(LONGEST_PAUSE_SECONDS)
        for office in (self.one, self.other):
            await office.alerts.sweep()
            await office.alerts.tell("slack")
        (state,) = await self.one.memory.states([KEY], PERIOD)
        mark = None if state.limit is None else reached(state.limit, state.spent)
        assert mark is None or any(told.covers(mark) for told in self.told)


STEPS = ["spend", "turn", "limit", "threshold", "look", "tell", "fail", "die", "wait"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 100)), max_size=30))
def test_whatever_happens_news_is_told_and_only_news(steps: list[tuple[str, int]]) -> None:
    async def run() -> None:
        days = Days()
        await days.live([("limit", 100), *steps])
        await days.end()

    asyncio.run(run())


@dataclass
class Forgetful:
    """A store that is away whenever it is to be recorded what was told."""

    memory: MemoryLedger
    is_away: bool = True

    async def limited(self) -> list[Account]:
        return await self.memory.limited()

    async def raise_alert(self, alert: AlertId, mark: Mark) -> None:
        await self.memory.raise_alert(alert, mark)

    async def take(self, channel: str, *, now: float, until: float) -> Taken | None:
        return await self.memory.take(channel, now=now, until=until)

    async def finish(self, taken: Taken, told: Mark | None) -> None:
        if self.is_away:
            raise Overloaded("the store is away")
        await self.memory.finish(taken, told)

    async def put_off(self, taken: Taken, *, until: float) -> None:
        await self.memory.put_off(taken, until=until)


async def test_what_was_told_while_the_store_was_away_is_recorded_before_more_is_taken(
    office: Office,
) -> None:
    store = Forgetful(office.memory)
    channels = {"slack": office.slack}
    told = Alerts(
        ledger=office.memory,
        store=store,
        keys=office.keys,
        channels=channels,
        spending=office,
        clock=office.clock,
    )
    await office.limit(100)
    await office.spend(50)
    await told.look()
    for _ in range(3):
        office.clock.advance(CLAIM_SECONDS)
        with pytest.raises(Overloaded):
            await told.tell("slack")
    store.is_away = False
    await told.tell("slack")
    assert office.slack.shares == ["50 %"]


async def test_what_could_not_be_told_until_its_month_was_long_over_is_given_up(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.slack.failures = [Undelivered("away")] * 2
    await office.limit(100)
    await office.spend(50)
    await office.turn()
    office.clock.now = DECEMBER + LATEST_SECONDS
    await office.tell()
    assert office.slack.asked == 2
    office.clock.advance(LONGEST_PAUSE_SECONDS)
    await office.tell()
    assert office.slack.asked == 2
    assert "given up" in caplog.text


async def test_a_look_at_all_finds_what_nobody_here_has_used(office: Office) -> None:
    office.used = []
    for number in range(250):
        account = Account("user", str(number))
        await office.limit(100, account=account)
        await office.spend(50, account)
    await office.turn()
    assert office.slack.titles == []
    await office.alerts.sweep()
    await office.tell()
    assert len(office.slack.titles) == 250


async def test_the_name_of_a_key_is_said(office: Office) -> None:
    key = VirtualKey(key_id=KEY.id, name="mobile app", scopes=frozenset(), created_at=0)
    await office.keys.add(key, KeySecret("hash", KEY.id))
    await office.limit(100)
    await office.spend(50)
    await office.turn()
    assert office.slack.titles == ['The budget of key sk-proj-one ("mobile app") has reached 50 %']


async def test_what_is_known_to_be_raised_asks_the_store_nothing(office: Office) -> None:
    asked: list[AlertId] = []

    class Counting(MemoryLedger):
        async def raise_alert(self, alert: AlertId, mark: Mark) -> None:
            asked.append(alert)
            await super().raise_alert(alert, mark)

    office = Office(Counting())
    await office.limit(100)
    await office.spend(50)
    for _ in range(10):
        await office.turn()
    assert len(asked) == 2
    office.clock.advance(alerts.REMEMBERED_SECONDS)
    await office.turn()
    assert len(asked) == 4, "once in a while it asks whether that still holds"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns without pauses between them."""
    monkeypatch.setattr(alerts, "LOOK_SECONDS", 0)
    monkeypatch.setattr(alerts, "POLL_SECONDS", 0)


@pytest.mark.usefixtures("quick")
async def test_a_running_process_tells_by_itself_and_outlives_failures(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.away = True
    office.slack.failures = [RuntimeError("a mistake in the channel")]
    await office.limit(100)
    await office.spend(50)
    office.alerts.start(sweeping=False)
    await until(lambda: True)
    office.away = False
    await until(lambda: office.email.shares == ["50 %"] and office.slack.asked == 1)
    assert "a mistake in the channel" in caplog.text
    office.clock.advance(CLAIM_SECONDS)
    await until(lambda: office.slack.shares == ["50 %"])
    await office.alerts.aclose()


@pytest.mark.usefixtures("quick")
async def test_a_process_that_starts_or_sees_another_die_looks_at_all(office: Office) -> None:
    office.used = []
    await office.limit(100)
    await office.spend(50)
    office.alerts.start(sweeping=True)
    await until(lambda: office.slack.shares == ["50 %"])
    await office.spend(30)
    office.expired += 1
    await until(lambda: office.slack.shares == ["50 %", "80 %"])
    await office.alerts.aclose()


async def test_the_last_look_tells_what_was_spent_just_now(office: Office) -> None:
    office.alerts.start(sweeping=False)
    await office.limit(100)
    await office.spend(50)
    await office.alerts.aclose()
    assert office.slack.shares == office.email.shares == ["50 %"]


async def test_the_end_does_not_wait_for_a_channel_that_does_not_answer(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "CLOSE_SECONDS", 0.01)
    office.slack.gate = asyncio.Event()
    office.alerts.start(sweeping=False)
    await office.limit(100)
    await office.spend(50)
    await office.alerts.aclose()
    assert (office.slack.asked, office.slack.titles, office.email.shares) == (1, [], ["50 %"])
    office.slack.gate.set()
    office.clock.advance(CLAIM_SECONDS)
    await office.beside().tell()
    assert office.slack.shares == ["50 %"]


async def test_what_is_told_is_logged(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await office.limit(100)
    await office.spend(50)
    await office.turn()
    assert "slack: told that The budget of key sk-proj-one has reached 50 %" in caplog.text
