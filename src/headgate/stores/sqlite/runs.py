"""Runs, their events and what they are told, in a database that other processes use too.

An event gets its number in the transaction that writes it, from a counter in its run's row; so the
numbers have no gap, and a run that has ended takes no more. Inputs and outputs, which may be large,
stand in a table of their own, for a run's row is written anew with each of its events.
"""

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from headgate.core.runs import (
    ENDED,
    UNCHANGED,
    Begun,
    Change,
    Command,
    Draft,
    Run,
    RunEvent,
    RunFilter,
    RunStatus,
)
from headgate.stores.sqlite.database import Database

_encode = msgspec.json.Encoder().encode
_COMMANDS = "SELECT number, run_id, kind, step_id, approved, comment FROM run_commands WHERE "
_run = msgspec.json.Decoder(Run)


@dataclass(frozen=True, slots=True)
class SqliteRuns:
    """`RunStore` in SQLite."""

    database: Database
    clock: Callable[[], float] = time.time

    async def add(self, run: Run) -> bool:
        """See `RunStore.add`."""
        now = self.clock()
        return await self.database.writer.run(lambda connection: _add(connection, run, now))

    async def get(self, run_id: str) -> Run | None:
        """See `RunStore.get`."""
        return await self.database.readers.run(lambda connection: _get(connection, run_id))

    async def page(self, where: RunFilter, *, limit: int, before: str | None) -> list[Run]:
        """See `RunStore.page`."""
        return await self.database.readers.run(
            lambda connection: _list(connection, where, limit, before)
        )

    async def record(
        self,
        run_id: str,
        drafts: Sequence[Draft],
        change: Change = UNCHANGED,
        *,
        expected: RunStatus | None = None,
    ) -> bool:
        """See `RunStore.record`."""
        now = self.clock()
        return await self.database.writer.run(
            lambda connection: _record(connection, run_id, drafts, change, expected, now)
        )

    async def begin_step(self, run_id: str, step_id: str, data: Mapping[str, Any]) -> Begun | None:
        """See `RunStore.begin_step`."""
        now = self.clock()
        return await self.database.writer.run(
            lambda connection: _begin_step(connection, run_id, step_id, data, now)
        )

    async def events(
        self, run_id: str, *, after: int, limit: int, with_deltas: bool = True
    ) -> list[RunEvent]:
        """See `RunStore.events`."""
        return await self.database.readers.run(
            lambda connection: _events(connection, run_id, after, limit, with_deltas)
        )

    async def command(self, command: Command) -> bool:
        """See `RunStore.command`."""
        return await self.database.writer.run(lambda connection: _command(connection, command))

    async def commands(self, *, after: int) -> list[Command]:
        """See `RunStore.commands`."""
        return await self.database.readers.run(
            lambda connection: _commands(connection, "number > ? ORDER BY number", after)
        )

    async def last_command(self) -> int:
        """See `RunStore.last_command`."""
        question = "SELECT COALESCE(MAX(number), 0) FROM run_commands"
        found: tuple[int] = await self.database.readers.run(
            lambda connection: connection.execute(question).fetchone()
        )
        return found[0]

    async def commands_of(self, run_id: str) -> list[Command]:
        """See `RunStore.commands_of`."""
        return await self.database.readers.run(
            lambda connection: _commands(connection, "run_id = ? ORDER BY number", run_id)
        )

    async def unsubmitted(self, limit: int) -> list[str]:
        """See `RunStore.unsubmitted`."""
        return await self.database.readers.run(
            lambda connection: [
                run_id
                for (run_id,) in connection.execute(
                    "SELECT run_id FROM runs WHERE finished_at IS NULL AND is_submitted = 0 "
                    "AND status = 'queued' ORDER BY run_id LIMIT ?",
                    (limit,),
                )
            ]
        )

    async def claim(self, run_id: str) -> bool:
        """See `RunStore.claim`."""
        question = "SELECT 1 FROM runs WHERE run_id = ? AND is_submitted = 0 AND status = 'queued'"
        return await self.database.readers.run(
            lambda connection: connection.execute(question, (run_id,)).fetchone() is not None
        )

    async def submitted(self, run_ids: Sequence[str]) -> None:
        """See `RunStore.submitted`."""
        rows = [(run_id,) for run_id in run_ids]
        await self.database.writer.run(
            lambda connection: connection.executemany(
                "UPDATE runs SET is_submitted = TRUE WHERE run_id = ?", rows
            )
        )

    async def counts(self) -> Mapping[RunStatus, int]:
        """See `RunStore.counts`."""
        return await self.database.readers.run(
            lambda connection: dict(
                connection.execute(
                    "SELECT status, COUNT(*) FROM runs WHERE finished_at IS NULL GROUP BY status"
                ).fetchall()
            )
        )

    async def forget(self, *, before: float, limit: int) -> list[str]:
        """See `RunStore.forget`."""
        return await self.database.writer.run(lambda connection: _forget(connection, before, limit))

    async def has_erased(self) -> bool:
        """See `RunStore.has_erased`."""
        return await self.database.readers.run(
            lambda connection: (
                connection.execute("SELECT 1 FROM runs WHERE finished_at = 0").fetchone()
                is not None
            )
        )

    async def erase(self, run_ids: Sequence[str]) -> None:
        """See `RunStore.erase`."""
        await self.database.writer.run(lambda connection: _erase(connection, run_ids))


def _add(connection: sqlite3.Connection, run: Run, now: float) -> bool:
    small = msgspec.structs.replace(run, request=_without_input(run))
    added = connection.execute(
        "INSERT INTO runs (run_id, key_id, user_id, workspace_id, status, last_seq, body) "
        "VALUES (?, ?, ?, ?, ?, 0, ?) ON CONFLICT DO NOTHING",
        (run.run_id, run.key_id, run.user_id, run.workspace_id, run.status, _encode(small)),
    )
    if not added.rowcount:
        return False
    connection.execute(
        "INSERT INTO run_values (run_id, input) VALUES (?, ?)",
        (run.run_id, _encode(run.request.input)),
    )
    data = {"runType": run.request.type, "model": run.request.model}
    _append(connection, run.run_id, [Draft(type="run.queued", data=data, at=run.created_at)], now)
    return True


def _without_input(run: Run) -> Any:
    return msgspec.structs.replace(run.request, input=None)


def _get(connection: sqlite3.Connection, run_id: str) -> Run | None:
    row = connection.execute(
        "SELECT body, input, output FROM runs JOIN run_values USING (run_id) WHERE run_id = ?",
        (run_id,),
    ).fetchone()
    if row is None:
        return None
    run = _run.decode(row[0])
    request = msgspec.structs.replace(run.request, input=msgspec.json.decode(row[1]))
    output = None if row[2] is None else msgspec.json.decode(row[2])
    return msgspec.structs.replace(run, request=request, output=output)


def _list(
    connection: sqlite3.Connection, where: RunFilter, limit: int, before: str | None
) -> list[Run]:
    conditions = [
        (f"{name} = ?", value) for name, value in where._asdict().items() if value is not None
    ]
    if before is not None:
        conditions.append(("run_id < (SELECT run_id FROM runs WHERE run_id = ?)", before))
    condition = " AND ".join(text for text, _ in conditions) or "TRUE"
    rows = connection.execute(
        f"SELECT body FROM runs WHERE {condition} ORDER BY run_id DESC LIMIT ?",  # noqa: S608 - names of fields
        (*(value for _, value in conditions), limit),
    )
    return [_run.decode(body) for (body,) in rows]


def _record(  # noqa: PLR0917 - what the port's method takes
    connection: sqlite3.Connection,
    run_id: str,
    drafts: Sequence[Draft],
    change: Change,
    expected: RunStatus | None,
    now: float,
) -> bool:
    row = connection.execute("SELECT status, body FROM runs WHERE run_id = ?", (run_id,)).fetchone()
    if row is None or row[0] in ENDED or expected not in {None, row[0]}:
        return False
    if drafts and not _append(connection, run_id, drafts, now):
        return False
    if change != UNCHANGED:
        _change(connection, run_id, _run.decode(row[1]), change)
    return True


def _change(connection: sqlite3.Connection, run_id: str, run: Run, change: Change) -> None:
    changed = change.applied(run)
    if change.output is not msgspec.UNSET:
        connection.execute(
            "UPDATE run_values SET output = ? WHERE run_id = ?", (_encode(changed.output), run_id)
        )
        changed = msgspec.structs.replace(changed, output=None)
    connection.execute(
        "UPDATE runs SET status = ?, finished_at = ?, body = ? WHERE run_id = ?",
        (changed.status, changed.finished_at, _encode(changed), run_id),
    )


def _append(
    connection: sqlite3.Connection, run_id: str, drafts: Sequence[Draft], now: float
) -> bool:
    """Write the events that have not happened yet; says whether there was one."""
    new = [
        draft
        for draft in drafts
        if draft.once is None
        or connection.execute(
            "SELECT 1 FROM run_events WHERE run_id = ? AND once = ?", (run_id, draft.once)
        ).fetchone()
        is None
    ]
    if not new:
        return False
    (last,) = connection.execute(
        "UPDATE runs SET last_seq = last_seq + ? WHERE run_id = ? RETURNING last_seq",
        (len(new), run_id),
    ).fetchone()
    connection.executemany(
        "INSERT INTO run_events (run_id, seq, type, at, step_id, attempt, data, once) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                run_id,
                seq,
                draft.type,
                now if draft.at is None else draft.at,
                draft.step_id,
                draft.attempt,
                _encode(draft.data),
                draft.once,
            )
            for seq, draft in enumerate(new, last - len(new) + 1)
        ],
    )
    return True


def _begin_step(
    connection: sqlite3.Connection, run_id: str, step_id: str, data: Mapping[str, Any], now: float
) -> Begun | None:
    row = connection.execute("SELECT status, body FROM runs WHERE run_id = ?", (run_id,)).fetchone()
    if row is None or row[0] in ENDED:
        return None
    (begun,) = connection.execute(
        "SELECT COUNT(*) FROM run_events "
        "WHERE run_id = ? AND step_id = ? AND type = 'step.started'",
        (run_id, step_id),
    ).fetchone()
    attempt: int = begun + 1
    draft = Draft(type="step.started", step_id=step_id, attempt=attempt, data=data)
    _append(connection, run_id, [draft], now)
    return Begun(attempt, _run.decode(row[1]).tally)


def _events(
    connection: sqlite3.Connection, run_id: str, after: int, limit: int, with_deltas: bool
) -> list[RunEvent]:
    rows = connection.execute(
        "SELECT seq, type, at, step_id, attempt, data FROM run_events "
        "WHERE run_id = ? AND seq > ? AND (? OR type <> 'step.delta') ORDER BY seq LIMIT ?",
        (run_id, after, with_deltas, limit),
    )
    return [
        RunEvent(
            seq=seq,
            run_id=run_id,
            type=kind,
            at=at,
            step_id=step_id,
            attempt=attempt,
            data=msgspec.json.decode(data),
        )
        for seq, kind, at, step_id, attempt, data in rows
    ]


def _command(connection: sqlite3.Connection, command: Command) -> bool:
    done = connection.execute(
        "INSERT INTO run_commands (run_id, kind, step_id, approved, comment) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (command.run_id, command.kind, command.step_id, command.approved, command.comment),
    )
    return done.rowcount > 0


def _commands(connection: sqlite3.Connection, condition: str, value: object) -> list[Command]:
    rows = connection.execute(_COMMANDS + condition, (value,))
    return [
        Command(
            number=number,
            run_id=run_id,
            kind=kind,
            step_id=step_id,
            approved=bool(approved),
            comment=comment,
        )
        for number, run_id, kind, step_id, approved, comment in rows
    ]


def _forget(connection: sqlite3.Connection, before: float, limit: int) -> list[str]:
    run_ids = [
        run_id
        for (run_id,) in connection.execute(
            "SELECT run_id FROM runs WHERE finished_at < ? ORDER BY finished_at LIMIT ?",
            (before, limit),
        )
    ]
    _erase(connection, run_ids)
    return run_ids


def _erase(connection: sqlite3.Connection, run_ids: Sequence[str]) -> None:
    rows = [(run_id,) for run_id in run_ids]
    for table in ("run_events", "run_commands", "run_values", "runs"):
        connection.executemany(f"DELETE FROM {table} WHERE run_id = ?", rows)  # noqa: S608 - constants
