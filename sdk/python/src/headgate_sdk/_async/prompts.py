"""Prompt templates."""

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote

from headgate_sdk._async.connection import Connection
from headgate_sdk.decoding import given
from headgate_sdk.requests import Request, read
from headgate_sdk.types import Prompt, PromptDetail, PromptDiff, RenderedPrompt


class Prompts:
    """The platform's templates and the company's own; needs the scope `ai:complete`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def get(self, name: str, *, version: int | None = None) -> PromptDetail:
        """A template; the latest version unless one is named."""
        request = read(_path(name), {"version": version})
        return await self._connection.ask(PromptDetail, request)

    async def render(
        self,
        name: str,
        inputs: Mapping[str, Any] | None = None,
        *,
        version: int | None = None,
        model: str | None = None,
        style: Literal["headings", "xml"] | None = None,
        template: str | None = None,
    ) -> RenderedPrompt:
        """The messages that a template becomes; nothing is asked of a model.

        Args:
            model: fill it in as this model likes it.
            template: a draft to be tried in the place of the template's text.
        """
        body = {
            "inputs": inputs,
            "version": version,
            "model": model,
            "style": style,
            "template": template,
        }
        request = Request(
            method="POST", path=f"{_path(name)}/render", body=given(body), repeatable=True
        )
        return await self._connection.ask(RenderedPrompt, request)

    async def diff(self, name: str, *, from_: int, to: int) -> PromptDiff:
        """What differs between two versions of a template."""
        request = read(f"{_path(name)}/diff", {"from": from_, "to": to})
        return await self._connection.ask(PromptDiff, request)

    async def list(self) -> list[Prompt]:
        """All templates, in their latest versions."""
        return await self._connection.ask_all(Prompt, read("/v1/prompts"))


def _path(name: str) -> str:
    return f"/v1/prompts/{quote(name, safe='')}"
