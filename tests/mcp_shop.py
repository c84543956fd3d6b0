"""A shop as an MCP server: `python mcp_shop.py` on standard input, or as an application.

It is the official library's server, as others write theirs.
"""

import os
import sys
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations


def shop() -> MCPServer:
    """The shop's tools."""
    server = MCPServer("shop")

    @server.tool(annotations=ToolAnnotations(read_only_hint=True))
    def price(thing: str) -> dict[str, int]:
        """What a thing costs."""
        if thing == "death" and "dies" in sys.argv:
            os._exit(1)
        if thing != "tea":
            raise ToolError("there is no such thing")
        return {"euros": 3}

    @server.tool(annotations=ToolAnnotations(destructive_hint=True))
    def empty_till() -> str:
        """Take all the money."""
        return "gone"

    @server.tool(structured_output=False)
    def greeting() -> str:
        """Say hello."""
        return "Good day."

    @server.tool(name="a name with spaces")
    def unusable() -> str:
        """Have a name that no model can write."""
        return ""

    return server


def app_of_shop(token: str) -> Any:
    """The shop as an application that wants a token."""
    app = shop().streamable_http_app()

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope.get("headers", ()))
        if scope["type"] == "http" and headers.get(b"authorization") != f"Bearer {token}".encode():
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await app(scope, receive, send)

    return guarded


if __name__ == "__main__":
    shop().run()
