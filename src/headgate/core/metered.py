"""The models as one caller may use them: every call is limited, budgeted and recorded as theirs.

Tools, documents and agents reach models through this port alone. To them the gateway is just
another chat model, in the same process or in another.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Generic, Protocol, TypeVar

import msgspec

from headgate.core.chat import ChatDelta, ChatRequest, ChatResponse
from headgate.core.embeddings import EmbeddingRequest, EmbeddingResponse
from headgate.core.keys import VirtualKey
from headgate.core.models import PromptStyle
from headgate.core.money import NanoUSD
from headgate.core.usage import RequestType, UsageEvent

T = TypeVar("T")


class Metered(msgspec.Struct, Generic[T], frozen=True):
    """An answer, and the row of the ledger that it was settled with; the row is durable."""

    response: T
    event: UsageEvent


class MeteredStream(Protocol):
    """An answer that is on its way."""

    def __aiter__(self) -> AsyncIterator[ChatDelta]:
        """The pieces, in order.

        Raises:
            HeadgateError: the answer broke off; what came is settled.
        """
        ...

    @property
    def event(self) -> UsageEvent:
        """The row of the ledger, once the last piece has come."""
        ...


class Purse(Protocol):
    """Money that several calls share, at the same time too; it cannot be overdrawn."""

    async def hold(self, most: NanoUSD) -> NanoUSD:
        """Set aside what a call could be billed at most, or what is left where that is less.

        Where others are under way it waits for what they leave. Each hold is settled.
        """
        ...

    def settle(self, held: NanoUSD, event: UsageEvent | None) -> None:
        """Give back what was held for a call; `event` is its row, where it was made."""
        ...


class CallLabels(msgspec.Struct, frozen=True, kw_only=True):
    """How the ledger shall know calls that are a part of something else.

    Attributes:
        request_id: that of the answer they are made for; a run's calls carry the run's id.
        request_type: `tool` or `agent`.
        use_case: what they are for; of a tool's calls its name.
        purse: what they may be billed in all, besides what the budgets say.
    """

    request_id: str
    request_type: RequestType
    use_case: str | None = None
    run_id: str | None = None
    tags: tuple[str, ...] = ()
    purse: Purse | None = None


class ModelAccess(Protocol):
    """Gives out the models, for everything that works on a caller's behalf."""

    def models(self, key: VirtualKey, labels: CallLabels) -> "Models":
        """The models as `key` may use them, for calls with these labels."""
        ...


class Models(Protocol):
    """The models that one caller may use.

    A `call_key` names the call for good: asked again with it, within a day and by any process, the
    first answer comes back with its first row, nothing is billed, and no vendor is called. Asked
    with another request it is refused (`IdempotencyConflict`).
    """

    async def complete(
        self, request: ChatRequest, *, call_key: str | None = None
    ) -> Metered[ChatResponse]:
        """The whole answer.

        Raises:
            HeadgateError: there is none, and only what a vendor may bill was charged.
        """
        ...

    def stream(
        self, request: ChatRequest, *, call_key: str | None = None
    ) -> AbstractAsyncContextManager[MeteredStream]:
        """The answer piece by piece; leaving early stops the vendor's work.

        Raises:
            HeadgateError: there is none, and only what a vendor may bill was charged.
        """
        ...

    async def embed(
        self, request: EmbeddingRequest, *, call_key: str | None = None
    ) -> Metered[EmbeddingResponse]:
        """One vector per input.

        Raises:
            HeadgateError: there are none, and only what a vendor may bill was charged.
        """
        ...

    def style(self, model: str) -> PromptStyle:
        """How the parts of a prompt are best marked for `model`."""
        ...
