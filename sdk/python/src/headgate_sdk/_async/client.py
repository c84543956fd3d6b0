"""The client."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from headgate_sdk._async.agents import Agents
from headgate_sdk._async.connection import Connection
from headgate_sdk._async.documents import Documents
from headgate_sdk._async.keys import Keys, Providers
from headgate_sdk._async.memory import Memory
from headgate_sdk._async.prompts import Prompts
from headgate_sdk._async.streams import Stream
from headgate_sdk._async.tools import Models, Tools
from headgate_sdk._async.usage import UsageReports
from headgate_sdk._async.workspaces import Workspaces
from headgate_sdk.decoding import given
from headgate_sdk.place import MAX_RETRIES, TIMEOUT_SECONDS, place
from headgate_sdk.requests import metered, read
from headgate_sdk.types import (
    Classification,
    Completion,
    DocumentFilterParam,
    Embeddings,
    Health,
    MessageParam,
    PromptParam,
    ResponseFormatParam,
    SearchResults,
    ToolParam,
)


class AsyncHeadgate:
    """Calls one platform with one key; to be closed, or entered.

    Args:
        base_url: where the platform answers; `HEADGATE_URL` by default.
        api_key: `HEADGATE_API_KEY` by default.
        timeout: how many seconds may pass without a byte from the platform.
        max_retries: how often a call is made again after a failure that may pass. It is never
            made again after the first piece of a stream, nor where that could do something twice.

    Raises:
        HeadgateError: there is no key.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float = TIMEOUT_SECONDS,
        max_retries: int = MAX_RETRIES,
    ) -> None:
        url, key = place(base_url, api_key)
        self._connection = Connection(url, key, timeout=timeout, max_retries=max_retries)
        self.agents = Agents(self._connection)
        self.documents = Documents(self._connection)
        self.keys = Keys(self._connection)
        self.memory = Memory(self._connection)
        self.models = Models(self._connection)
        self.prompts = Prompts(self._connection)
        self.providers = Providers(self._connection)
        self.tools = Tools(self._connection)
        self.usage = UsageReports(self._connection)
        self.workspaces = Workspaces(self._connection)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._connection.close()

    async def complete(
        self,
        messages: str | Sequence[MessageParam] | None = None,
        *,
        model: str | None = None,
        prompt: PromptParam | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        max_tokens: int | None = None,
        stop: str | Sequence[str] | None = None,
        system_prompt: str | None = None,
        use_case: str | None = None,
        tools: Sequence[ToolParam] | None = None,
        tool_choice: str | None = None,
        response_format: ResponseFormatParam | None = None,
        tags: Sequence[str] | None = None,
        cache: bool = True,
        idempotency_key: str | None = None,
    ) -> Completion:
        """A model's answer; needs the scope `ai:complete`.

        Args:
            messages: the conversation so far, or one text of the user.
            model: a vendor's name for it, `vendor/model`, an alias, or `auto`.
            prompt: a template in the place of messages, or before them.
            tool_choice: `auto`, `none`, `required`, or the name of a tool.
            tags: up to ten labels by which the ledger can be summed.
            cache: whether an earlier answer to the same request may be given again.
            idempotency_key: calls under one key are made once; by default this call's own.

        Raises:
            HeadgateError: there is no answer.
        """
        body = _asked(
            messages,
            model=model,
            prompt=prompt,
            temperature=temperature,
            topP=top_p,
            maxTokens=max_tokens,
            stop=stop,
            systemPrompt=system_prompt,
            useCase=use_case,
            tools=tools,
            toolChoice=tool_choice,
            responseFormat=response_format,
            tags=tags,
        )
        request = metered("/v1/complete", body, idempotency_key=idempotency_key, cache=cache)
        return await self._connection.ask(Completion, request)

    def stream(
        self,
        messages: str | Sequence[MessageParam] | None = None,
        *,
        model: str | None = None,
        prompt: PromptParam | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        max_tokens: int | None = None,
        stop: str | Sequence[str] | None = None,
        system_prompt: str | None = None,
        use_case: str | None = None,
        tools: Sequence[ToolParam] | None = None,
        tool_choice: str | None = None,
        response_format: ResponseFormatParam | None = None,
        tags: Sequence[str] | None = None,
        resumable: bool = False,
        cache: bool = True,
        idempotency_key: str | None = None,
    ) -> Stream:
        """A model's answer as it comes: to be entered, and gone through.

        `complete` describes the arguments.

        Args:
            resumable: let the answer go on without a reader for up to a minute, and go on reading
                it where the connection breaks.
        """
        body = _asked(
            messages,
            model=model,
            prompt=prompt,
            temperature=temperature,
            topP=top_p,
            maxTokens=max_tokens,
            stop=stop,
            systemPrompt=system_prompt,
            useCase=use_case,
            tools=tools,
            toolChoice=tool_choice,
            responseFormat=response_format,
            tags=tags,
            resumable=resumable or None,
        )
        request = metered("/v1/stream", body, idempotency_key=idempotency_key, cache=cache)
        return Stream(self._connection, request, resumable=resumable)

    def resume(self, request_id: str, *, after: int = 0) -> Stream:
        """A resumable answer that was begun elsewhere, behind the event numbered `after`.

        Args:
            request_id: as the `Stream` that began it, or the header `x-request-id`, says.
        """
        return Stream(self._connection, resumable=True, request_id=request_id, after=after)

    async def embed(
        self,
        input: str | Sequence[str],  # noqa: A002 - as the interface names it
        *,
        model: str | None = None,
        dimensions: int | None = None,
        tags: Sequence[str] | None = None,
        cache: bool = True,
        idempotency_key: str | None = None,
    ) -> Embeddings:
        """A vector for each text; needs the scope `ai:embed`."""
        body = {"input": input, "model": model, "dimensions": dimensions, "tags": tags}
        request = metered("/v1/embed", given(body), idempotency_key=idempotency_key, cache=cache)
        return await self._connection.ask(Embeddings, request)

    async def classify(
        self,
        input: str,  # noqa: A002 - as the interface names it
        labels: Sequence[str],
        *,
        model: str | None = None,
        tags: Sequence[str] | None = None,
        cache: bool = True,
        idempotency_key: str | None = None,
    ) -> Classification:
        """Which of the labels fits a text best; needs the scope `ai:complete`."""
        body = {"input": input, "labels": labels, "model": model, "tags": tags}
        request = metered("/v1/classify", given(body), idempotency_key=idempotency_key, cache=cache)
        return await self._connection.ask(Classification, request)

    async def search(
        self,
        query: str,
        *,
        limit: int | None = None,
        filter: DocumentFilterParam | None = None,  # noqa: A002 - as the interface names it
        tags: Sequence[str] | None = None,
        cache: bool = True,
        idempotency_key: str | None = None,
    ) -> SearchResults:
        """Passages of the workspace's documents, best first; needs the scope `tools:run`."""
        body = {"query": query, "limit": limit, "filter": filter, "tags": tags}
        request = metered("/v1/search", given(body), idempotency_key=idempotency_key, cache=cache)
        return await self._connection.ask(SearchResults, request)

    async def health(self) -> Health:
        """Whether the platform works, part by part."""
        return await self._connection.ask(Health, read("/v1/health"))


def _asked(messages: str | Sequence[MessageParam] | None, **fields: Any) -> dict[str, Any]:
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    return given({"messages": messages, **fields})
