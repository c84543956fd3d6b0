# Written by write_sync.py from _async/tools.py: change that, and write this anew.
"""Tools and models."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from headgate_sdk._sync.connection import Connection
from headgate_sdk.requests import metered, read
from headgate_sdk.types import Model, Tool, ToolResult


class Tools:
    """The platform's tools; needs the scope `tools:run`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def run(
        self,
        name: str,
        arguments: Mapping[str, Any],
        *,
        tags: Sequence[str] | None = None,
        idempotency_key: str | None = None,
    ) -> ToolResult:
        """Call a tool with the arguments that its JSON Schema describes."""
        path = f"/v1/tools/{quote(name, safe='')}"
        request = metered(path, arguments, idempotency_key=idempotency_key, tags=tags)
        return self._connection.ask(ToolResult, request)

    def list(self) -> list[Tool]:
        """All tools, with the JSON Schemas of their arguments."""
        return self._connection.ask_all(Tool, read("/v1/tools"))


class Models:
    """The models that the key may use."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, model: str) -> Model:
        """A model."""
        return self._connection.ask(Model, read(f"/v1/models/{quote(model)}"))

    def list(self) -> list[Model]:
        """All models that the key may use."""
        return self._connection.ask_all(Model, read("/v1/models"))
