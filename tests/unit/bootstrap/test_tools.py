"""The tools that a platform has, with what they work through."""

from pathlib import Path

import pytest

from headgate.bootstrap.tools import open_tools
from headgate.core.errors import InvalidRequest
from headgate.core.keys import VirtualKey
from headgate.core.tools import ToolContext
from headgate.settings import Settings
from no_models import NO_MODELS


def settings(directory: Path, configuration: str = "") -> Settings:
    (directory / "headgate.toml").write_text(configuration)
    return Settings.load({"HEADGATE_DATA": str(directory)}, directory)


def context(workspace_id: str = "default") -> ToolContext:
    key = VirtualKey(
        key_id="sk-proj-one",
        name="one",
        scopes=frozenset(),
        created_at=0.0,
        workspace_id=workspace_id,
    )
    return ToolContext(key=key, models=NO_MODELS)


async def test_the_built_in_tools_are_there(tmp_path: Path) -> None:
    async with open_tools(settings(tmp_path)) as tools:
        names = {spec.name for spec in tools.specs(context().key)}
        assert names >= {"calculator", "http_request"}
        outcome = await tools.call("calculator", {"expression": "6*7"}, context())
    assert outcome.result == 42


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://169.254.169.254/latest/meta-data/"])
async def test_requests_reach_nothing_but_the_public_internet(tmp_path: Path, url: str) -> None:
    async with open_tools(settings(tmp_path)) as tools:
        with pytest.raises(InvalidRequest, match="must not be reached"):
            await tools.call("http_request", {"url": url}, context())


async def test_a_workspaces_list_of_hosts_holds_for_it_alone(tmp_path: Path) -> None:
    configured = settings(tmp_path, '[workspaces.acme]\nallowed_hosts = ["api.example.com"]')
    async with open_tools(configured) as tools:
        with pytest.raises(InvalidRequest, match="workspace may reach"):
            await tools.call("http_request", {"url": "http://127.0.0.1:9/"}, context("acme"))
        with pytest.raises(InvalidRequest, match="must not be reached"):
            await tools.call("http_request", {"url": "http://127.0.0.1:9/"}, context("other"))
