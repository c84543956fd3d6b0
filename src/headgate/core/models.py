"""The ports to models: what every provider offers the gateway, and how it fails."""

from collections.abc import AsyncIterator, Sequence
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import msgspec

from headgate.core.chat import ChatDelta, ChatRequest, ChatResponse, TokenUsage, WireDelta
from headgate.core.embeddings import EmbeddingRequest, EmbeddingResponse

RefusalKind: TypeAlias = Literal[
    "invalid",
    "unsupported",
    "context_length",
    "not_found",
    "unauthorized",
    "rate_limited",
    "overloaded",
    "failed",
]


Ability: TypeAlias = Literal["images", "tools", "schema", "json", "thinking"]
"""What some models can do: `schema` is JSON by a schema, `json` is JSON without one."""

Tier: TypeAlias = Literal["small", "medium", "large"]
"""Where a model stands among those of its time, by its vendor's own description."""

PromptStyle: TypeAlias = Literal["xml", "headings"]


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a model; what stands in neither set is not known.

    Attributes:
        window: the most tokens that it reads and writes in one call.
        style: how the parts of a prompt are best marked for it.
    """

    window: int | None = None
    style: PromptStyle = "headings"
    tier: Tier | None = None
    has: frozenset[Ability] = frozenset()
    lacks: frozenset[Ability] = frozenset()


class ProviderError(Exception):
    """A vendor did not give a whole answer; `message` is fit for the caller's eyes."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ProviderRefused(ProviderError):
    """The vendor answered that it will not: proof that no work was done and nothing is owed.

    Attributes:
        kind: why, in terms of what the caller can do. `unsupported` says that the request is in
            order, but asks for something that this vendor does not have and another may;
            `unauthorized` that the vendor does not take the credential, or its account is empty.
        retry_after_seconds: the vendor's own word on when to come back.
    """

    def __init__(
        self,
        kind: RefusalKind,
        message: str,
        *,
        retry_after_seconds: float | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.kind: RefusalKind = kind
        self.retry_after_seconds = retry_after_seconds
        self.param = param


def unsupported(option: str, reason: str) -> ProviderRefused:
    """The refusal of an option that a vendor cannot honour; nothing is dropped in silence."""
    return ProviderRefused(
        "unsupported", f"{option}: {reason}; leave it out, or ask another model", param=option
    )


def refuse_native(request: ChatRequest) -> None:
    """See that a request asks for nothing that only its own protocol has.

    Raises:
        ProviderRefused: it does; names the first such option.
    """
    if request.native:
        raise unsupported(request.native[0], "this model's vendor does not have it")


class ProviderTimedOut(ProviderError):
    """The vendor was too slow; it may bill what it did all the same."""


class ProviderBroke(ProviderError):
    """The connection broke, or the answer made no sense; the vendor may bill it."""


class ProviderUnreachable(ProviderError):
    """No connection was made, so nothing can be owed."""


class ChatStream(Protocol):
    """An answer that is on its way.

    Iterating gives its pieces and raises `ProviderError` where the vendor breaks off. It opens no
    connection before the first piece is asked for.
    """

    def __aiter__(self) -> AsyncIterator[ChatDelta | WireDelta]:
        """The pieces, in order."""
        ...

    def usage(self) -> TokenUsage | None:
        """The vendor's own final count, once it has come."""
        ...

    def input_usage(self) -> TokenUsage | None:
        """The vendor's count of the input, where it tells that before the end."""
        ...

    def received_tokens(self) -> int:
        """Output tokens received so far, estimated where the vendor has not counted them."""
        ...

    def ending(self) -> bytes:
        """The vendor's own last frames, where frames are forwarded; sent after settling."""
        ...

    async def aclose(self) -> None:
        """Stop the vendor's work; harmless when it has ended."""
        ...


class ChatModel(Protocol):
    """One vendor's way to answer a conversation."""

    @property
    def provider(self) -> str:
        """The vendor's name, as routes and the ledger give it."""
        ...

    def input_ceiling(self, request: ChatRequest) -> int:
        """An upper bound of the input tokens the vendor can count for `request`."""
        ...

    def input_estimate(self, request: ChatRequest) -> int:
        """The input tokens to bill where a call ends before the vendor has counted them."""
        ...

    def output_ceiling(self, request: ChatRequest) -> int:
        """The most output tokens the model gives when the caller sets no limit."""
        ...

    async def count_tokens(self, request: ChatRequest) -> int:
        """The input tokens of `request`: exact where the vendor tells without a charge.

        Raises:
            ProviderError: the vendor does not tell.
        """
        ...

    async def complete(self, request: ChatRequest, *, idempotency_key: str) -> ChatResponse:
        """The whole answer.

        Raises:
            ProviderError: there is no whole answer.
        """
        ...

    def stream(self, request: ChatRequest, *, idempotency_key: str) -> ChatStream:
        """The answer piece by piece."""
        ...


class EmbeddingModel(Protocol):
    """One vendor's way to turn texts into vectors."""

    @property
    def provider(self) -> str:
        """The vendor's name, as routes and the ledger give it."""
        ...

    def embedding_ceiling(self, request: EmbeddingRequest) -> int:
        """An upper bound of the tokens the vendor can count for `request`."""
        ...

    async def embed(self, request: EmbeddingRequest, *, idempotency_key: str) -> EmbeddingResponse:
        """One vector per input.

        Raises:
            ProviderError: there are no vectors.
        """
        ...


@runtime_checkable
class TakesKeys(Protocol):
    """A vendor that users may call with keys of their own."""

    def with_key(self, api_key: str) -> "Provider":
        """The same vendor, called with another key; cheap, and nothing else differs."""
        ...


class Provider(ChatModel, EmbeddingModel, Protocol):
    """A vendor, as the gateway sees it."""

    def models(self) -> Sequence[str]:
        """The ids this vendor is known to serve, in the vendor's own words."""
        ...

    def serves(self, model: str) -> bool:
        """Whether a bare model id is this vendor's."""
        ...

    async def refresh(self) -> None:
        """Look again which models there are, where that can change while the platform runs.

        Never raises: a vendor that cannot be reached serves nothing for now.
        """
        ...
