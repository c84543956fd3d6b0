"""The platform's tools over MCP, as any MCP client sees them."""

import asyncio
import os

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

URL = os.environ["HEADGATE_URL"] + "/mcp"
HEADERS = {"authorization": f"Bearer {os.environ['HEADGATE_API_KEY']}"}


async def main() -> None:
    async with (
        httpx2.AsyncClient(headers=HEADERS, timeout=60) as http,
        Client(streamable_http_client(URL, http_client=http)) as client,
    ):
        listed = await client.list_tools()
        print(", ".join(tool.name for tool in listed.tools))
        called = await client.call_tool("calculator", {"expression": "6 * 7"})
        print(called.structured_content)


asyncio.run(main())
