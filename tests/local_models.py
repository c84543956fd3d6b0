"""The models as a caller has them, without a gateway: answered by a provider, and noted."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from headgate.core.chat import ChatRequest, ChatResponse
from headgate.core.embeddings import EmbeddingRequest, EmbeddingResponse
from headgate.core.metered import Metered, MeteredStream
from headgate.core.models import PromptStyle, Provider
from headgate.core.usage import RequestType, UsageEvent
from headgate.providers.local.provider import Local


@dataclass
class LocalModels:
    """`Models` that ask one provider, and note what they were asked under which keys."""

    provider: Provider = field(default_factory=Local)
    chats: list[ChatRequest] = field(default_factory=list)
    embeddings: list[EmbeddingRequest] = field(default_factory=list)
    call_keys: list[str | None] = field(default_factory=list)

    async def complete(
        self, request: ChatRequest, *, call_key: str | None = None
    ) -> Metered[ChatResponse]:
        self.chats.append(request)
        self.call_keys.append(call_key)
        response = await self.provider.complete(request, idempotency_key="test")
        return Metered(response, self._event(response.model, "completion"))

    def stream(
        self, request: ChatRequest, *, call_key: str | None = None
    ) -> AbstractAsyncContextManager[MeteredStream]:
        raise AssertionError("documents ask for whole answers, never for streams")

    async def embed(
        self, request: EmbeddingRequest, *, call_key: str | None = None
    ) -> Metered[EmbeddingResponse]:
        self.embeddings.append(request)
        self.call_keys.append(call_key)
        response = await self.provider.embed(request, idempotency_key="test")
        return Metered(response, self._event(response.model, "embedding"))

    def style(self, model: str) -> PromptStyle:
        return "headings"

    def _event(self, model: str, request_type: RequestType) -> UsageEvent:
        number = len(self.call_keys)
        return UsageEvent(
            id=f"evt_{number}",
            request_id="req_test",
            timestamp=number,
            key_id="sk-proj-test",
            workspace_id="lab",
            user_id=None,
            provider=self.provider.provider,
            model=model,
            request_type=request_type,
            status="ok",
            cost=0,
            billed=0,
            price_version="test",
        )
