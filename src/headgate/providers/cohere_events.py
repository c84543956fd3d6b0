"""The events of Cohere's streams as pieces of an answer, and why answers end."""

from headgate.core import chat
from headgate.core.ids import new_id
from headgate.core.models import ProviderBroke, ProviderTimedOut
from headgate.providers.cohere_requests import MARK
from headgate.providers.cohere_shapes import (
    BROKEN,
    FINISH_REASONS,
    TIMED_OUT,
    Delta,
    Event,
    Function,
)


def wants_thoughts(request: chat.ChatRequest) -> bool:
    """Whether a caller asked for what the model thinks."""
    return request.reasoning is not None and request.reasoning.mode != "off"


def finish_reason(told: str | None) -> chat.FinishReason:
    """Why an answer ended.

    Raises:
        ProviderError: the vendor gave up on it.
    """
    if told == TIMED_OUT:
        raise ProviderTimedOut("the vendor did not finish in time")
    if told in BROKEN:
        raise ProviderBroke("the vendor broke off with an error")
    return FINISH_REASONS.get(told or "", "stop")


def stop_sequence(request: chat.ChatRequest, told: str | None) -> str | None:
    """Which stop it was, where there is no doubt: the vendor does not say."""
    return request.stop[0] if told == "STOP_SEQUENCE" and len(request.stop) == 1 else None


class EventReader:
    """Reads one answer's events in their order, and numbers its tool calls from 0."""

    def __init__(self, request: chat.ChatRequest) -> None:
        self._request = request
        self._wants_thoughts = wants_thoughts(request)
        self._is_thinking = False
        self._calls: dict[int, int] = {}
        self._with_arguments: set[int] = set()

    def delta(self, event: Event) -> chat.ChatDelta | None:
        """The piece of the answer that an event is, or None.

        Raises:
            ProviderError: the vendor gave up on the answer.
        """
        index, delta = event.index or 0, event.delta or Delta()
        found: chat.ChatDelta | None = None
        match event.type:
            case "content-start" | "content-delta":
                found = self._content(delta)
            case "content-end" if self._is_thinking:
                self._is_thinking = False
                found = chat.ChatDelta(thinking=chat.Thinking(signature=MARK))
            case "tool-plan-delta" if delta.message is not None and delta.message.tool_plan:
                found = chat.ChatDelta(text=delta.message.tool_plan)
            case "tool-call-start":
                found = self._call(index, delta)
            case "tool-call-delta":
                found = self._arguments(index, delta)
            case "tool-call-end" if index in self._calls and index not in self._with_arguments:
                # A tool that is called without any: other protocols want JSON there.
                empty = chat.ToolCallDelta(self._calls[index], arguments="{}")
                found = chat.ChatDelta(tool_calls=(empty,))
            case "message-end":
                found = chat.ChatDelta(
                    finish_reason=finish_reason(delta.finish_reason),
                    stop_sequence=stop_sequence(self._request, delta.finish_reason),
                )
        return found

    def _content(self, delta: Delta) -> chat.ChatDelta | None:
        content = delta.content
        if content is None:
            return None
        if content.thinking:
            if not self._wants_thoughts:
                return None
            self._is_thinking = True
            return chat.ChatDelta(thinking=chat.Thinking(content.thinking))
        return chat.ChatDelta(text=content.text) if content.text else None

    def _call(self, index: int, delta: Delta) -> chat.ChatDelta | None:
        call = delta.call
        if call is None:
            return None
        function = call.function or Function()
        number = self._calls[index] = len(self._calls)
        head = chat.ToolCallDelta(number, call.id or new_id("call"), function.name or "")
        rest = (self._arguments(index, delta) or chat.ChatDelta()).tool_calls
        return chat.ChatDelta(tool_calls=(head, *rest))

    def _arguments(self, index: int, delta: Delta) -> chat.ChatDelta | None:
        function = delta.call.function if delta.call is not None else None
        if index not in self._calls or function is None or not function.arguments:
            return None
        self._with_arguments.add(index)
        piece = chat.ToolCallDelta(self._calls[index], arguments=function.arguments)
        return chat.ChatDelta(tool_calls=(piece,))
