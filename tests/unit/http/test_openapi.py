import re
from collections.abc import Iterator
from typing import Any

import msgspec
from openapi_spec_validator import OpenAPIV31SpecValidator

from headgate.configuration import Http, Limits
from headgate.core.budgets import Account, Budget, Limit
from headgate.core.errors import (
    BudgetExceeded,
    IdempotencyConflict,
    InvalidKey,
    InvalidRequest,
    ModelNotFound,
    Overloaded,
    RateLimited,
    Standing,
    UpstreamFailed,
    UpstreamTimedOut,
)
from headgate.core.limits import Window
from headgate.http import anthropic, errors, openai, openai_responses
from headgate.http.calls import Call, Reply
from headgate.http.error_bodies import ErrorBody
from headgate.http.openapi import document, document_json, public_path
from headgate.http.routes import Route
from headgate.http.table import routes

VENDORS = (anthropic, openai, openai_responses)
ROWS = routes()
DOCUMENT = document(ROWS)

# OpenAI's name, taken beside the platform's own `schema` so that its clients' values can be sent.
NAMES_OF_VENDORS = {("platform.ResponseFormatItem", "json_schema")}


def operations() -> Iterator[tuple[Route, dict[str, Any]]]:
    for row in ROWS:
        yield row, DOCUMENT["paths"][public_path(row.path)][row.method.lower()]


def references(value: Any) -> Iterator[str]:
    """All references, those of discriminators included."""
    if isinstance(value, dict):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, str) and value.startswith("#/"):
        yield value


def resolved(reference: str) -> Any:
    found: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def reached(value: Any) -> set[str]:
    """Everything in `components` that a value needs, by itself or through something else."""
    todo, seen = list(references(value)), set()
    while todo:
        reference = todo.pop()
        if reference not in seen:
            seen.add(reference)
            todo += references(resolved(reference))
    return seen


def test_the_document_obeys_the_rules_of_openapi() -> None:
    faults = OpenAPIV31SpecValidator(DOCUMENT).iter_errors()
    assert not [f"{list(fault.absolute_path)}: {fault.message}" for fault in faults]


def test_placeholders_of_paths_are_named_as_json_is() -> None:
    names = {name for path in DOCUMENT["paths"] for name in re.findall(r"{(\w+)}", path)}
    assert {"runId", "stepId", "keyId"} <= names
    assert not [name for name in names if "_" in name]


def test_the_text_holds_the_same_as_the_document() -> None:
    assert msgspec.json.decode(document_json(ROWS)) == DOCUMENT


def test_each_row_is_one_operation_and_nothing_else_is() -> None:
    described = {
        (method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item
    }
    assert described == {(row.method, public_path(row.path)) for row in ROWS}
    assert len(described) == len(ROWS)


def test_operation_ids_are_unique_names() -> None:
    ids = [operation["operationId"] for _, operation in operations()]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[a-z][A-Za-z0-9]*", name) for name in ids)


def test_every_reference_leads_somewhere_and_no_part_is_left_over() -> None:
    parts = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "responses", "headers")
        for name in DOCUMENT["components"][kind]
    }
    assert reached(DOCUMENT["paths"]) == parts


def test_no_schema_shows_how_the_source_lies() -> None:
    assert not [name for name in DOCUMENT["components"]["schemas"] if "headgate" in name]


def test_fields_of_the_platforms_own_routes_are_written_in_camel_case() -> None:
    own = {
        reference
        for row, operation in operations()
        if row.handler.__module__ not in {m.__name__ for m in VENDORS}
        for reference in reached(operation)
        if "/schemas/" in reference
    }
    assert own
    snaky = {
        (reference.rpartition("/")[2], name)
        for reference in own
        for name in resolved(reference).get("properties", {})
        if not re.fullmatch("[a-z][A-Za-z0-9]*", name)
    }
    assert snaky == NAMES_OF_VENDORS


def test_every_field_of_what_a_row_takes_and_gives_is_described() -> None:
    for row, operation in operations():
        if row.body is not None:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            if "$ref" not in schema:
                # Each tool has its own fields, and MCP's are not ours to describe.
                assert row.path in {"/v1/tools/{name}", "/mcp"}
                continue
            fields = msgspec.structs.fields(row.body)
            assert set(resolved(schema["$ref"])["properties"]) >= {
                field.encode_name for field in fields
            }
        if row.query is not None:
            named = {item["name"] for item in operation["parameters"] if item["in"] == "query"}
            assert named == {field.encode_name for field in msgspec.structs.fields(row.query)}


def test_parameters_have_their_types_limits_and_defaults() -> None:
    parameters = DOCUMENT["paths"]["/v1/usage/events"]["get"]["parameters"]
    by_name = {item["name"]: item for item in parameters}
    assert by_name["limit"]["schema"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 200,
        "default": 50,
    }
    assert by_name["cursor"] == {
        "name": "cursor",
        "in": "query",
        "required": False,
        "schema": {"type": "string", "minLength": 1, "maxLength": 256},
    }


def test_placeholders_of_a_path_are_its_parameters() -> None:
    for row, operation in operations():
        named = [item["name"] for item in operation.get("parameters", ()) if item["in"] == "path"]
        assert named == re.findall(r"\{(\w+)\}", public_path(row.path))


def test_an_operation_says_which_scope_it_needs_and_that_the_open_ones_need_none() -> None:
    for row, operation in operations():
        if row.access == "local":
            free, *others = operation["security"]
            assert free == {}
            assert others == [{"bearer": ["admin"]}, {"apiKey": ["admin"]}]
            continue
        scopes = [] if row.access == "any" else [row.access]
        needed = [{"bearer": scopes}, {"apiKey": scopes}]
        assert operation["security"] == ([] if row.access == "open" else needed)
        assert ("401" in operation["responses"]) == (row.access != "open")
        assert ("403" in operation["responses"]) == (row.access not in {"open", "any"})
        if row.access not in {"open", "any"}:
            assert f"`{row.access}`" in operation["description"]


def test_answers_are_described_in_what_they_are_written_in() -> None:
    for row, operation in operations():
        answer = operation["responses"][str(row.status)]
        kinds = {row.media_type} if row.answer is not None else set()
        assert set(answer["content"]) == kinds | ({"text/event-stream"} if row.streams else set())
        assert ("x-model" in answer["headers"]) == row.metered


def test_a_pure_stream_promises_no_cost_in_its_head() -> None:
    assert "x-cost" not in DOCUMENT["paths"]["/v1/stream"]["post"]["responses"]["200"]["headers"]
    assert "x-cost" in DOCUMENT["paths"]["/v1/complete"]["post"]["responses"]["200"]["headers"]


def test_calls_in_a_vendors_words_take_labels_as_headers() -> None:
    def headers(path: str) -> list[str]:
        parameters = DOCUMENT["paths"][path]["post"].get("parameters", ())
        return [item["name"] for item in parameters if item["in"] == "header"]

    labels = ["x-headgate-tags", "x-headgate-use-case"]
    everywhere = ["Idempotency-Key", "Cache-Control"]
    assert headers("/v1/chat/completions") == [*everywhere, *labels, "x-headgate-resumable"]
    assert headers("/v1/embeddings") == [*everywhere, *labels]
    assert headers("/v1/complete") == everywhere
    assert headers("/v1/auth/keys") == []


def test_money_is_a_number() -> None:
    usage = DOCUMENT["components"]["schemas"]["platform.UsageItem"]
    assert usage["properties"]["billed"]["type"] == "number"


def test_every_error_has_the_fields_that_are_described() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    budget = Budget(account=Account("key", "k"), period="2026-11", limit=Limit(amount=5))
    plain = errors.body_of(InvalidRequest("no", param="model"))["error"]
    money = errors.body_of(BudgetExceeded("no", budget=budget))["error"]
    assert set(schemas["ErrorBody"]["properties"]) == {"error"}
    assert set(schemas["ErrorItem"]["required"]) == set(plain) == set(money) - {"budget"}
    assert set(schemas["ErrorItem"]["properties"]) == set(money)
    assert set(schemas["BudgetState"]["required"]) == set(money["budget"])
    assert msgspec.convert(errors.fault_body(), ErrorBody).error.code == errors.FAULT_CODE


def test_errors_for_anthropics_clients_have_the_fields_that_are_described() -> None:
    budget = Budget(account=Account("key", "k"), period="2026-11", limit=Limit(amount=5))
    body = errors.reply_for(BudgetExceeded("no", budget=budget), "anthropic", "req_1").body
    schemas = DOCUMENT["components"]["schemas"]
    assert set(schemas["AnthropicErrorBody"]["required"]) == set(body)
    assert set(schemas["AnthropicErrorItem"]["properties"]) == set(body["error"])
    responses = DOCUMENT["paths"]["/v1/messages"]["post"]["responses"]
    assert "529" in responses
    assert "503" not in responses
    assert responses["402"]["$ref"].endswith("/AnthropicError402")


def test_every_code_is_told_at_its_status() -> None:
    responses = DOCUMENT["components"]["responses"]
    for error, form in errors.FORMS.items():
        response = responses.get(f"Error{form.status}", responses["Error"])
        assert f"`{error.code}`" in response["description"]


def test_the_headers_of_an_error_are_described() -> None:
    window = Window(1, 0, 1.0)
    budget = Budget(account=Account("key", "k"), period="2026-11", limit=Limit(amount=5))
    admitted = (
        BudgetExceeded("no", budget=budget),
        InvalidRequest("no"),
        ModelNotFound("no"),
        Overloaded("no", retry_after_seconds=1),
        RateLimited("no", retry_after_seconds=1),
        UpstreamFailed("no"),
        UpstreamTimedOut("no"),
    )
    for failed in admitted:
        failed.standing = Standing(window, window, budget, 0, "bypass")
    for error in (*admitted, InvalidKey("no"), IdempotencyConflict("no")):
        response = DOCUMENT["components"]["responses"][f"Error{errors.form_of(error).status}"]
        sent = {name.decode() for name, _ in errors.headers_of(error)}
        assert set(response["headers"]) == sent | {"x-request-id"}


def test_the_limits_that_are_told_are_the_defaults() -> None:
    text = DOCUMENT["info"]["description"].replace("\n", " ")
    limits = Limits()
    assert f"{limits.requests_per_second} requests a second" in text
    assert f"{limits.burst} at once" in text
    assert f"above {limits.max_body_bytes // 2**20} MiB" in text
    assert Http().heartbeat_seconds == 10
    assert "longer than ten seconds" in text


async def answers(call: Call[None]) -> Reply:
    """How it behaves.

    Raises:
        NotFound: never.
    """
    return Reply(call.body)


def test_a_row_without_a_description_is_told_by_its_handler() -> None:
    row = Route(
        method="GET", path="/x", access="open", handler=answers, summary="X", answer=dict[str, str]
    )
    described = document([row])["paths"]["/x"]["get"]
    assert described["description"] == "How it behaves.\n\nNeeds no key."


def test_a_handler_of_several_rows_gives_each_its_own_id() -> None:
    rows = [
        Route(method="GET", path=path, access="open", handler=answers, summary="X", answer=str)
        for path in ("/x", "/y")
    ]
    paths = document(rows)["paths"]
    assert [item["get"]["operationId"] for item in paths.values()] == ["answers", "answers2"]


def test_a_body_is_required_where_one_of_its_fields_is() -> None:
    required = {
        row.path: operation["requestBody"]["required"]
        for row, operation in operations()
        if row.method == "POST" and row.body is not None
    }
    assert required["/v1/embed"] is True
    assert required["/v1/auth/keys/{keyId}/rotate"] is False
