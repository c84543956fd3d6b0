"""Budget alerts: what somebody is to be told of a budget, what was told, and the ports for both.

A threshold of a limit is a *mark*: its share of the limit and the spend that reaches it. What was
told is a mark too: the share, and the spend at that time. Who was told of a mark knows of every
mark that it covers, so what was told is a few marks, however often limit and thresholds change; and
a message about the highest threshold is one about all below it.

An alert goes two steps: it is *raised*, which is durable, and then whoever *takes* it sends it and
says so. A process that dies in between leaves an alert that another may take once the claim ends.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from headgate.core.budgets import Account, Limit
from headgate.core.money import NanoUSD


class Mark(NamedTuple):
    """A share of a limit with a spend: the one that reaches it, or the one that was told of it."""

    share: float
    amount: NanoUSD

    def covers(self, other: "Mark") -> bool:
        """Whether `other` says no more than this: neither a larger share nor a larger spend."""
        return other.share <= self.share and other.amount <= self.amount


class AlertId(NamedTuple):
    """Where it is told, of which account's period: `slack`, `email` or `log`."""

    channel: str
    account: Account
    period: str


class AlertState(msgspec.Struct, frozen=True):
    """What was told of one account's period on one channel, and what is still to be told.

    Attributes:
        told: no one of them covers another.
        due: the mark to tell, None where nothing is.
        attempts: how often `due` was taken.
        held_until: when `due` may be taken, in Unix seconds: after a claim or a pause.
    """

    told: tuple[Mark, ...] = ()
    due: Mark | None = None
    attempts: int = 0
    held_until: float = 0.0

    def raised(self, mark: Mark) -> "AlertState":
        """With `mark` to be told, unless what was told or is to be told covers it."""
        known = self.told if self.due is None else (*self.told, self.due)
        if any(each.covers(mark) for each in known):
            return self
        # Somebody may be sending what was due before: the claim or the pause goes on.
        return msgspec.structs.replace(self, due=mark)

    def taken(self, *, now: float, until: float) -> "AlertState | None":
        """Claimed until then; None where there is nothing to take yet."""
        if self.due is None or now < self.held_until:
            return None
        return msgspec.structs.replace(self, attempts=self.attempts + 1, held_until=until)

    def done(self, due: Mark, told: Mark | None) -> "AlertState":
        """Without `due`, of which `told` was told, or nothing; what was raised since stays due."""
        marks = self.told
        if told is not None and not any(mark.covers(told) for mark in marks):
            marks = (*(mark for mark in marks if not told.covers(mark)), told)
        left = None if self.due == due else self.due
        if left is not None and any(mark.covers(left) for mark in marks):
            left = None
        return AlertState(marks, left)

    def put_off(self, attempt: int, *, until: float) -> "AlertState":
        """Free to be taken again at `until`, if nobody has taken it since `attempt`."""
        if self.due is None or self.attempts != attempt:
            return self
        return msgspec.structs.replace(self, held_until=until)


class Taken(NamedTuple):
    """An alert that this process alone may tell now."""

    alert: AlertId
    due: Mark
    state: AlertState


class AlertStore(Protocol):
    """Where it is kept what was told. Every method may raise `Overloaded`: the store is away."""

    async def limited(self) -> Sequence[Account]:
        """Every account that has a limit."""
        ...

    async def raise_alert(self, alert: AlertId, mark: Mark) -> None:
        """Have `mark` told once; a second time, from any process, changes nothing."""
        ...

    async def take(self, channel: str, *, now: float, until: float) -> Taken | None:
        """Claim an alert of `channel` until then, one that nobody else has at `now`."""
        ...

    async def finish(self, taken: Taken, told: Mark | None) -> None:
        """Record that `told` was told, or with None that nothing is to be told any more.

        Holds even where the claim has ended meanwhile: what was said was said.
        """
        ...

    async def put_off(self, taken: Taken, *, until: float) -> None:
        """Let an alert that could not be told be taken again, by anybody, from `until` on."""
        ...


class Spend(NamedTuple):
    """What is spent of a limited account in a period: billed or unconfirmed, and durable."""

    account: Account
    period: str
    limit: Limit
    spent: NanoUSD


class Spending(Protocol):
    """What this process knows of limited accounts because it spends on them."""

    @property
    def expired(self) -> int:
        """How many leases of dead processes this one has resolved; what they held is spent then."""
        ...

    async def spends(self, *, at_once: bool = False) -> Sequence[Spend]:
        """What is spent of every limited account that was used here lately, as the store has it.

        Who is the last to spend, of all processes, sees the whole sum: within a moment an account
        is read once more after what this process has spent of it, or now with `at_once`.

        Raises:
            Overloaded: the store did not say.
        """
        ...


class Notice(NamedTuple):
    """A message as a channel is given it, in plain words: each fact a name and what it is.

    Attributes:
        share: of a budget's limit that was reached, for channels that tell numbers.
    """

    title: str
    facts: tuple[tuple[str, str], ...]
    share: float | None = None


class Undelivered(Exception):
    """A channel did not take a message; the text says why and holds no secret.

    Attributes:
        retry_after_seconds: how long the channel asks to be left alone.
    """

    def __init__(self, reason: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_seconds = retry_after_seconds


class Notifier(Protocol):
    """A channel that reaches people."""

    async def send(self, notice: Notice) -> None:
        """Hand a message over, at most once per call.

        Raises:
            Undelivered: the channel did not take it, or did not say that it has.
        """
        ...
