"""Vendors behind guardrails: what a workspace's rules find does not reach them, nor its callers.

A guarded vendor is asked in the platform's own terms, never in a body as it came, since only what
is understood can be judged. What a rule stops in a question is refused; an answer that it stops
ends there, as vendors' own filters end one, and is billed as far as it came.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass

import msgspec

from headgate.core.chat import (
    ChatDelta,
    ChatRequest,
    ChatResponse,
    Message,
    Part,
    Text,
    Thinking,
    TokenUsage,
    ToolCallDelta,
    WireDelta,
)
from headgate.core.embeddings import EmbeddingRequest, EmbeddingResponse
from headgate.core.guardrails import Blocked, Guardrails, Passage, Rule, checked
from headgate.core.models import ChatStream, Provider, ProviderRefused

STOPPED = "The answer was stopped by a guardrail of this platform."


def no_guards(_workspace_id: str) -> Guardrails | None:
    """No workspace has guardrails."""
    return None


@dataclass(frozen=True, slots=True)
class GuardedProvider:
    """`Provider` whose texts are judged on their way in and out."""

    inner: Provider
    guards: Guardrails

    @property
    def provider(self) -> str:
        """The vendor's name."""
        return self.inner.provider

    def models(self) -> Sequence[str]:
        """See `Provider.models`."""
        return self.inner.models()

    def serves(self, model: str) -> bool:
        """See `Provider.serves`."""
        return self.inner.serves(model)

    def input_ceiling(self, request: ChatRequest) -> int:
        """See `Provider.input_ceiling`."""
        return self.inner.input_ceiling(request)

    def input_estimate(self, request: ChatRequest) -> int:
        """See `Provider.input_estimate`."""
        return self.inner.input_estimate(request)

    def output_ceiling(self, request: ChatRequest) -> int:
        """See `Provider.output_ceiling`."""
        return self.inner.output_ceiling(request)

    def embedding_ceiling(self, request: EmbeddingRequest) -> int:
        """See `Provider.embedding_ceiling`."""
        return self.inner.embedding_ceiling(request)

    async def refresh(self) -> None:
        """See `Provider.refresh`."""
        await self.inner.refresh()

    async def count_tokens(self, request: ChatRequest) -> int:
        """See `Provider.count_tokens`."""
        return await self.inner.count_tokens(_asked(request, self.guards.input))

    async def complete(self, request: ChatRequest, *, idempotency_key: str) -> ChatResponse:
        """See `Provider.complete`."""
        asked = _asked(request, self.guards.input)
        answer = await self.inner.complete(asked, idempotency_key=idempotency_key)
        return _answered(answer, self.guards.output)

    def stream(self, request: ChatRequest, *, idempotency_key: str) -> ChatStream:
        """See `Provider.stream`."""
        asked = _asked(request, self.guards.input)
        stream = self.inner.stream(asked, idempotency_key=idempotency_key)
        return GuardedStream(stream, self.guards.output)

    async def embed(self, request: EmbeddingRequest, *, idempotency_key: str) -> EmbeddingResponse:
        """See `Provider.embed`."""
        texts = tuple(
            _passed(item, self.guards.input) if isinstance(item, str) else item
            for item in request.input
        )
        asked = msgspec.structs.replace(request, input=texts)
        return await self.inner.embed(asked, idempotency_key=idempotency_key)


class GuardedStream:
    """`ChatStream` whose text comes as far as it is known to be clean.

    Calls of tools come at its end, since their arguments are judged as a whole; what a model
    thought does not come at all.
    """

    def __init__(self, stream: ChatStream, rules: Sequence[Rule]) -> None:
        self._stream = stream
        self._rules = rules
        self._pieces = self._read()
        self._is_stopped = False

    def __aiter__(self) -> AsyncIterator[ChatDelta | WireDelta]:
        return self._pieces

    def usage(self) -> TokenUsage | None:
        """See `ChatStream.usage`; nothing where the vendor was stopped before it told."""
        return self._stream.usage()

    def input_usage(self) -> TokenUsage | None:
        """See `ChatStream.input_usage`."""
        return self._stream.input_usage()

    def received_tokens(self) -> int:
        """See `ChatStream.received_tokens`."""
        return self._stream.received_tokens()

    def ending(self) -> bytes:
        """Nothing: no frames are forwarded."""
        return b""

    async def aclose(self) -> None:
        """See `ChatStream.aclose`."""
        await self._pieces.aclose()
        await self._stream.aclose()

    async def _read(self) -> AsyncGenerator[ChatDelta | WireDelta, None]:
        text, refusal = Passage(self._rules), Passage(self._rules)
        calls: dict[int, ToolCallDelta] = {}
        last = ChatDelta()
        try:
            async for piece in self._stream:
                if isinstance(piece, WireDelta):
                    raise TypeError("a vendor forwarded frames that nobody could judge")
                for part in piece.tool_calls:
                    known = calls.get(part.index, ToolCallDelta(part.index, part.id, part.name))
                    arguments = known.arguments + part.arguments
                    calls[part.index] = msgspec.structs.replace(known, arguments=arguments)
                told = text.feed(piece.text)
                refused = refusal.feed(piece.refusal) if piece.refusal else None
                if told or refused:
                    yield ChatDelta(text=told, refusal=refused)
                if piece.finish_reason is not None:
                    last = msgspec.structs.replace(piece, text="", refusal=None, thinking=None)
            rest = ChatDelta(text=text.end(), refusal=refusal.end() or None)
            made = tuple(
                msgspec.structs.replace(call, arguments=checked(call.arguments, self._rules))
                for _, call in sorted(calls.items())
            )
        except Blocked:
            yield ChatDelta(refusal=STOPPED)
            yield ChatDelta(finish_reason="content_filter")
            return
        if rest.text or rest.refusal:
            yield rest
        yield msgspec.structs.replace(last, tool_calls=made)


def _asked(request: ChatRequest, rules: Sequence[Rule]) -> ChatRequest:
    """The question as the vendor shall see it, in the platform's own terms.

    Raises:
        ProviderRefused: a rule stops it.
    """
    messages = tuple(_message(message, rules) for message in request.messages)
    return msgspec.structs.replace(request, messages=messages, wire=None)


def _message(message: Message, rules: Sequence[Rule]) -> Message:
    content = message.content
    calls = tuple(
        msgspec.structs.replace(call, arguments=_passed(call.arguments, rules))
        for call in message.tool_calls
    )
    return msgspec.structs.replace(
        message,
        content=(
            _passed(content, rules)
            if isinstance(content, str)
            else tuple(_part(part, rules) for part in content)
        ),
        tool_calls=calls,
    )


def _part(part: Part, rules: Sequence[Rule]) -> Part:
    if isinstance(part, Text):
        return msgspec.structs.replace(part, text=_passed(part.text, rules))
    return part


def _passed(text: str, rules: Sequence[Rule]) -> str:
    try:
        return checked(text, rules)
    except Blocked as error:
        raise ProviderRefused(
            "invalid", f"the request is stopped by this platform's guardrail `{error.rule}`"
        ) from None


def _answered(answer: ChatResponse, rules: Sequence[Rule]) -> ChatResponse:
    """An answer without what the rules find; one that they stop says so and nothing else."""
    thinking: tuple[Thinking, ...] = ()
    try:
        return msgspec.structs.replace(
            answer,
            content=checked(answer.content, rules),
            refusal=None if answer.refusal is None else checked(answer.refusal, rules),
            tool_calls=tuple(
                msgspec.structs.replace(call, arguments=checked(call.arguments, rules))
                for call in answer.tool_calls
            ),
            thinking=thinking,
            wire=None,
        )
    except Blocked:
        return msgspec.structs.replace(
            answer,
            content="",
            refusal=STOPPED,
            tool_calls=(),
            thinking=thinking,
            finish_reason="content_filter",
            wire=None,
        )
