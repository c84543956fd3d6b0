"""The clients of the matrix: how each asks a task in its own words, and what it understands.

OpenAI's and Anthropic's clients are their makers' own libraries, unchanged but for address and key;
the platform's own route has its two forms, `/v1/complete` and `/v1/stream`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar, Protocol

import anthropic
import openai
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from headgate_server import Answer, Caller, exact
from vendor_matrix.tasks import SCHEMA, Counts, Failure, Task

IMAGE = "iVBORw0KGgo="
PIXEL = f"data:image/png;base64,{IMAGE}"
MAX_TOKENS = 99


@dataclass
class Seen:
    """What a client has understood of an answer.

    Attributes:
        counts: the tokens that the client was told of.
        cost, billed: the money, where the protocol has words for it.
        vectors: how many came.
        failure: what the client was told instead of an answer, or after a part of it; its status
            is 200 where it came in the middle of a stream.
        said: the message of the failure.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    counts: Counts | None = None
    cost: Decimal | None = None
    billed: Decimal | None = None
    vectors: int = 0
    failure: Failure | None = None
    said: str = ""


class Client(Protocol):
    """A way to ask."""

    title: ClassVar[str]
    embeds: ClassVar[bool]
    """Whether its protocol has vectors."""

    @staticmethod
    def failure(failure: Failure) -> Failure:
        """What its protocol makes of a failure in the platform's words."""
        ...

    async def ask(self, model: str, task: Task) -> Seen:
        """The answer, or why there is none."""
        ...


@dataclass
class Platform:
    """Whoever calls the platform's own routes."""

    caller: Caller
    title: ClassVar[str] = "`/v1/complete`, `/v1/stream` and `/v1/embed`"
    embeds: ClassVar[bool] = True

    @staticmethod
    def failure(failure: Failure) -> Failure:
        return failure

    async def ask(self, model: str, task: Task) -> Seen:
        if task.kind == "vectors":
            return self._embedded(
                await self.caller.post("/v1/embed", {"model": model, "input": [task.text]})
            )
        content: Any = task.text
        if task.kind == "image":
            content = [{"type": "text", "text": task.text}, {"type": "image", "url": PIXEL}]
        body: dict[str, Any] = {
            "model": model,
            "messages": [{"role": "user", "content": content}],
            "maxTokens": MAX_TOKENS,
        }
        if task.kind == "tools":
            tool = {"name": "search", "description": "Looks things up.", "parameters": SCHEMA}
            body |= {"tools": [tool], "toolChoice": "required"}
        if task.kind == "json":
            body["responseFormat"] = {"type": "json_schema", "name": "n", "schema": SCHEMA}
        path = "/v1/stream" if task.stream else "/v1/complete"
        answer = await self.caller.post(path, body)
        return self._streamed(answer) if task.stream else self._whole(answer)

    def _whole(self, answer: Answer) -> Seen:
        if answer.status != 200:
            return _refused(answer.status, answer.headers, answer.error)
        return self._read(Seen(answer.headers, answer.json["content"]), answer.json)

    def _streamed(self, answer: Answer) -> Seen:
        if answer.status != 200:
            return _refused(answer.status, answer.headers, answer.error)
        *deltas, last = answer.events
        assert {delta["type"] for delta in deltas} <= {"delta"}
        seen = Seen(answer.headers, "".join(delta["content"] for delta in deltas))
        if last["type"] == "error":
            seen.failure, seen.said = Failure(200, last["error"]["code"]), last["error"]["message"]
            return seen
        assert last["type"] == "done"
        return self._read(seen, last)

    def _read(self, seen: Seen, told: Mapping[str, Any]) -> Seen:
        seen.calls = [(c["name"], json.loads(c["arguments"])) for c in told.get("toolCalls", ())]
        return self._counted(seen, told["usage"])

    def _embedded(self, answer: Answer) -> Seen:
        if answer.status != 200:
            return _refused(answer.status, answer.headers, answer.error)
        seen = Seen(answer.headers, vectors=len(answer.json["embeddings"]))
        return self._counted(seen, answer.json["usage"])

    def _counted(self, seen: Seen, usage: Mapping[str, Any]) -> Seen:
        seen.counts = counts = Counts(
            usage["inputTokens"],
            usage["outputTokens"],
            usage["cachedInputTokens"],
            usage["reasoningTokens"],
        )
        assert usage["totalTokens"] == counts.input + counts.output
        seen.cost, seen.billed = Decimal(usage["cost"]), Decimal(usage["billed"])
        return seen


@dataclass
class ChatCompletions:
    """OpenAI's library, with chat completions."""

    client: AsyncOpenAI
    title: ClassVar[str] = "`/v1/chat/completions` and `/v1/embeddings`"
    embeds: ClassVar[bool] = True

    @staticmethod
    def failure(failure: Failure) -> Failure:
        return failure

    async def ask(self, model: str, task: Task) -> Seen:
        seen = Seen()
        try:
            if task.kind == "vectors":
                await self._embed(model, task, seen)
            else:
                await self._chat(model, task, seen)
        except openai.APIError as error:
            return _failed(seen, error)
        return seen

    async def _embed(self, model: str, task: Task, seen: Seen) -> None:
        raw = await self.client.embeddings.with_raw_response.create(model=model, input=[task.text])
        seen.headers, answer = raw.headers, raw.parse()
        seen.vectors, seen.counts = len(answer.data), Counts(answer.usage.prompt_tokens)

    async def _chat(self, model: str, task: Task, seen: Seen) -> None:
        content: Any = task.text
        if task.kind == "image":
            image = {"type": "image_url", "image_url": {"url": PIXEL}}
            content = [{"type": "text", "text": task.text}, image]
        options: dict[str, Any] = {}
        if task.kind == "tools":
            function = {"name": "search", "parameters": SCHEMA}
            options["tools"] = [{"type": "function", "function": function}]
            options["tool_choice"] = "required"
        if task.kind == "json":
            schema = {"name": "n", "schema": SCHEMA, "strict": True}
            options["response_format"] = {"type": "json_schema", "json_schema": schema}
        if task.stream:
            options |= {"stream": True, "stream_options": {"include_usage": True}}
        raw = await self.client.chat.completions.with_raw_response.create(
            model=model,
            messages=[{"role": "user", "content": content}],
            max_completion_tokens=MAX_TOKENS,
            **options,
        )
        seen.headers = raw.headers
        await (self._streamed if task.stream else self._whole)(raw.parse(), seen)

    async def _whole(self, answer: Any, seen: Seen) -> None:
        said = answer.choices[0].message
        seen.text = said.content or ""
        seen.calls = [
            (call.function.name, json.loads(call.function.arguments))
            for call in said.tool_calls or ()
        ]
        seen.counts = self._counts(answer.usage)

    async def _streamed(self, stream: Any, seen: Seen) -> None:
        calls: dict[int, list[str]] = {}
        async with stream:
            async for chunk in stream:
                if chunk.usage is not None:
                    seen.counts = self._counts(chunk.usage)
                for choice in chunk.choices:
                    seen.text += choice.delta.content or ""
                    self._gather(choice.delta.tool_calls or (), calls)
        assert list(calls) == list(range(len(calls)))
        seen.calls = [(name, json.loads(arguments)) for name, arguments in calls.values()]

    def _gather(self, pieces: Any, calls: dict[int, list[str]]) -> None:
        for piece in pieces:
            name, arguments = calls.setdefault(piece.index, ["", ""])
            told = piece.function
            calls[piece.index] = [name + (told.name or ""), arguments + told.arguments]

    def _counts(self, usage: Any) -> Counts:
        cached, reasoning = usage.prompt_tokens_details, usage.completion_tokens_details
        return Counts(
            usage.prompt_tokens,
            usage.completion_tokens,
            (cached and cached.cached_tokens) or 0,
            (reasoning and reasoning.reasoning_tokens) or 0,
        )


@dataclass
class Responses:
    """OpenAI's library, with responses."""

    client: AsyncOpenAI
    title: ClassVar[str] = "`/v1/responses`"
    embeds: ClassVar[bool] = False

    @staticmethod
    def failure(failure: Failure) -> Failure:
        return failure

    async def ask(self, model: str, task: Task) -> Seen:
        seen = Seen()
        try:
            await self._ask(model, task, seen)
        except openai.APIError as error:
            return _failed(seen, error)
        return seen

    async def _ask(self, model: str, task: Task, seen: Seen) -> None:
        content: list[Any] = [{"type": "input_text", "text": task.text}]
        if task.kind == "image":
            content.append({"type": "input_image", "image_url": PIXEL, "detail": "auto"})
        options: dict[str, Any] = {}
        if task.kind == "tools":
            tool = {"type": "function", "name": "search", "parameters": SCHEMA, "strict": True}
            options |= {"tools": [tool], "tool_choice": "required"}
        if task.kind == "json":
            form = {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}
            options["text"] = {"format": form}
        raw = await self.client.responses.with_raw_response.create(
            model=model,
            input=[{"role": "user", "content": content}],
            max_output_tokens=MAX_TOKENS,
            stream=task.stream,
            **options,
        )
        seen.headers, answer = raw.headers, raw.parse()
        if task.stream:
            answer = await self._streamed(answer, seen)
        if answer is not None:
            self._whole(answer, seen)

    async def _streamed(self, stream: Any, seen: Seen) -> Any:
        """The whole answer with which the stream ends, or None."""
        async with stream:
            async for event in stream:
                if event.type == "response.output_text.delta":
                    seen.text += event.delta
                elif event.type == "response.completed":
                    assert event.response.output_text == seen.text
                    return event.response
        return None

    def _whole(self, answer: Any, seen: Seen) -> None:
        seen.text = answer.output_text
        seen.calls = [
            (item.name, json.loads(item.arguments))
            for item in answer.output
            if item.type == "function_call"
        ]
        usage = answer.usage
        seen.counts = Counts(
            usage.input_tokens,
            usage.output_tokens,
            usage.input_tokens_details.cached_tokens,
            usage.output_tokens_details.reasoning_tokens,
        )


@dataclass
class Messages:
    """Anthropic's library."""

    client: AsyncAnthropic
    title: ClassVar[str] = "`/v1/messages`"
    embeds: ClassVar[bool] = False

    @staticmethod
    def failure(failure: Failure) -> Failure:
        words = {
            "invalid_request": "invalid_request_error",
            "model_not_found": "not_found_error",
            "rate_limit_exceeded": "rate_limit_error",
            "upstream_error": "api_error",
            "overloaded": "overloaded_error",
            "upstream_timeout": "timeout_error",
        }
        told = failure._replace(code=words[failure.code])
        # Overload has a status of its own there.
        return told._replace(status=529) if failure.code == "overloaded" else told

    async def ask(self, model: str, task: Task) -> Seen:
        seen = Seen()
        try:
            await self._ask(model, task, seen)
        except anthropic.APIError as error:
            return _failed(seen, error)
        return seen

    async def _ask(self, model: str, task: Task, seen: Seen) -> None:
        content: list[Any] = [{"type": "text", "text": task.text}]
        if task.kind == "image":
            source = {"type": "base64", "media_type": "image/png", "data": IMAGE}
            content.append({"type": "image", "source": source})
        options: dict[str, Any] = {}
        if task.kind == "tools":
            options["tools"] = [{"name": "search", "input_schema": SCHEMA}]
            options["tool_choice"] = {"type": "any"}
        if task.kind == "json":
            options["output_config"] = {"format": {"type": "json_schema", "schema": SCHEMA}}
        asked: dict[str, Any] = {
            "model": model,
            "max_tokens": MAX_TOKENS,
            "messages": [{"role": "user", "content": content}],
            **options,
        }
        if not task.stream:
            raw = await self.client.messages.with_raw_response.create(**asked)
            seen.headers = raw.headers
            self._whole(await raw.parse(), seen)
            return
        async with self.client.messages.stream(**asked) as stream:
            seen.headers = stream.response.headers
            async for text in stream.text_stream:
                seen.text += text
            self._whole(await stream.get_final_message(), seen)

    def _whole(self, answer: Any, seen: Seen) -> None:
        seen.text = "".join(block.text for block in answer.content if block.type == "text")
        seen.calls = [
            (block.name, block.input) for block in answer.content if block.type == "tool_use"
        ]
        usage = answer.usage
        cached = usage.cache_read_input_tokens or 0
        details = usage.output_tokens_details
        seen.counts = Counts(
            usage.input_tokens + cached + (usage.cache_creation_input_tokens or 0),
            usage.output_tokens,
            cached,
            (details and details.thinking_tokens) or 0,
        )


def _refused(status: int, headers: Mapping[str, str], error: Mapping[str, Any]) -> Seen:
    failure = Failure(status, error["code"], headers.get("retry-after"))
    return Seen(headers, failure=failure, said=error["message"])


def _failed(seen: Seen, error: openai.APIError | anthropic.APIError) -> Seen:
    """What a library makes of a failure: before the answer with its head, in its middle without."""
    response = getattr(error, "response", None)
    status = 200 if response is None else response.status_code
    body: Any = error.body
    told = body.get("error", body)
    if response is not None:
        seen.headers = response.headers
        if status != 200:
            told = exact(response.content)["error"]
    code = told.get("code") or told["type"]
    seen.failure = Failure(status, code, seen.headers.get("retry-after"))
    seen.said = told["message"]
    return seen
