"""The audit log, as an administrator reads it, exports it and has it checked."""

import csv
import io
from collections.abc import AsyncGenerator
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from headgate.core.audit import START, Act, AuditFilter, Means, Result
from headgate.core.errors import InvalidRequest
from headgate.core.times import iso
from headgate.http.calls import Call, Reply, StreamReply
from headgate.http.lists import Cursor, PageSize, page
from headgate.http.usage import moment

Text: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]

# A cell that begins so is a formula to a spreadsheet, and names are written by others.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_encode = msgspec.json.Encoder().encode


class ActsQuery(msgspec.Struct, rename="camel"):
    """Which acts: of what time, by whom (a key's id or a user's), which, and to what."""

    from_: str | None = msgspec.field(default=None, name="from")
    to: str | None = None
    actor: Text | None = None
    action: Text | None = None
    target: Text | None = None


class AuditQuery(ActsQuery, rename="camel"):
    """Which acts, and which page of them."""

    limit: PageSize = 50
    cursor: Cursor | None = None


class ExportQuery(ActsQuery, rename="camel"):
    """Which acts, and written how."""

    format: Literal["jsonl", "csv"] = "jsonl"


class VerificationQuery(msgspec.Struct):
    """What an earlier verification said, where it was kept."""

    records: Annotated[int, msgspec.Meta(ge=0, le=10**12)] = 0
    head: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")] = START


class ActorItem(msgspec.Struct, frozen=True, rename="camel"):
    """Who acted: with a key, in a session, on the command line; or the platform did."""

    key_id: str
    name: str
    user_id: str | None
    means: Means


class ActItem(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """An act. `result` is `unknown` while it is under way, and where its process died in it."""

    id: str
    at: str
    actor: ActorItem
    action: str
    target: str
    result: Result
    code: str | None
    before: Any
    after: Any
    workspace_id: str | None
    request_id: str
    address: str
    ended_at: str | None


class ActPage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of acts, newest first."""

    data: list[ActItem]
    next_cursor: str | None


async def acts(call: Call[None]) -> Reply:
    """`GET /v1/audit`."""
    query: AuditQuery = call.query
    found = await call.services.audit.acts(
        _filter(call, query), limit=query.limit + 1, before=_number(query.cursor)
    )
    items = [_item(act) for act in found]
    return Reply(page(items, query.limit, [str(act.number) for act in found]))


async def export(call: Call[None]) -> StreamReply:
    """`GET /v1/audit/export`."""
    query: ExportQuery = call.query
    found = call.services.audit.every_act(_filter(call, query))
    is_csv = query.format == "csv"
    name = f'attachment; filename="audit.{query.format}"'
    return StreamReply(
        _csv(found) if is_csv else _json_lines(found),
        [(b"content-disposition", name.encode())],
        b"text/csv; charset=utf-8" if is_csv else b"application/x-ndjson",
    )


async def verify(call: Call[None]) -> Reply:
    """`GET /v1/audit/verification`."""
    query: VerificationQuery = call.query
    return Reply(await call.services.audit.verify(records=query.records, head=query.head))


async def _json_lines(found: AsyncGenerator[Act, None]) -> AsyncGenerator[bytes, None]:
    async for act in found:
        yield _encode(_item(act)) + b"\n"


async def _csv(found: AsyncGenerator[Act, None]) -> AsyncGenerator[bytes, None]:
    columns = [
        *("id", "at", "keyId", "name", "userId", "means", "action", "target", "result", "code"),
        *("before", "after", "workspaceId", "requestId", "address", "endedAt"),
    ]
    yield _line(columns)
    async for act in found:
        shown = msgspec.to_builtins(_item(act))
        row = shown.pop("actor") | shown
        row |= {name: _encode(row[name]).decode() for name in ("before", "after") if row[name]}
        yield _line([_cell(row[name]) for name in columns])


def _line(cells: list[str]) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue().encode("utf-8", "replace")


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _filter(call: Call[None], query: ActsQuery) -> AuditFilter:
    start, end = moment(query.from_, "from"), moment(query.to, "to")
    if start is not None and end is not None and start >= end:
        raise InvalidRequest("`from` must be before `to`", param="from")
    return AuditFilter(
        start=0.0 if start is None else start.timestamp(),
        end=float("inf") if end is None else end.timestamp(),
        actor=query.actor,
        action=query.action,
        target=query.target,
        workspace_id=call.key.looks_within,
    )


def _number(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not cursor.isdigit():
        raise InvalidRequest("`cursor` is none that this list gave", param="cursor")
    return int(cursor)


def _item(act: Act) -> ActItem:
    intent, outcome = act.intent, act.outcome
    actor = intent.actor
    return ActItem(
        id=intent.act_id,
        at=iso(intent.at),
        actor=ActorItem(actor.key_id, actor.name, actor.user_id, actor.means),
        action=intent.action,
        target=act.target,
        result=act.result,
        code=None if outcome is None else outcome.code,
        before=intent.before,
        after=None if outcome is None else outcome.after,
        workspace_id=intent.workspace_id,
        request_id=intent.request_id,
        address=intent.address,
        ended_at=None if outcome is None else iso(outcome.at),
    )
