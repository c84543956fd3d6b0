"""What Gemini answers, whole or streamed, as pieces of an answer."""

from collections.abc import Iterator

from headgate.core import chat
from headgate.core.ids import new_id
from headgate.core.models import ProviderBroke
from headgate.providers.failures import without_secrets
from headgate.providers.gemini_requests import Signed, marked
from headgate.providers.gemini_shapes import FINISH_REASONS, SPOILT, Answer, Candidate, Part


class PieceReader:
    """Reads one answer's pieces in their order, and numbers its tool calls from 0.

    The signature of a call must come back, so every caller gets it; that of a text may, so only
    those get it who asked for thoughts.
    """

    def __init__(self, request: chat.ChatRequest) -> None:
        self._is_asked = request.reasoning is not None and request.reasoning.mode != "off"
        self.finish_reason: chat.FinishReason | None = None
        self.refusal: str | None = None
        self._calls = 0

    def deltas(self, answer: Answer) -> Iterator[chat.ChatDelta]:
        """The pieces of the answer that are here.

        Raises:
            ProviderBroke: the vendor gave up on the answer.
        """
        if answer.blocked is not None:
            self.refusal = f"the vendor blocked the prompt: {answer.blocked}"
            yield self._ended("content_filter")
        for candidate in (answer.candidates or ())[:1]:
            for part in candidate.parts:
                yield from self._part(part)
            if candidate.finish_reason:
                yield self._finished(candidate)

    def _part(self, part: Part) -> Iterator[chat.ChatDelta]:
        call = part.function_call
        if part.thought:
            if part.text:
                yield chat.ChatDelta(thinking=chat.Thinking(part.text))
            return
        if part.thought_signature and (call is not None or self._is_asked):
            number = None if call is None else self._calls
            signature = marked(Signed(part.thought_signature, number))
            yield chat.ChatDelta(thinking=chat.Thinking(signature=signature))
        if part.text:
            yield chat.ChatDelta(text=part.text)
        if call is not None and call.name is not None:
            number, self._calls = self._calls, self._calls + 1
            head = chat.ToolCallDelta(number, call.id or new_id("call"), call.name)
            yield chat.ChatDelta(tool_calls=(head,))
            rest = chat.ToolCallDelta(number, arguments=call.arguments)
            yield chat.ChatDelta(tool_calls=(rest,))

    def _finished(self, candidate: Candidate) -> chat.ChatDelta:
        told = candidate.finish_reason or ""
        if told in SPOILT:
            raise ProviderBroke("the model wrote a tool call that cannot be read")
        reason = FINISH_REASONS.get(told, "stop")
        if reason == "content_filter":
            said = without_secrets(candidate.finish_message or "")
            self.refusal = said or f"the vendor broke the answer off: {told}"
        return self._ended("tool_calls" if self._calls and reason == "stop" else reason)

    def _ended(self, reason: chat.FinishReason) -> chat.ChatDelta:
        self.finish_reason = reason
        return chat.ChatDelta(finish_reason=reason, refusal=self.refusal)
