"""An MCP server's tools, as tools here; the servers are the official library's own."""

import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from gateway_desk import KEY
from headgate.core.errors import InvalidRequest, UpstreamFailed
from headgate.core.tools import Tool, ToolContext
from headgate.mcp.client import McpAddress, McpConnection
from headgate_server import eventually
from mcp_shop import app_of_shop
from no_models import NO_MODELS
from servers import serve

T = TypeVar("T")

CONTEXT = ToolContext(key=KEY, models=NO_MODELS)
SHOP = Path(__file__).parents[2] / "mcp_shop.py"


@contextlib.asynccontextmanager
async def connection(address: McpAddress) -> AsyncIterator[McpConnection]:
    found = McpConnection(address)
    found.start()
    try:
        await found.listed()
        yield found
    finally:
        await found.aclose()


def by_name(found: McpConnection) -> dict[str, Tool]:
    return {tool.spec.name: tool for tool in found.tools()}


async def use(found: McpConnection) -> None:
    """What every server of the shop must do, however it is reached."""
    tools = by_name(found)
    assert set(tools) == {"shop_price", "shop_empty_till", "shop_greeting"}
    price = tools["shop_price"]
    assert price.spec.description == "What a thing costs."
    assert price.spec.parameters["properties"]["thing"]["type"] == "string"
    assert price.spec.is_idempotent
    assert not price.spec.needs_approval
    assert tools["shop_empty_till"].spec.needs_approval
    assert await price.run(CONTEXT, {"thing": "tea"}) == {"euros": 3}
    assert await tools["shop_greeting"].run(CONTEXT, {}) == "Good day."
    with pytest.raises(InvalidRequest, match="no such thing"):
        await price.run(CONTEXT, {"thing": "moon"})


async def test_a_program_that_is_started_here_lends_its_tools() -> None:
    address = McpAddress(name="shop", command=(sys.executable, str(SHOP)))
    async with connection(address) as found:
        await use(found)
    assert not list(found.tools())


async def test_a_server_behind_a_url_lends_its_tools_to_who_brings_the_token() -> None:
    async with serve(app_of_shop(token="secret")) as url:
        address = McpAddress(name="shop", url=f"{url}/mcp", token="secret")
        async with connection(address) as found:
            await use(found)


async def test_a_server_that_goes_away_takes_its_tools_along_and_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("headgate.mcp.client.AGAIN_SECONDS", (0.0,))
    address = McpAddress(name="shop", command=(sys.executable, str(SHOP), "dies"))
    async with connection(address) as found:
        before = by_name(found)["shop_price"]
        with pytest.raises(UpstreamFailed):
            await before.run(CONTEXT, {"thing": "death"})
        await eventually(_told(found._listed.is_set), lambda listed: not listed)
        await found.listed()
        assert await by_name(found)["shop_price"].run(CONTEXT, {"thing": "tea"}) == {"euros": 3}


async def test_a_server_that_cannot_be_reached_has_no_tools_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("headgate.mcp.client.AGAIN_SECONDS", (0.0,))
    found = McpConnection(McpAddress(name="shop", url="http://127.0.0.1:9/mcp"))
    found.start()
    await eventually(_told(lambda: caplog.text), lambda text: "shop cannot be reached" in text)
    assert not list(found.tools())
    await found.aclose()


def _told(read: Callable[[], T]) -> Callable[[], Awaitable[T]]:
    async def told() -> T:
        return read()

    return told
