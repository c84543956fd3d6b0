"""The one route table: every route is a row, and no other route can exist.

The dispatcher decodes, authorises and calls from the rows; the OpenAPI document is made of them.
A row's scope belongs to its handler, so no spelling of a path can reach one without the other.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias
from urllib.parse import unquote

import msgspec

from headgate.core.errors import MethodNotAllowed, NotFound
from headgate.core.keys import Scope
from headgate.http.audited import Audited
from headgate.http.calls import Handler
from headgate.http.errors import ErrorStyle
from headgate.http.twins import Twins, twins_of

Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
# `open` needs no key, `any` any good one, `local` none on this machine and else an administrator's.
Access: TypeAlias = Scope | Literal["open", "any", "local"]

# Stands for a slash that a request wrote as `%2F`; no decoded path has such a character.
_WRITTEN_SLASH = "\udc2f"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One row.

    Attributes:
        path: with `{name}` for a segment and `{name:path}` for a rest that may hold slashes.
        metered: whether it reaches a model; every such handler goes through the gateway.
        begins_once: whether it begins what goes on by itself, once under an idempotency key.
        body, query: what is decoded, strictly, before the handler is called.
        upload_bytes: the largest body that comes as files instead (`multipart/form-data`); None
            where none does. The handler gets it undecoded, with `body` None.
        answer: the answer's type, for the document; a union where there are several. None where
            every answer is a stream.
        media_type: what the answer is written in.
        streams: whether it can answer with server-sent events.
        description: how it behaves, in Markdown; else the handler's docstring tells.
        errors: in whose words it tells what went wrong.
        audit: how the audit log tells of it; None where it is no act of an administrator.
    """

    method: Method
    path: str
    access: Access
    handler: Handler
    summary: str
    answer: Any
    body: Any = None
    upload_bytes: int | None = None
    query: Any = None
    metered: bool = False
    begins_once: bool = False
    streams: bool = False
    status: int = 200
    media_type: str = "application/json"
    description: str = ""
    errors: ErrorStyle = "platform"
    audit: Audited | None = None

    @property
    def is_body_optional(self) -> bool:
        """Whether a request may come without a body: where every field may be left out."""
        if not isinstance(self.body, type) or not issubclass(self.body, msgspec.Struct):
            return False
        return not any(field.required for field in msgspec.structs.fields(self.body))


class Match(msgspec.Struct, frozen=True):
    """A route with what its path's placeholders stand for, and how its body is decoded.

    Attributes:
        name: the route's method and path.
    """

    route: Route
    name: str
    params: Mapping[str, str]
    decoder: msgspec.json.Decoder[Any] | None
    is_body_optional: bool = False
    twins: Twins | None = None


def path_of(scope: Mapping[str, Any]) -> str:
    """A request's decoded path, in which a slash within an id separates nothing.

    Such a slash is written as `%2F`; in the path that ASGI decodes it looks like any other.
    """
    raw_path: bytes | None = scope.get("raw_path")
    if not raw_path or b"%" not in raw_path:
        path: str = scope["path"]
        return path
    segments = raw_path.decode("latin-1").split("/")
    return "/".join(unquote(segment).replace("/", _WRITTEN_SLASH) for segment in segments)


@dataclass(frozen=True, slots=True)
class _Path:
    pattern: re.Pattern[str]
    methods: Mapping[str, Match]


@dataclass(slots=True)
class RouteTable:
    """Finds the row for a method and what `path_of` made of a path."""

    rows: Sequence[Route]
    _exact: dict[str, dict[str, Match]] = field(default_factory=dict)
    _patterns: list[_Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        patterns: dict[str, dict[str, Match]] = {}
        for row in self.rows:
            decoder = None if row.body is None else msgspec.json.Decoder(row.body)
            paths = patterns if "{" in row.path else self._exact
            methods = paths.setdefault(row.path, {})
            if row.method in methods:
                raise ValueError(f"{row.method} {row.path} stands in the table twice")
            twins = twins_of(row.body)
            methods[row.method] = Match(
                row, f"{row.method} {row.path}", {}, decoder, row.is_body_optional, twins
            )
        self._patterns = [_Path(_compiled(path), found) for path, found in patterns.items()]

    def match(self, method: str, path: str) -> Match:
        """The row that answers.

        Raises:
            NotFound: no row has this path.
            MethodNotAllowed: rows have it, but none with this method.
        """
        methods: Mapping[str, Match] | None = self._exact.get(path)
        params: Mapping[str, str] = {}
        if methods is None:
            methods, params = self._by_pattern(path)
        match = methods.get("GET" if method == "HEAD" else method)
        if match is None:
            allowed = tuple(sorted(methods))
            raise MethodNotAllowed(
                f"{_told(path)} answers to {', '.join(allowed)} only", allowed=allowed
            )
        return msgspec.structs.replace(match, params=params) if params else match

    def error_style(self, path: str) -> ErrorStyle:
        """In whose words a path tells what went wrong, whether or not a row matches."""
        rows = [match.route for match in self._exact.get(path, {}).values()]
        return rows[0].errors if rows else "platform"

    def _by_pattern(self, path: str) -> tuple[Mapping[str, Match], Mapping[str, str]]:
        for candidate in self._patterns:
            found = candidate.pattern.fullmatch(path)
            if found is not None:
                params = {name: _with_slashes(value) for name, value in found.groupdict().items()}
                return candidate.methods, params
        raise NotFound(f"there is no route {_told(path)!r}; GET /docs shows all of them")


def _with_slashes(value: str) -> str:
    return value.replace(_WRITTEN_SLASH, "/")


def _told(path: str) -> str:
    """So much of a path as an error names, as it was written."""
    return path[:256].replace(_WRITTEN_SLASH, "%2F")


def _compiled(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)(:path)?\}", path)
    pattern = re.escape(parts[0])
    for name, rest, literal in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        pattern += f"(?P<{name}>{'.+' if rest else '[^/]+'})" + re.escape(literal)
    return re.compile(pattern, re.DOTALL)
