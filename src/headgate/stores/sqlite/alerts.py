"""What was told of budgets, in SQLite: one row for each channel, account and period."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from headgate.core.alerts import AlertId, AlertState, Mark, Taken
from headgate.core.budgets import Account
from headgate.stores.sqlite.database import Database

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(AlertState).decode


@dataclass(frozen=True, slots=True)
class SqliteAlerts:
    """`AlertStore` in a database that other processes use too."""

    database: Database

    async def limited(self) -> list[Account]:
        """See `AlertStore.limited`."""
        return await self.database.readers.run(_limited)

    async def raise_alert(self, alert: AlertId, mark: Mark) -> None:
        """See `AlertStore.raise_alert`."""
        known = await self.database.readers.run(lambda connection: _state(connection, alert))
        # Most are raised again and again, and looking takes no lock.
        if known.raised(mark) != known:
            await self._change(alert, lambda state: state.raised(mark))

    async def take(self, channel: str, *, now: float, until: float) -> Taken | None:
        """See `AlertStore.take`."""
        if not await self.database.readers.run(lambda connection: _first(connection, channel, now)):
            return None
        return await self.database.writer.run(
            lambda connection: _take(connection, channel, now, until)
        )

    async def finish(self, taken: Taken, told: Mark | None) -> None:
        """See `AlertStore.finish`."""
        await self._change(taken.alert, lambda state: state.done(taken.due, told))

    async def put_off(self, taken: Taken, *, until: float) -> None:
        """See `AlertStore.put_off`."""
        attempt = taken.state.attempts
        await self._change(taken.alert, lambda state: state.put_off(attempt, until=until))

    async def _change(self, alert: AlertId, change: Callable[[AlertState], AlertState]) -> None:
        await self.database.writer.run(
            lambda connection: _put(connection, alert, change(_state(connection, alert)))
        )


def _limited(connection: sqlite3.Connection) -> list[Account]:
    rows = connection.execute("SELECT scope, id FROM limits").fetchall()
    return [Account(scope, account_id) for scope, account_id in rows]


def _state(connection: sqlite3.Connection, alert: AlertId) -> AlertState:
    row = connection.execute(
        "SELECT state FROM alerts WHERE channel = ? AND scope = ? AND id = ? AND period = ?",
        _columns(alert),
    ).fetchone()
    return _decode(row[0]) if row else AlertState()


def _first(connection: sqlite3.Connection, channel: str, now: float) -> AlertId | None:
    """The alert that may be taken and has waited the longest."""
    row = connection.execute(
        "SELECT scope, id, period FROM alerts WHERE channel = ? AND held_until <= ? "
        "ORDER BY held_until LIMIT 1",
        (channel, now),
    ).fetchone()
    return row and AlertId(channel, Account(row[0], row[1]), row[2])


def _take(connection: sqlite3.Connection, channel: str, now: float, until: float) -> Taken | None:
    alert = _first(connection, channel, now)
    if alert is None:
        return None
    state = _state(connection, alert).taken(now=now, until=until)
    if state is None or state.due is None:
        return None
    _put(connection, alert, state)
    return Taken(alert, state.due, state)


def _put(connection: sqlite3.Connection, alert: AlertId, state: AlertState) -> None:
    held_until = None if state.due is None else state.held_until
    connection.execute(
        "INSERT INTO alerts (channel, scope, id, period, held_until, state) "
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (channel, scope, id, period) DO UPDATE SET "
        "held_until = excluded.held_until, state = excluded.state",
        (*_columns(alert), held_until, _encode(state).decode()),
    )


def _columns(alert: AlertId) -> tuple[str, str, str, str]:
    return (alert.channel, *alert.account, alert.period)
