"""What Gemini writes, read as loosely as future editions may write it.

Only what is needed has a shape here; whatever has none is left aside.
"""

import re
from collections.abc import Mapping

import msgspec

from headgate.core import chat
from headgate.providers.failures import UNREADABLE, understood

# Reasons that are in none of these two end an answer like any other.
FINISH_REASONS: Mapping[str, chat.FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "MODEL_ARMOR": "content_filter",
}
# The model wrote a tool call that the vendor itself could not read, so there is no whole answer.
SPOILT = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE",
        "MALFORMED_RESPONSE",
    }
)
_SECONDS = re.compile(r"\d{1,9}(?:\.\d{1,9})?(?=s\Z)")
_NO_ARGUMENTS = msgspec.Raw(b"{}")


class Usage(msgspec.Struct, rename="camel"):
    """Tokens; those of the prompt include cached ones, those of candidates leave out thoughts."""

    prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None

    def counted(self) -> chat.TokenUsage:
        """The tokens as the platform counts them: thoughts are a part of the output."""
        thoughts = _count(self.thoughts_token_count)
        read = _count(self.prompt_token_count) + _count(self.tool_use_prompt_token_count)
        return chat.TokenUsage(
            input_tokens=read,
            output_tokens=_count(self.candidates_token_count) + thoughts,
            cached_input_tokens=_count(self.cached_content_token_count),
            reasoning_tokens=thoughts,
        )


class Call(msgspec.Struct):
    """A tool that the model calls; older editions give no id."""

    name: str | None = None
    id: str | None = None
    args: msgspec.Raw = _NO_ARGUMENTS

    @property
    def arguments(self) -> str:
        """The arguments on one line, as other vendors' models write them."""
        return msgspec.json.format(bytes(self.args), indent=-1).decode()


class Part(msgspec.Struct, rename="camel"):
    """A piece of what the model thought, said or wants to call."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: Call | None = None

    @property
    def size(self) -> int:
        """The bytes of what was written."""
        call = self.function_call
        return len((self.text or "").encode()) + (len(call.args) if call is not None else 0)


class Content(msgspec.Struct):
    """One turn."""

    parts: list[Part] | None = None


class Candidate(msgspec.Struct, rename="camel"):
    """The answer, or a piece of it."""

    content: Content | None = None
    finish_reason: str | None = None
    finish_message: str | None = None

    @property
    def parts(self) -> list[Part]:
        """The pieces that are here."""
        return (self.content.parts if self.content else None) or []


class Feedback(msgspec.Struct, rename="camel"):
    """What the vendor thinks of the prompt."""

    block_reason: str | None = None


class Detail(msgspec.Struct, rename="camel"):
    """More of an error: why, or when to come back."""

    reason: str | None = None
    retry_delay: str | None = None


class Fault(msgspec.Struct):
    """What went wrong, in the vendor's words."""

    code: int = 0
    status: str = ""
    message: str = ""
    details: list[Detail] | None = None

    @property
    def reasons(self) -> set[str | None]:
        """The vendor's names for why."""
        return {detail.reason for detail in self.details or ()}

    @property
    def retry_after_seconds(self) -> float | None:
        """When to come back, where the vendor says so in the body."""
        for detail in self.details or ():
            if found := _SECONDS.match(detail.retry_delay or ""):
                return float(found[0])
        return None


class Answer(msgspec.Struct, rename="camel"):
    """A whole answer, a piece of a streamed one, or an error."""

    response_id: str | None = None
    candidates: list[Candidate] | None = None
    prompt_feedback: Feedback | None = None
    usage_metadata: Usage | None = None
    error: Fault | None = None

    @property
    def blocked(self) -> str | None:
        """Why the vendor did not let the model read the prompt."""
        return self.prompt_feedback.block_reason if self.prompt_feedback else None


class Vector(msgspec.Struct):
    """A text's vector."""

    values: list[float]


class Vectors(msgspec.Struct, rename="camel"):
    """One vector for each text."""

    embeddings: list[Vector]
    usage_metadata: Usage | None = None


class TokenCount(msgspec.Struct, rename="camel"):
    """How many tokens an input has."""

    total_tokens: int


_ANSWER = msgspec.json.Decoder(Answer)


def read_answer(data: bytes) -> Answer:
    """An answer or a piece of one.

    Raises:
        ProviderBroke: it is none.
    """
    return understood(_ANSWER, data)


def read_fault(body: bytes) -> Fault:
    """An error; empty where it is in another shape."""
    try:
        return _ANSWER.decode(body).error or Fault()
    except UNREADABLE:
        return Fault()


def _count(tokens: int | None) -> int:
    return max(0, tokens or 0)
