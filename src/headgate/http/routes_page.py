"""The page about routes, written from the route table."""

import inspect
import types
from collections.abc import Sequence
from typing import Any, get_args

import msgspec

from headgate.http.openapi import group_of, public_path
from headgate.http.routes import Route

_ACCESS = {"open": "no key", "any": "any key", "local": "none here, else `admin`"}

_HEAD = """# Routes

<!-- Written from the code by `make reference`. -->

Every route of the platform. `GET /docs` shows them with all their fields, and `GET /openapi.json`
is the same for programs; the schemas are named as there. A scope is what a key needs; `admin`
implies every other, and every `GET` takes `admin:read` too. `workspace:admin` is about the key's
own workspace, and implies the scopes that stay in it. *Metered* routes call models: they count in
budgets and limits, and take an `Idempotency-Key`. [Errors](errors.md) are those of every route.
"""


def reference(rows: Sequence[Route]) -> str:
    """The page."""
    groups: dict[str, list[Route]] = {}
    for row in rows:
        groups.setdefault(group_of(row), []).append(row)
    parts = [_HEAD]
    for name, members in groups.items():
        parts.append(f"## {name}\n")
        parts.append("| route | needs | does | request | answer |\n|---|---|---|---|---|")
        parts += [_row(row) for row in members]
        parts.append("")
    return "\n".join(parts)


def _row(row: Route) -> str:
    route = f"`{row.method} {public_path(row.path)}`"
    access = _ACCESS.get(row.access, f"`{row.access}`")
    notes = [
        note
        for note, holds in (
            ("metered", row.metered),
            ("can stream", row.streams),
            ("begun once under an `Idempotency-Key`", row.begins_once),
        )
        if holds
    ]
    does = f"{row.summary} ({', '.join(notes)})" if notes else row.summary
    asked = [_schema(row.body), _schema(row.query) and f"query {_schema(row.query)}"]
    if row.upload_bytes is not None:
        asked.append("or files")
    return f"| {route} | {access} | {does} | {' '.join(filter(None, asked))} | {_answer(row)} |"


def _answer(row: Route) -> str:
    if row.media_type != "application/json":
        return f"{row.status} `{row.media_type}`"
    if row.answer is None:
        return f"{row.status} `text/event-stream`"
    return f"{row.status} {_schema(row.answer)}"


def _schema(kind: Any) -> str:
    """The name of a schema; of each of a union's."""
    if kind is None:
        return ""
    if isinstance(kind, types.UnionType):
        return " or ".join(_schema(part) for part in get_args(kind))
    if inspect.isclass(kind) and issubclass(kind, msgspec.Struct):
        return f"`{kind.__name__}`"
    return "JSON"
