"""The tools that a platform has, with what they work through."""

import contextlib
import importlib.metadata
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from headgate.bootstrap.documents import make_documents
from headgate.bootstrap.stores import open_stores
from headgate.bootstrap.tools import check_tools, open_tools
from headgate.bootstrap.workspaces import make_workspaces
from headgate.core.errors import InvalidRequest, NotFound
from headgate.core.keys import VirtualKey
from headgate.core.tools import ToolContext
from headgate.settings import Settings
from headgate.tools.declaration import tool
from headgate.tools.run_code import CodeRunner
from headgate.tools.toolbox import ProcessTools
from no_models import NO_MODELS
from tool_contexts import PROMPTS

ALWAYS = {"summarize", "extract", "classify", "search", "calculator", "http_request"}


def context(workspace_id: str = "default") -> ToolContext:
    key = VirtualKey(
        key_id="sk-proj-one",
        name="one",
        scopes=frozenset(),
        created_at=0.0,
        workspace_id=workspace_id,
    )
    return ToolContext(key=key, models=NO_MODELS)


def names(tools: ProcessTools, workspace_id: str = "default") -> set[str]:
    return {spec.name for spec in tools.specs(context(workspace_id).key)}


@contextlib.asynccontextmanager
async def tools_of(directory: Path, configuration: str = "") -> AsyncIterator[ProcessTools]:
    (directory / "headgate.toml").write_text(configuration)
    settings = Settings.load({"HEADGATE_DATA": str(directory)}, directory)
    async with (
        open_stores(settings) as stores,
        open_tools(
            settings,
            PROMPTS,
            make_documents(settings, stores.documents, PROMPTS),
            make_workspaces(settings.configuration, stores.workspaces).hosts_for,
        ) as tools,
    ):
        yield tools


async def test_the_built_in_tools_are_there_and_no_dangerous_one(tmp_path: Path) -> None:
    async with tools_of(tmp_path) as tools:
        assert names(tools) == ALWAYS
        outcome = await tools.call("calculator", {"expression": "6*7"}, context())
    assert outcome.result == 42


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://169.254.169.254/latest/meta-data/"])
async def test_requests_reach_nothing_but_the_public_internet(tmp_path: Path, url: str) -> None:
    async with tools_of(tmp_path) as tools:
        with pytest.raises(InvalidRequest, match="must not be reached"):
            await tools.call("http_request", {"url": url}, context())


async def test_a_workspaces_list_of_hosts_holds_for_it_alone(tmp_path: Path) -> None:
    configured = '[workspaces.acme]\nallowed_hosts = ["api.example.com"]'
    async with tools_of(tmp_path, configured) as tools:
        with pytest.raises(InvalidRequest, match="workspace may reach"):
            await tools.call("http_request", {"url": "http://127.0.0.1:9/"}, context("acme"))
        with pytest.raises(InvalidRequest, match="must not be reached"):
            await tools.call("http_request", {"url": "http://127.0.0.1:9/"}, context("other"))


async def test_files_and_a_database_are_their_workspaces_alone(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "sales.db").close()
    configured = """
        [workspaces.acme]
        files = "acme-files"
        database = "sales.db"
        [workspaces.other]
        files = "other-files"
    """
    async with tools_of(tmp_path, configured) as tools:
        assert names(tools, "acme") - ALWAYS == {"files_read", "files_write", "database_query"}
        assert names(tools, "other") - ALWAYS == {"files_read", "files_write"}
        assert names(tools, "default") == ALWAYS
        given = {"path": "a.txt", "text": "ours"}
        await tools.call("files_write", given, context("acme"))
        with pytest.raises(NotFound):
            await tools.call("files_read", {"path": "a.txt"}, context("other"))
        asked = await tools.call("database_query", {"query": "SELECT 1"}, context("acme"))
        with pytest.raises(NotFound):
            await tools.call("database_query", {"query": "SELECT 1"}, context("other"))
    assert asked.result["rows"] == [[1]]
    assert (tmp_path / "acme-files" / "a.txt").read_text() == "ours"


async def test_code_is_run_where_that_is_switched_on(tmp_path: Path) -> None:
    async with tools_of(tmp_path, "[tools]\nrun_code = true") as tools:
        assert names(tools) - ALWAYS == {"run_code"}


async def test_the_doctor_says_which_tools_can_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "headgate.toml").write_text(
        "[tools]\nrun_code = true\n[tools.mcp.shop]\ncommand = ['shop']"
    )
    settings = Settings.load({"HEADGATE_DATA": str(tmp_path)}, tmp_path)
    assert (await check_tools(settings)).message.endswith("MCP servers: shop")

    async def no(_self: CodeRunner) -> bool:
        return False

    monkeypatch.setattr(CodeRunner, "is_held", no)
    assert (await check_tools(settings)).status == "warn"
    broken = [importlib.metadata.EntryPoint("one", "no_such_module:one", "headgate.tools")]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: broken)
    found = await check_tools(settings)
    assert (found.status, found.message) == ("fail", "not usable: no_such_module:one")


@tool()
async def weather() -> str:
    """Say how the weather is."""
    return "fine"


@tool()
async def calculator() -> str:
    """Have a name that is taken."""
    return "?"


async def test_tools_of_installed_packages_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be used is told of, and keeps no other away."""

    class Point(importlib.metadata.EntryPoint):
        def load(self) -> object:
            return {"weather": weather, "calculator": calculator, "text": "no tool"}[self.value]

    found = [Point(name, name, "headgate.tools") for name in ("broken", "text", "weather")]
    found.append(Point("calculator", "calculator", "headgate.tools"))
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: found)
    async with tools_of(tmp_path) as tools:
        assert names(tools) == ALWAYS | {"weather"}
        assert (await tools.call("weather", {}, context())).result == "fine"
        two = await tools.call("calculator", {"expression": "1+1"}, context())
    assert two.result == 2
    assert "the tool %s of %s cannot be used" in {record.msg for record in caplog.records}
