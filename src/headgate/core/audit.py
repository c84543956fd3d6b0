"""The audit log: who did what to the platform. Values, their chain, and the port of its store.

An act is told in two records. The intent is kept before the act begins and the outcome after it
has ended, so no act can be without its entry, whatever store it changes and whenever a process
dies: an intent without an outcome is an act of which nobody knows whether it was done.

Records are only ever added. Each has a number, without gaps, and a hash over its text and the hash
of the record before it: who changes, removes or inserts one breaks all that follow.
"""

import hashlib
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

Means: TypeAlias = Literal["key", "session", "command", "platform"]
Result: TypeAlias = Literal["done", "refused", "unknown"]

START = "0" * 64
"""What stands in the place of a hash before the first record."""


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who acted, and by which means."""

    key_id: str
    name: str
    user_id: str | None = None
    means: Means


class Intent(msgspec.Struct, frozen=True, kw_only=True, tag="intent"):
    """An act that is about to begin.

    Attributes:
        at: Unix seconds.
        action: such as `key.change`; what is before the dot says what it is done to.
        target: its id; empty where the act will make it.
        address: of whoever connected to this platform; that may be a proxy's.
        before: how the target was; no secrets.
        workspace_id: the workspace to which it is done; None where that is the platform as a whole.
    """

    act_id: str
    at: float
    actor: Actor
    action: str
    target: str
    request_id: str
    address: str
    before: Any = None
    workspace_id: str | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True, tag="outcome"):
    """How an act ended.

    Attributes:
        at: Unix seconds.
        target: what it was done to.
        code: why it was refused; None where it was not.
        after: how the target is now; no secrets.
    """

    act_id: str
    at: float
    target: str
    code: str | None = None
    after: Any = None


AuditRecord: TypeAlias = Intent | Outcome

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(AuditRecord).decode


class SealedRecord(msgspec.Struct, frozen=True):
    """A record as it is kept.

    Attributes:
        number: its place among all, from 1.
        text: the record, in JSON; `hash`: over it and all before it, in hexadecimal.
    """

    number: int
    text: str
    hash: str


class Act(msgspec.Struct, frozen=True):
    """What was done, or begun; `number` is that of its intent."""

    number: int
    intent: Intent
    outcome: Outcome | None

    @property
    def target(self) -> str:
        """What it was done to."""
        return self.intent.target if self.outcome is None else self.outcome.target

    @property
    def result(self) -> Result:
        """What became of it."""
        if self.outcome is None:
            return "unknown"
        return "done" if self.outcome.code is None else "refused"


class AuditFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which acts; None is any.

    Attributes:
        start, end: Unix seconds; the start counts, the end does not.
        actor: the id of a key, or of a user.
        action: one, or what is before its dot.
    """

    start: float = 0.0
    end: float = float("inf")
    actor: str | None = None
    action: str | None = None
    target: str | None = None
    workspace_id: str | None = None

    def admits(self, act: Act) -> bool:
        """Whether it is one of them."""
        intent = act.intent
        return (
            self.start <= intent.at < self.end
            and self.actor in {None, intent.actor.key_id, intent.actor.user_id}
            and self.action in {None, intent.action, intent.action.partition(".")[0]}
            and self.target in {None, act.target}
            and self.workspace_id in {None, intent.workspace_id}
        )


def seal(record: AuditRecord, last: SealedRecord | None) -> SealedRecord:
    """The record as it is kept behind `last`."""
    text = _encode(record).decode()
    number, before = (1, START) if last is None else (last.number + 1, last.hash)
    return SealedRecord(number, text, chained(before, text))


def chained(before: str, text: str) -> str:
    """The hash of a record's text behind the hash of the record before it."""
    return hashlib.sha256(f"{before}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()


def opened(text: str) -> AuditRecord:
    """The record that a text holds."""
    record: AuditRecord = _decode(text)
    return record


class AuditStore(Protocol):
    """Where records are kept. Every method may raise `Overloaded` when the store is away."""

    async def append(self, record: AuditRecord) -> None:
        """Keep a record behind all others; it is durable when this returns."""
        ...

    async def acts(self, where: AuditFilter, *, limit: int, before: int | None) -> list[Act]:
        """Up to `limit` acts, newest first, from behind the one with the number `before`."""
        ...

    async def records(self, *, after: int, limit: int) -> list[SealedRecord]:
        """Up to `limit` records, oldest first, from behind the one with the number `after`."""
        ...
