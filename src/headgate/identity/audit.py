"""Acts of administrators, told before they begin and once they have ended."""

import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from headgate.core.audit import (
    START,
    Act,
    Actor,
    AuditFilter,
    AuditStore,
    Intent,
    Outcome,
    chained,
)
from headgate.core.ids import new_timed_id

READ_AT_ONCE = 200
# What anybody might send as a secret, by its name in JSON: it is never kept.
SECRET_FIELDS = frozenset({"apiKey", "ticket", "password", "secret", "token"})


class Verified(msgspec.Struct, frozen=True, rename="camel"):
    """Whether the log is as it was written.

    Attributes:
        records: how many there are.
        head: the hash of the last one. Who keeps both elsewhere can tell later whether the log
            was cut off, or written anew from its start.
        intact: whether each record is the one that was chained there.
        first_wrong: the number of the first that is not.
    """

    records: int
    head: str
    intact: bool
    first_wrong: int | None


@dataclass(frozen=True, slots=True)
class Audit:
    """Writes the audit log, reads it, and tells whether it was tampered with."""

    store: AuditStore
    clock: Callable[[], float] = time.time

    async def begin(
        self,
        actor: Actor,
        action: str,
        target: str,
        *,
        request_id: str,
        address: str,
        before: Any = None,
        workspace_id: str | None = None,
    ) -> Intent:
        """Tell of an act; it may be done once this returns.

        Raises:
            Overloaded: the log cannot be written, so nothing may be done.
        """
        now = self.clock()
        intent = Intent(
            act_id=new_timed_id("act", now),
            at=now,
            actor=actor,
            action=action,
            target=target,
            request_id=request_id,
            address=address,
            before=without_secrets(before),
            workspace_id=workspace_id,
        )
        await self.store.append(intent)
        return intent

    async def end(
        self,
        intent: Intent,
        *,
        target: str | None = None,
        code: str | None = None,
        after: Any = None,
    ) -> None:
        """Tell how an act ended: that it was done, or with `code` that it was refused.

        Raises:
            Overloaded: the log cannot be written; the act stays one of unknown outcome.
        """
        outcome = Outcome(
            act_id=intent.act_id,
            at=self.clock(),
            target=intent.target if target is None else target,
            code=code,
            after=without_secrets(after),
        )
        await self.store.append(outcome)

    async def acts(self, where: AuditFilter, *, limit: int, before: int | None = None) -> list[Act]:
        """Up to `limit` acts, newest first, from behind the one with the number `before`."""
        return await self.store.acts(where, limit=limit, before=before)

    async def every_act(self, where: AuditFilter) -> AsyncGenerator[Act, None]:
        """All of them, newest first; those that begin meanwhile are not among them."""
        before: int | None = None
        while page := await self.store.acts(where, limit=READ_AT_ONCE, before=before):
            for act in page:
                yield act
            before = page[-1].number

    async def verify(self, *, records: int = 0, head: str = START) -> Verified:
        """Walk the whole chain.

        Args:
            records: how many there were at an earlier time; 0 where nobody knows.
            head: the hash of the last one at that time.
        """
        number, last = 0, START
        first_wrong: int | None = None if records or head == START else 1
        while page := await self.store.records(after=number, limit=READ_AT_ONCE):
            for sealed in page:
                number += 1
                is_right = sealed.number == number and sealed.hash == chained(last, sealed.text)
                is_as_known = number != records or sealed.hash == head
                if first_wrong is None and not (is_right and is_as_known):
                    first_wrong = number
                number, last = sealed.number, sealed.hash
        if first_wrong is None and number < records:
            first_wrong = number + 1
        return Verified(number, last, first_wrong is None, first_wrong)


def without_secrets(value: Any) -> Any:
    """A value as plain JSON, without the fields that hold secrets."""
    return _cleaned(msgspec.json.decode(msgspec.json.encode(value)))


def _cleaned(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _cleaned(each) for name, each in value.items() if name not in SECRET_FIELDS}
    if isinstance(value, list | tuple):
        return [_cleaned(each) for each in value]
    return value
