"""Models for code that must not ask any."""

from contextlib import AbstractAsyncContextManager

from headgate.core.chat import ChatRequest, ChatResponse
from headgate.core.embeddings import EmbeddingRequest, EmbeddingResponse
from headgate.core.metered import Metered, MeteredStream
from headgate.core.models import PromptStyle


class NoModels:
    """`Models` that no test expects to be called."""

    async def complete(
        self, request: ChatRequest, *, call_key: str | None = None
    ) -> Metered[ChatResponse]:
        raise AssertionError(request)

    def stream(
        self, request: ChatRequest, *, call_key: str | None = None
    ) -> AbstractAsyncContextManager[MeteredStream]:
        raise AssertionError(request)

    async def embed(
        self, request: EmbeddingRequest, *, call_key: str | None = None
    ) -> Metered[EmbeddingResponse]:
        raise AssertionError(request)

    def style(self, model: str) -> PromptStyle:
        return "headings"


NO_MODELS = NoModels()
