"""The OpenAPI 3.1 document, made of the route table and of nothing else.

Schemas come from the types that the dispatcher decodes and encodes, errors from the table of error
forms, groups from the modules of the handlers. What holds for many routes is told once, in
`policies.md`.
"""

import inspect
import re
import sys
import types
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from importlib import resources
from typing import Any, TypeAlias, get_args

import msgspec

from headgate import __version__
from headgate.http.calls import MOST_KEY_LENGTH
from headgate.http.error_bodies import ERROR_BODIES
from headgate.http.errors import ANTHROPIC_OVERLOADED, FAULT, FAULT_CODE, FORMS
from headgate.http.routes import Route
from headgate.http.uploads import FIELD, MULTIPART

Json: TypeAlias = dict[str, Any]

SCHEMAS = "#/components/schemas/"
# A group is a module of handlers; these have another name than their module.
GROUP_NAMES = {
    "budgets": "Usage",
    "events": "Usage",
    "latency": "Usage",
    "live": "Health",
    "process": "Health",
    "providers": "Vendor keys",
    "resuming": "Models",
    "openai": "OpenAI",
    "openai_responses": "OpenAI",
    "platform": "Models",
    "system": "Health",
    "vendor_keys": "Vendor keys",
}

_REQUEST_ID = ("x-request-id",)
_LIMITS = tuple(
    f"x-ratelimit-{fact}-{unit}"
    for unit in ("requests", "tokens")
    for fact in ("limit", "remaining", "reset")
)
_BUDGET = ("x-budget-limit", "x-budget-remaining")
_RECEIPT = (
    *(*_LIMITS, *_BUDGET, "x-cost", "x-cache", "x-model", "x-provider"),
    "idempotency-replayed",
)
# What an error tells besides where the call had been admitted.
_STANDING = (*_LIMITS, *_BUDGET, "x-cost", "x-cache")
_ERROR_HEADERS = {
    400: _STANDING,
    401: ("www-authenticate",),
    402: ("x-should-retry", *_STANDING),
    404: _STANDING,
    409: ("x-should-retry",),
    429: ("retry-after", *_STANDING),
    502: _STANDING,
    503: ("retry-after", *_STANDING),
    504: _STANDING,
    ANTHROPIC_OVERLOADED: ("retry-after", *_STANDING),
}
_AMOUNT = {"type": "string", "pattern": r"^\d+(\.\d{1,9})?$"}
_COUNT = {"type": "integer", "minimum": 0}
_TEXT = {"type": "string"}
_HEADERS: dict[str, tuple[str, Json]] = {
    "x-request-id": ("Names this answer in the log, and in the ledger as `requestId`.", _TEXT),
    "request-id": ("The same as `x-request-id`, as Anthropic's clients know it.", _TEXT),
    "x-ratelimit-limit-requests": ("Requests that the key may make at once.", _COUNT),
    "x-ratelimit-remaining-requests": ("Requests that are left of them.", _COUNT),
    "x-ratelimit-reset-requests": ("Until all are left again: `12ms`, `1s`, `6m0s`.", _TEXT),
    "x-ratelimit-limit-tokens": ("Tokens that the key may use in a minute.", _COUNT),
    "x-ratelimit-remaining-tokens": ("Tokens that are left of them.", _COUNT),
    "x-ratelimit-reset-tokens": ("Until all are left again: `12ms`, `1s`, `6m0s`.", _TEXT),
    "x-budget-limit": ("US dollars of the tightest budget; absent without one.", _AMOUNT),
    "x-budget-remaining": ("US dollars that are left of it.", _AMOUNT),
    "x-cost": ("US dollars that were billed; streams tell it in their last event.", _AMOUNT),
    "x-cache": (
        "What the cache did; `bypass` where it was not asked, as for a replay.",
        {"enum": ["hit", "miss", "bypass"]},
    ),
    "x-model": ("The model that answered.", _TEXT),
    "x-provider": ("The vendor that answered.", _TEXT),
    "idempotency-replayed": (
        "`true` on an answer that was given before.",
        {"enum": ["true"]},
    ),
    "retry-after": ("Whole seconds after which a new try makes sense.", _COUNT),
    "x-should-retry": ("`false`: a new try would fail the same way.", {"enum": ["false"]}),
    "www-authenticate": ("How to send a key.", {"enum": ["Bearer"]}),
}
_FILES: Json = {
    "type": "object",
    "properties": {
        FIELD: {"type": "array", "items": {"type": "string", "format": "binary"}, "minItems": 1}
    },
    "required": [FIELD],
}
_IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes the call once: the same request with the same key gets the same answer "
    "for 24 hours, and is billed once. 409 where the body is another one.",
    "schema": {"type": "string", "minLength": 1, "maxLength": MOST_KEY_LENGTH},
}
_BEGUN_ONCE: Json = _IDEMPOTENCY_KEY | {
    "description": "The same request with the same key is about the same run for 24 hours: nothing "
    "is begun again. 409 where the body is another one."
}
_CACHE_CONTROL: Json = {
    "name": "Cache-Control",
    "in": "header",
    "description": "`no-cache` has the vendor asked though the cache may have an answer. What is "
    "cached: embeddings and classifications, and other requests whose `temperature` is 0.",
    "schema": _TEXT,
}
_LABELS = (
    ("x-headgate-tags", "Labels for the ledger: up to 10, with commas between them."),
    ("x-headgate-use-case", "What the call is for, in up to 64 characters."),
)
_RESUMABLE = (
    ("x-headgate-resumable", "`true` keeps a stream, to go on with at `GET /v1/stream/{id}`."),
)


def document(rows: Sequence[Route]) -> Json:
    """The description of `rows`, as values that JSON can hold."""
    styles = sorted({row.errors for row in rows})
    bodies = [ERROR_BODIES[style] for style in styles]
    kinds = [*bodies, *(kind for row in rows for kind in _kinds(row))]
    found, named = msgspec.json.schema_components(kinds, ref_template=SCHEMAS + "{name}")
    schemas = dict(zip(kinds, found, strict=True))
    queries = {_name_in(schemas[row.query]) for row in rows if row.query is not None}
    operation_ids = _operation_ids(rows)
    paths: dict[str, Json] = {}
    for row, operation_id in zip(rows, operation_ids, strict=True):
        operation = {"operationId": operation_id, **_operation(row, schemas, named)}
        paths.setdefault(public_path(row.path), {})[row.method.lower()] = operation
    described: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "Headgate",
            "version": __version__,
            "summary": "One gateway to every model vendor, with budgets that hold.",
            "description": _policies(),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": list(_tags(rows)),
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The header `Authorization: Bearer KEY`.",
                },
                "apiKey": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "x-api-key",
                    "description": "The header `x-api-key: KEY`.",
                },
            },
            "schemas": {name: schema for name, schema in named.items() if name not in queries},
            "responses": {
                name: response
                for style, body in zip(styles, bodies, strict=True)
                for name, response in _error_responses(
                    [row for row in rows if row.errors == style], schemas[body]
                )
            },
            "headers": {
                name: {"description": text, "schema": schema}
                for name, (text, schema) in _HEADERS.items()
            },
        },
    }
    readable: Json = _with_short_names(described, named)
    return readable


def document_json(rows: Sequence[Route]) -> bytes:
    """The description of `rows` as text."""
    return msgspec.json.format(msgspec.json.encode(document(rows)), indent=2) + b"\n"


def public_path(path: str) -> str:
    """A row's path as OpenAPI writes it: `/v1/models/{id:path}` is `/v1/models/{id}`."""
    return path.replace(":path}", "}")


def group_of(row: Route) -> str:
    """The name of a row's group in the document."""
    module = row.handler.__module__.rpartition(".")[2]
    return GROUP_NAMES.get(module, module.replace("_", " ").capitalize())


def _kinds(row: Route) -> list[Any]:
    return [kind for kind in (row.body, row.query, *_answers(row)) if kind is not None]


def _answers(row: Route) -> tuple[Any, ...]:
    """The types that the answer can have; msgspec itself cannot describe a union of structs."""
    return get_args(row.answer) if isinstance(row.answer, types.UnionType) else (row.answer,)


def _operation_ids(rows: Sequence[Route]) -> list[str]:
    """The handlers' names, with a number where a handler has several rows."""
    names: list[str] = []
    counts: dict[str, int] = {}
    for row in rows:
        first, *rest = _handler_name(row).split("_")
        name = first + "".join(part.title() for part in rest)
        counts[name] = counts.get(name, 0) + 1
        names.append(name if counts[name] == 1 else f"{name}{counts[name]}")
    return names


def _handler_name(row: Route) -> str:
    return str(getattr(row.handler, "__name__", "") or type(row.handler).__name__)


def _tags(rows: Sequence[Route]) -> Iterator[Json]:
    """The groups in their order; a module's first line says what its routes are for."""
    modules: dict[str, str] = {}
    for row in rows:
        modules.setdefault(group_of(row), row.handler.__module__)
    for name, module in modules.items():
        text = inspect.getdoc(sys.modules[module]) or ""
        yield {"name": name, "description": text.partition("\n\n")[0].replace("\n", " ")}


def _operation(row: Route, schemas: dict[Any, Json], named: dict[str, Json]) -> Json:
    operation: Json = {
        "tags": [group_of(row)],
        "summary": row.summary,
        "description": _description(row),
        "security": _security(row),
    }
    parameters = [
        *_path_parameters(row),
        *_query_parameters(row, schemas, named),
        *_call_headers(row),
    ]
    if parameters:
        operation["parameters"] = parameters
    if row.body is not None:
        content = {"application/json": {"schema": schemas[row.body]}}
        if row.upload_bytes is not None:
            content[MULTIPART] = {"schema": _FILES}
        operation["requestBody"] = {"required": not row.is_body_optional, "content": content}
    operation["responses"] = {
        str(row.status): _success(row, schemas),
        **{
            str(status): {"$ref": f"#/components/responses/{_error_name(row)}{status}"}
            for status in _error_statuses(row)
        },
        "default": {"$ref": f"#/components/responses/{_error_name(row)}"},
    }
    return operation


def _description(row: Route) -> str:
    text = row.description or inspect.getdoc(row.handler) or row.summary
    told = [text.partition("\n\nRaises:")[0].strip()]
    if row.access == "open":
        told.append("Needs no key.")
    elif row.access == "local":
        told.append("On this machine it needs no key; from elsewhere one with the scope `admin`.")
    elif row.access == "any":
        told.append("Needs a key, with whatever scopes.")
    elif row.access == "workspace:admin":
        told.append(
            "Needs a key with the scope `workspace:admin`, for its own workspace, or `admin`."
        )
    else:
        told.append(f"Needs a key with the scope `{row.access}`.")
    return "\n\n".join(told)


def _security(row: Route) -> list[Json]:
    if row.access == "open":
        return []
    if row.access == "local":
        return [{}, {"bearer": ["admin"]}, {"apiKey": ["admin"]}]
    scopes = [] if row.access == "any" else [row.access]
    return [{"bearer": scopes}, {"apiKey": scopes}]


def _path_parameters(row: Route) -> Iterator[Json]:
    for name, rest in re.findall(r"\{(\w+)(:path)?\}", row.path):
        parameter = {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        if rest:
            parameter["description"] = "May hold slashes, as they are or as `%2F`."
        yield parameter


def _query_parameters(
    row: Route, schemas: dict[Any, Json], named: dict[str, Json]
) -> Iterator[Json]:
    if row.query is None:
        return
    schema = named[_name_in(schemas[row.query])]
    for name, described in schema["properties"].items():
        yield {
            "name": name,
            "in": "query",
            "required": name in schema["required"],
            "schema": _without_null(described),
        }


def _without_null(schema: Json) -> Json:
    """The schema of a query's value: what may be left out has no other way to be null."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if not kinds:
        return schema
    return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}


def _call_headers(row: Route) -> Iterator[Json]:
    if row.begins_once:
        yield _BEGUN_ONCE
    if not row.metered:
        return
    yield _IDEMPOTENCY_KEY
    yield _CACHE_CONTROL
    # Bodies of the platform's own have fields for labels; a vendor's body has not.
    if "tags" in getattr(row.body, "__struct_fields__", ()):
        return
    for name, text in (*_LABELS, *(_RESUMABLE if row.streams else ())):
        schema = {"type": "string"}
        yield {"name": name, "in": "header", "description": text, "schema": schema}


def _success(row: Route, schemas: dict[Any, Json]) -> Json:
    found = [schemas[kind] for kind in _answers(row) if kind is not None]
    content: Json = {}
    if found:
        content[row.media_type] = {"schema": found[0] if len(found) == 1 else {"anyOf": found}}
    if row.streams:
        content["text/event-stream"] = {"schema": {"type": "string"}}
    receipt = _RECEIPT if row.metered else ("idempotency-replayed",) * row.begins_once
    names = (*_request_ids(row), *receipt)
    if not found:
        names = tuple(name for name in names if name != "x-cost")
    return {
        "description": HTTPStatus(row.status).phrase,
        "headers": _header_references(names),
        "content": content,
    }


def _error_statuses(row: Route) -> list[int]:
    """The statuses that tell something about this row; `default` stands for the others."""
    statuses = set()
    if row.body is not None or row.query is not None:
        statuses |= {400}
    if row.body is not None:
        statuses |= {413}
    if row.access != "open":
        statuses |= {401, 503}
    if row.access not in {"open", "any"}:
        statuses |= {403}
    if "{" in row.path:
        statuses |= {404}
    if row.metered:
        statuses |= {402, 404, 409, 429, 502, 503, 504}
    if row.begins_once:
        statuses |= {404, 409}
    if row.errors == "anthropic" and 503 in statuses:
        statuses = statuses - {503} | {ANTHROPIC_OVERLOADED}
    return sorted(statuses)


def _error_name(row: Route) -> str:
    return "Error" if row.errors == "platform" else f"{row.errors.title()}Error"


def _request_ids(row: Route) -> tuple[str, ...]:
    return _REQUEST_ID if row.errors == "platform" else (*_REQUEST_ID, "request-id")


def _error_responses(rows: Sequence[Route], body: Json) -> Iterator[tuple[str, Json]]:
    """The errors of rows that tell them in the same words."""
    name, ids = _error_name(rows[0]), _request_ids(rows[0])
    content = {"application/json": {"schema": body}}
    yield (
        name,
        {
            "description": "Any other failure, in the same form: 405 `method_not_allowed`, whose "
            f"header `allow` says what is; {FAULT.status} `{FAULT_CODE}`, whose cause is in the "
            "platform's log.",
            "headers": _header_references(ids),
            "content": content,
        },
    )
    for status in sorted({status for row in rows for status in _error_statuses(row)}):
        codes = [
            f"`{error.code}`: {(inspect.getdoc(error) or '').splitlines()[0]}"
            for error, form in FORMS.items()
            if form.status == (503 if status == ANTHROPIC_OVERLOADED else status)
        ]
        response = {
            "description": "\n\n".join(codes),
            "headers": _header_references((*ids, *_ERROR_HEADERS.get(status, ()))),
            "content": content,
        }
        yield f"{name}{status}", response


def _header_references(names: Sequence[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _name_in(reference: Json) -> str:
    return str(reference["$ref"]).removeprefix(SCHEMAS)


def _with_short_names(value: Any, named: dict[str, Json]) -> Any:
    """The same document, where types of one name are told apart by their module's last word.

    msgspec writes such names with the whole module: how the source lies is nothing to rely on.
    """
    if isinstance(value, list):
        return [_with_short_names(item, named) for item in value]
    if isinstance(value, dict):
        return {
            _short(key) if key in named else key: _with_short_names(item, named)
            for key, item in value.items()
        }
    if isinstance(value, str) and value.startswith(SCHEMAS):
        return SCHEMAS + _short(value.removeprefix(SCHEMAS))
    return value


def _short(name: str) -> str:
    return ".".join(name.split(".")[-2:])


def _policies() -> str:
    return resources.files(__package__).joinpath("policies.md").read_text("utf-8")
