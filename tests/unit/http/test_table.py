import ast
import inspect
import sys
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import msgspec
import pytest

from headgate.gateway.gateway import Gateway
from headgate.gateway.replays import Replays
from headgate.gateway.tool_calls import ToolCalls
from headgate.gateway.works import Works
from headgate.http.openapi import document
from headgate.http.routes import Route, RouteTable
from headgate.http.sockets import exchange, messages
from headgate.http.table import routes

ROWS = routes()
HTTP = Path(__file__).parents[3] / "src" / "headgate" / "http"

# Who adds to this list lets the whole world in.
OPEN = {
    ("GET", "/health"),
    ("GET", "/v1/health"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    # The dashboard's files hold nothing of the platform's; a session is what one signs in with.
    ("GET", "/dashboard"),
    ("GET", "/dashboard/"),
    ("GET", "/dashboard/{path:path}"),
    ("POST", "/v1/session"),
    ("GET", "/v1/session"),
    ("DELETE", "/v1/session"),
    # Who signs in with the identity provider has no session yet.
    ("GET", "/v1/session/sign-on"),
    ("GET", "/v1/session/callback"),
}
# What writes without a body, and why.
WITHOUT_BODY = {
    ("POST", "/v1/usage/unconfirmed/{id}/release"): "its path says everything",
    ("POST", "/v1/agents/runs/{runId}/cancel"): "its path says everything",
    ("POST", "/v1/agents/runs/{runId}/pause"): "its path says everything",
    ("POST", "/v1/agents/runs/{runId}/resume"): "its path says everything",
}
# What takes a body to read it, and changes nothing.
WITHOUT_CHANGE = {"/v1/messages/count_tokens", "/v1/prompts/{name}/render"}
# What callers may change for themselves; the handler refuses others.
CHANGE_ONES_OWN = {"/v1/providers/{provider}/key", "/v1/session"}
# What a key may change in its own workspace, which is neither a key nor a budget.
OF_ONES_WORKSPACE = {"/v1/documents/{id}"}
# Who is asked for an answer: the gateway, or what keeps its answers for who asks again.
ASKED = {"gateway", "replays", "tool_calls", "works"}
# What both offer that costs money; nothing else in the HTTP layer may be metered.
METERED = {"complete", "stream", "embed"}
# A tool, which may reach models by these.
TOOLS = {"run"}
# Any other work of the platform's own, which may do the same.
WORKS = {"do"}
# What it asks of a vendor without a charge, so that nobody has to pay for it.
WITHOUT_CHARGE = {"count_tokens", "routes"}
# A part of a call that is admitted already, and metered by itself.
WITHIN_A_CALL = {"vector"}
# Ports to vendors, whose methods would make a call that nobody pays for.
PROVIDER_CALLS = {"complete", "stream", "embed", "count_tokens"}


def label(row: Route) -> str:
    return f"{row.method} {row.path}"


def modules() -> list[Path]:
    return sorted(path for path in HTTP.rglob("*.py") if path.parent.name != "rows")


def module_of(row: Route) -> ModuleType:
    return sys.modules[row.handler.__module__]


def imported(path: Path) -> set[str]:
    """Everything that a module imports, as `package.module.name`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def calls_of_gateway(handler: Any, seen: frozenset[str] = frozenset()) -> set[str]:
    """What costs money and a handler asks for, itself or in functions that it calls."""
    source = ast.parse(textwrap.dedent(inspect.getsource(handler)))
    namespace = inspect.unwrap(handler).__globals__
    found: set[str] = set()
    for node in ast.walk(source):
        if isinstance(node, ast.Attribute) and node.attr in METERED | TOOLS | WORKS:
            owner = ast.unparse(node.value)
            if owner.rpartition(".")[2] in ASKED:
                found.add(node.attr)
        elif isinstance(node, ast.Name) and node.id not in seen:
            called = namespace.get(node.id)
            if inspect.isfunction(called) and called.__module__.startswith("headgate.http"):
                found |= calls_of_gateway(called, seen | {node.id})
    return found


def test_the_rows_make_a_table() -> None:
    assert RouteTable(ROWS).match("POST", "/v1/complete").route.path == "/v1/complete"


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_a_row_is_metered_exactly_where_its_handler_asks_the_gateway_for_a_model(
    row: Route,
) -> None:
    assert bool(calls_of_gateway(row.handler)) == row.metered


@pytest.mark.parametrize(
    ("asked", "ways"),
    [
        (Gateway, METERED | WITHOUT_CHARGE | WITHIN_A_CALL),
        (Replays, METERED),
        (ToolCalls, TOOLS),
        (Works, WORKS),
    ],
)
def test_there_is_no_other_way_to_a_model(asked: type, ways: set[str]) -> None:
    names = {name for name, _ in inspect.getmembers(asked, inspect.iscoroutinefunction)}
    assert {name for name in names if not name.startswith("_")} == ways


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.name)
def test_no_module_of_the_http_layer_can_reach_a_vendor_past_the_gateway(path: Path) -> None:
    """It imports no provider, and asks none that it is shown for more than its name."""
    names = imported(path)
    assert not [
        name for name in names if name.startswith(("headgate.providers", "headgate.transport"))
    ]
    assert "headgate.core.models.Provider" not in names
    calls = [
        node.func
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    asked = [ast.unparse(call) for call in calls if call.attr in PROVIDER_CALLS]
    assert all(name.split(".")[-2] in ASKED for name in asked)


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_a_row_that_writes_takes_a_body_or_says_why_not(row: Route) -> None:
    writes = row.method in {"POST", "PUT", "PATCH"}
    excused = (row.method, row.path) in WITHOUT_BODY
    assert (row.body is not None) == (writes and not excused)


def test_no_excuse_outlives_its_row() -> None:
    assert WITHOUT_BODY.keys() <= {(row.method, row.path) for row in ROWS}
    assert {row.path for row in ROWS} >= WITHOUT_CHANGE


def test_whatever_is_asked_over_a_socket_is_answered_by_a_row_that_streams() -> None:
    """Nothing else in the sockets' package reaches a feature that costs money."""
    assert set(exchange.ROWS) == set(get_args(messages.Request))
    found = {(row.method, row.path): row for row in ROWS}
    assert all(found[row].streams for row in exchange.ROWS.values())
    assert all(found[row].access != "open" for row in exchange.ROWS.values())
    for path in (HTTP / "sockets").glob("*.py"):
        names = {
            node.attr
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Attribute)
        }
        assert names.isdisjoint({"gateway", "replays", "works", "tool_calls"})


def test_only_these_rows_are_open() -> None:
    assert {(row.method, row.path) for row in ROWS if row.access == "open"} == OPEN


def test_whatever_changes_keys_or_budgets_needs_an_administrator() -> None:
    changing = [
        row
        for row in ROWS
        if row.method != "GET"
        and not row.metered
        and row.path not in WITHOUT_CHANGE | CHANGE_ONES_OWN | OF_ONES_WORKSPACE
    ]
    assert changing
    # A key starts runs of its own, and no handler shows it others'.
    agents = {row.access for row in changing if row.path.startswith("/v1/agents/")}
    assert agents == {"agent:run"}
    others = [row for row in changing if not row.path.startswith("/v1/agents/")]
    assert {row.access for row in others} == {"admin", "workspace:admin"}
    # What an administrator of one workspace may change: the walk in test_workspace_admins.
    of_workspaces = {row.path for row in others if row.access == "workspace:admin"}
    assert {path for path in of_workspaces if not path.startswith("/v1/auth/keys")} == {
        "/v1/usage/budget"
    }
    assert {row.access for row in ROWS if row.path.startswith("/v1/auth/")} == {"workspace:admin"}


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_every_row_says_what_it_does_in_one_line(row: Route) -> None:
    assert row.summary
    assert len(row.summary) <= 60
    assert row.summary[0].isupper()
    assert not row.summary.endswith(".")
    assert "\n" not in row.summary


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_every_row_is_described(row: Route) -> None:
    """A handler's docstring that only repeats the route tells a reader nothing."""
    assert row.description or not (inspect.getdoc(row.handler) or "`").startswith("`")
    assert (module_of(row).__doc__ or "").strip()


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_a_row_that_only_streams_says_so(row: Route) -> None:
    assert row.answer is not None or row.streams


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_what_a_row_takes_and_gives_are_types_that_can_be_read_and_written(row: Route) -> None:
    for kind in (row.body, row.query):
        if kind is not None:
            msgspec.json.Decoder(kind)
    described = document([row])["paths"]
    ((_, item),) = described.items()
    content = item[row.method.lower()]["responses"][str(row.status)]["content"]
    assert all(found["schema"] for found in content.values())


@pytest.mark.parametrize("row", [row for row in ROWS if row.query], ids=label)
def test_a_query_may_be_left_out(row: Route) -> None:
    """Every route that is only read answers to its bare path."""
    assert msgspec.convert({}, row.query) == row.query()
