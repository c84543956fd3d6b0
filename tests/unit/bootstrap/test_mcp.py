"""MCP is joined late: loaded with the first request, or where a server is configured."""

import asyncio
import sys
from pathlib import Path

from headgate.bootstrap.mcp import LateServer, open_mcp_tools
from headgate.core.tool_serving import ToolDesk
from headgate.settings import Settings
from headgate_server import eventually

SHOP = Path(__file__).parents[2] / "mcp_shop.py"
HEADERS = {b"content-type": b"application/json", b"accept": b"application/json, text/event-stream"}
LIST = b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}'


async def nothing(name: str, arguments: object) -> bytes:
    raise AssertionError(name)


async def test_many_first_requests_start_one_server() -> None:
    server = LateServer(10_000)
    desk = ToolDesk([], nothing)
    answers = await asyncio.gather(*(server.answer(desk, HEADERS, LIST) for _ in range(5)))
    assert {answer.status for answer in answers} == {200}
    await server.aclose()


async def test_who_leaves_first_does_not_stop_what_others_wait_for() -> None:
    server = LateServer(10_000)
    desk = ToolDesk([], nothing)
    first = asyncio.create_task(server.answer(desk, HEADERS, LIST))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert (await server.answer(desk, HEADERS, LIST)).status == 200
    await server.aclose()


async def test_a_server_that_nobody_asked_is_closed_without_a_trace() -> None:
    await LateServer(10_000).aclose()


async def test_a_configured_server_lends_its_tools(tmp_path: Path) -> None:
    (tmp_path / "headgate.toml").write_text(
        f"[tools.mcp.shop]\ncommand = ['{sys.executable}', '{SHOP}']"
    )
    settings = Settings.load({"HEADGATE_DATA": str(tmp_path)}, tmp_path)
    async with open_mcp_tools(settings) as found:

        async def names() -> set[str]:
            return {tool.spec.name for tool in found.tools()}

        await eventually(names, lambda listed: "shop_price" in listed)


async def test_a_server_is_trusted_with_what_is_named_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "headgate.toml").write_text(
        """
        [tools.mcp.far]
        url = "https://mcp.example.com/mcp"
        api_key_env = "FAR_TOKEN"
        [tools.mcp.near]
        command = ["near"]
        environment = ["NEAR_TOKEN", "MISSING"]
        """
    )
    texts = {"FAR_TOKEN": "far-secret", "NEAR_TOKEN": "near-secret", "OPENAI_API_KEY": "sk"}
    settings = Settings.load({"HEADGATE_DATA": str(tmp_path), **texts}, tmp_path)
    far, near = settings.mcp_servers
    assert (far.token and far.token.reveal(), far.environment) == ("far-secret", {})
    assert near.token is None
    assert {name: text.reveal() for name, text in near.environment.items()} == {
        "NEAR_TOKEN": "near-secret"
    }
    assert "secret" not in repr(settings.mcp_servers)


async def test_without_a_server_there_is_nothing_to_close(tmp_path: Path) -> None:
    settings = Settings.load({"HEADGATE_DATA": str(tmp_path)}, tmp_path)
    async with open_mcp_tools(settings) as found:
        assert not list(found.tools())
