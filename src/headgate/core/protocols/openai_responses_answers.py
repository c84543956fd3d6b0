"""OpenAI's responses as a server writes them: whole, and as events.

An answer is a list of items: what the model thought, what it said, the tools it called. Each item
of a stream begins, comes in pieces and ends; `event:` repeats the `type`, and `sequence_number`
rises by one. The last event has the whole answer. Clients read failures from `response.failed` or
from `error`, in one of two shapes: a stream that breaks off tells both, and both shapes.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import msgspec

from headgate.core import chat
from headgate.core.ids import new_id
from headgate.core.models import ProviderBroke
from headgate.core.protocols.openai_responses import (
    FormatItem,
    ReasoningOptions,
    ResponsesRequest,
    TextOptions,
    ToolChoiceItem,
    ToolItem,
    seal,
)

Status: TypeAlias = Literal["in_progress", "completed", "incomplete", "failed"]

_INCOMPLETE: dict[chat.FinishReason, str] = {
    "length": "max_output_tokens",
    "content_filter": "content_filter",
}


class OutputText(msgspec.Struct, frozen=True, tag_field="type", tag="output_text"):
    """What the model says; annotations and probabilities are never told."""

    text: str
    annotations: list[Any] = []
    logprobs: list[Any] = []


class Refusal(msgspec.Struct, frozen=True, tag_field="type", tag="refusal"):
    """Why the model does not answer."""

    refusal: str


class MessageItem(msgspec.Struct, frozen=True, tag_field="type", tag="message"):
    """What the model says, as an item."""

    id: str
    status: Status
    content: list[OutputText | Refusal]
    role: Literal["assistant"] = "assistant"


class FunctionCallItem(msgspec.Struct, frozen=True, tag_field="type", tag="function_call"):
    """A function that the caller shall run; `arguments` is JSON text."""

    id: str
    call_id: str
    name: str
    arguments: str
    status: Status


class SummaryText(msgspec.Struct, frozen=True, tag_field="type", tag="summary_text"):
    """What the model thought, as far as its vendor tells."""

    text: str


class ReasoningItem(msgspec.Struct, frozen=True, tag_field="type", tag="reasoning"):
    """What the model thought; `encrypted_content` is what its vendor wants back."""

    id: str
    summary: list[SummaryText]
    encrypted_content: str | None = None


OutputItem: TypeAlias = MessageItem | FunctionCallItem | ReasoningItem


class InputDetails(msgspec.Struct, frozen=True):
    """Classes of input tokens."""

    cached_tokens: int
    cache_write_tokens: int


class OutputDetails(msgspec.Struct, frozen=True):
    """Classes of output tokens."""

    reasoning_tokens: int


class UsageItem(msgspec.Struct, frozen=True):
    """Tokens; `input_tokens` includes the cached ones."""

    input_tokens: int
    input_tokens_details: InputDetails
    output_tokens: int
    output_tokens_details: OutputDetails
    total_tokens: int


class IncompleteDetails(msgspec.Struct, frozen=True):
    """Why an answer is not whole."""

    reason: str


class FailureItem(msgspec.Struct, frozen=True):
    """Why an answer broke off."""

    code: str
    message: str


class ResponseAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The body of an answer; what was asked for stands in it again. Times are in Unix seconds."""

    id: str
    object: Literal["response"] = "response"
    created_at: int
    status: Status = "in_progress"
    completed_at: int | None = None
    background: bool = False
    error: FailureItem | None = None
    incomplete_details: IncompleteDetails | None = None
    instructions: str | None = None
    max_output_tokens: int | None = None
    metadata: dict[str, str]
    model: str
    output: list[OutputItem] = []
    parallel_tool_calls: bool = True
    previous_response_id: None = None
    prompt_cache_key: str | None = None
    reasoning: ReasoningOptions
    safety_identifier: str | None = None
    service_tier: Literal["default"] = "default"
    store: Literal[False] = False
    temperature: float | None = None
    text: TextOptions
    tool_choice: Literal["auto", "none", "required"] | ToolChoiceItem = "auto"
    tools: list[ToolItem] = []
    top_p: float | None = None
    truncation: Literal["disabled"] = "disabled"
    usage: UsageItem | None = None
    user: str | None = None


def head(
    wanted: ResponsesRequest,
    *,
    model: str,
    created_at: int,
) -> ResponseAnswer:
    """An answer of which nothing has come yet; `created_at` is in Unix seconds."""
    text = wanted.text or TextOptions()
    return ResponseAnswer(
        id=new_id("resp"),
        created_at=created_at,
        instructions=wanted.instructions,
        max_output_tokens=wanted.max_output_tokens,
        metadata=wanted.metadata or {},
        model=model,
        parallel_tool_calls=wanted.parallel_tool_calls is not False,
        prompt_cache_key=wanted.prompt_cache_key,
        reasoning=wanted.reasoning or ReasoningOptions(),
        safety_identifier=wanted.safety_identifier,
        temperature=wanted.temperature,
        text=TextOptions(text.format or FormatItem("text"), text.verbosity or "medium"),
        tool_choice=wanted.tool_choice or "auto",
        tools=wanted.tools or [],
        top_p=wanted.top_p,
        user=wanted.user,
    )


def usage_item(usage: chat.TokenUsage) -> UsageItem:
    """Tokens in the words of this protocol."""
    return UsageItem(
        usage.input_tokens,
        InputDetails(usage.cached_input_tokens, usage.cache_write_tokens),
        usage.output_tokens,
        OutputDetails(usage.reasoning_tokens),
        usage.total_tokens,
    )


def whole(
    start: ResponseAnswer, response: chat.ChatResponse, *, completed_at: int
) -> ResponseAnswer:
    """A whole answer; `completed_at` is in Unix seconds."""
    status = _ended(response.finish_reason)
    output: list[OutputItem] = [_reasoning(new_id("rs"), thought) for thought in response.thinking]
    if response.content or not (response.refusal or response.tool_calls):
        output.append(MessageItem(new_id("msg"), status, [OutputText(response.content)]))
    if response.refusal:
        output.append(MessageItem(new_id("msg"), status, [Refusal(response.refusal)]))
    output += [
        FunctionCallItem(new_id("fc"), call.id, call.name, call.arguments, status)
        for call in response.tool_calls
    ]
    return _finished(start, output, response.finish_reason, response.usage, completed_at)


def _ended(finish: chat.FinishReason | None) -> Status:
    return "incomplete" if finish in _INCOMPLETE else "completed"


def _finished(
    start: ResponseAnswer,
    output: list[OutputItem],
    finish: chat.FinishReason | None,
    usage: chat.TokenUsage,
    completed_at: int,
) -> ResponseAnswer:
    reason = _INCOMPLETE.get(finish or "stop")
    return msgspec.structs.replace(
        start,
        status=_ended(finish),
        completed_at=None if reason else completed_at,
        incomplete_details=IncompleteDetails(reason) if reason else None,
        output=output,
        usage=usage_item(usage),
    )


def _reasoning(id: str, thought: chat.Thinking) -> ReasoningItem:  # noqa: A002 - OpenAI's own name
    is_wanted_back = thought.signature is not None or thought.sealed is not None
    return ReasoningItem(
        id,
        [SummaryText(thought.text)] if thought.text else [],
        seal(thought) if is_wanted_back else None,
    )


def error_events(error: Mapping[str, Any], number: int) -> bytes:
    """The last event of a stream that broke off: `error` is the item of the platform's envelope."""
    told = {
        "type": "error",
        "sequence_number": number,
        "code": error["code"],
        "message": error["message"],
        "param": error["param"],
        "error": error,
    }
    return _event(told)


def _event(told: Mapping[str, object]) -> bytes:
    name = str(told["type"]).encode()
    return b"event: " + name + b"\ndata: " + msgspec.json.encode(told) + b"\n\n"


class _OpenItem:
    """The item that is being written.

    Attributes:
        kind: what it is, or the number of its tool call.
        has_part: whether its only part has begun.
    """

    def __init__(
        self, kind: str | int, prefix: str, call: chat.ToolCallDelta | None = None
    ) -> None:
        self.kind = kind
        self.id = new_id(prefix)
        self.call_id = "" if call is None else call.id or ""
        self.name = "" if call is None else call.name or ""
        self.written: list[str] = []
        self.thought = chat.Thinking()
        self.has_part = False

    def item(self, status: Status) -> OutputItem:
        """The item as it stands."""
        text = "".join(self.written)
        match self.kind:
            case "output_text":
                return MessageItem(self.id, status, [OutputText(text)] if self.has_part else [])
            case "refusal":
                return MessageItem(self.id, status, [Refusal(text)] if self.has_part else [])
            case "reasoning":
                return _reasoning(self.id, msgspec.structs.replace(self.thought, text=text))
        return FunctionCallItem(self.id, self.call_id, self.name, text, status)


class EventWriter:
    """Writes one answer's events."""

    def __init__(self, start: ResponseAnswer) -> None:
        self._start = start
        self._number = 0
        self._output: list[OutputItem] = []
        self._open: _OpenItem | None = None
        self._finish: chat.FinishReason | None = None

    def start(self) -> bytes:
        """The first events."""
        return b"".join(
            self._told(name, response=self._start)
            for name in ("response.created", "response.in_progress")
        )

    def delta(self, delta: chat.ChatDelta) -> bytes:
        """The events for a piece of the answer; its end waits for `ending`."""
        self._finish = delta.finish_reason or self._finish
        parts: list[bytes] = []
        if delta.thinking is not None:
            parts += self._thought(delta.thinking)
        if delta.text:
            parts += self._text("output_text", delta.text)
        if delta.refusal:
            parts += self._text("refusal", delta.refusal)
        for call in delta.tool_calls:
            parts += self._call(call)
        return b"".join(parts)

    def ending(self, usage: chat.TokenUsage, *, completed_at: int) -> bytes:
        """The last events, with the whole answer; `completed_at` is in Unix seconds."""
        parts: list[bytes] = []
        if self._open is None and not self._output:
            parts += self._begin(_OpenItem("output_text", "msg"))
            parts.append(self._begin_part(OutputText("")))
        parts += self._close(_ended(self._finish))
        answer = _finished(self._start, self._output, self._finish, usage, completed_at)
        parts.append(self._told(f"response.{answer.status}", response=answer))
        return b"".join(parts)

    def failed(self, error: Mapping[str, Any]) -> bytes:
        """The last events of an answer that broke off; `error` is the envelope's item."""
        parts = self._close("incomplete")
        answer = msgspec.structs.replace(
            self._start,
            status="failed",
            error=FailureItem(error["code"], error["message"]),
            output=self._output,
        )
        parts.append(self._told("response.failed", response=answer))
        return b"".join((*parts, error_events(error, self._number)))

    def _thought(self, thought: chat.Thinking) -> list[bytes]:
        parts: list[bytes] = []
        if self._open is None or self._open.kind != "reasoning":
            parts += self._begin(_OpenItem("reasoning", "rs"))
        item = self._current
        if thought.text:
            if not item.has_part:
                part = {"type": "summary_text", "text": ""}
                item.has_part = True
                parts.append(
                    self._piece("response.reasoning_summary_part.added", summary_index=0, part=part)
                )
            item.written.append(thought.text)
            name = "response.reasoning_summary_text.delta"
            parts.append(self._piece(name, summary_index=0, delta=thought.text))
        if thought.signature is not None or thought.sealed is not None:
            item.thought = thought
            parts += self._close("completed")
        return parts

    def _text(self, kind: Literal["output_text", "refusal"], text: str) -> list[bytes]:
        parts: list[bytes] = []
        if self._open is None or self._open.kind != kind:
            parts += self._begin(_OpenItem(kind, "msg"))
            empty = OutputText("") if kind == "output_text" else Refusal("")
            parts.append(self._begin_part(empty))
        self._current.written.append(text)
        more: dict[str, object] = {"logprobs": []} if kind == "output_text" else {}
        parts.append(self._piece(f"response.{kind}.delta", content_index=0, delta=text, **more))
        return parts

    def _call(self, call: chat.ToolCallDelta) -> list[bytes]:
        """The events for a piece of a tool call.

        Raises:
            ProviderBroke: it belongs to a call that has ended.
        """
        parts: list[bytes] = []
        if call.id is not None:
            parts += self._begin(_OpenItem(call.index, "fc", call))
        if self._open is None or self._open.kind != call.index:
            raise ProviderBroke("the vendor mixed the pieces of several tool calls")
        if call.arguments:
            self._open.written.append(call.arguments)
            name = "response.function_call_arguments.delta"
            parts.append(self._piece(name, delta=call.arguments))
        return parts

    @property
    def _current(self) -> _OpenItem:
        if self._open is None:
            raise RuntimeError("no item has begun")
        return self._open

    def _begin(self, item: _OpenItem) -> list[bytes]:
        """End the item before, and begin this one."""
        parts = self._close("completed")
        self._open = item
        added = self._told(
            "response.output_item.added",
            output_index=len(self._output),
            item=item.item("in_progress"),
        )
        return [*parts, added]

    def _begin_part(self, part: object) -> bytes:
        self._current.has_part = True
        return self._piece("response.content_part.added", content_index=0, part=part)

    def _close(self, status: Status) -> list[bytes]:
        """The events that end the open item, which says how it ended."""
        if self._open is None:
            return []
        item = self._open.item(status)
        parts = self._ends_of_parts(self._open)
        self._open = None
        parts.append(
            self._told("response.output_item.done", output_index=len(self._output), item=item)
        )
        self._output.append(item)
        return parts

    def _ends_of_parts(self, item: _OpenItem) -> list[bytes]:
        text = "".join(item.written)
        match item.kind:
            case int():
                done = "response.function_call_arguments.done"
                return [self._piece(done, arguments=text)]
            case "reasoning" if item.has_part:
                done = "response.reasoning_summary_text.done"
                part: object = SummaryText(text)
                return [
                    self._piece(done, summary_index=0, text=text),
                    self._piece("response.reasoning_summary_part.done", summary_index=0, part=part),
                ]
            case "output_text":
                part = OutputText(text)
                told = self._piece(
                    "response.output_text.done", content_index=0, text=text, logprobs=[]
                )
            case "refusal":
                part = Refusal(text)
                told = self._piece("response.refusal.done", content_index=0, refusal=text)
            case _:
                return []
        return [told, self._piece("response.content_part.done", content_index=0, part=part)]

    def _piece(self, name: str, /, **fields: object) -> bytes:
        """An event about the open item."""
        index = len(self._output)
        return self._told(name, item_id=self._current.id, output_index=index, **fields)

    def _told(self, name: str, /, **fields: object) -> bytes:
        told = {"type": name, "sequence_number": self._number, **fields}
        self._number += 1
        return _event(told)
