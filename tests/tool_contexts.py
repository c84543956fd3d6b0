"""The built-in model behind the whole gateway, for tests of what asks models for real work."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from fakes import FakeProvider
from gateway_desk import KEY
from headgate.core.chat import ChatRequest, ChatResponse
from headgate.core.metered import CallLabels, Models
from headgate.core.models import Provider
from headgate.core.prices import Markup, Price
from headgate.core.tools import ToolContext
from headgate.gateway.catalog import Catalog
from headgate.gateway.dispatch import Dispatcher
from headgate.gateway.escrow import Escrow
from headgate.gateway.flights import Flights
from headgate.gateway.gateway import Gateway
from headgate.gateway.metered import MeteredAccess
from headgate.gateway.replays import Replays
from headgate.gateway.vendor_keys import VendorKeys
from headgate.identity.workspaces import Workspaces
from headgate.prompts.library import BUILT_IN, open_library
from headgate.providers.local.provider import LOCAL_PRICE, Local
from headgate.stores.buckets import DefaultLimits
from headgate.stores.memory import MemoryLedger
from headgate.stores.memory_vendor_keys import MemoryVendorKeys
from headgate.stores.memory_workspaces import MemoryWorkspaces
from headgate.stores.process_limits import ProcessRateLimiter
from headgate.stores.sealing import AesSealer

PROMPTS = open_library(BUILT_IN.parent / "nothing")
TEXTS = Path(__file__).parent / "texts"
HARBOUR = (TEXTS / "harbour.txt").read_text()
LETTER = (TEXTS / "letter.txt").read_text()


class _Prices:
    def price(self, provider: str, model: str) -> Price | None:
        return LOCAL_PRICE


class Says(FakeProvider):
    """A vendor `one` with one model `one`, which answers everything alike."""

    def __init__(self, text: str) -> None:
        super().__init__("one", models=["one"])
        self.text = text

    async def complete(self, request: ChatRequest, *, idempotency_key: str) -> ChatResponse:
        answer = await super().complete(request, idempotency_key=idempotency_key)
        return msgspec.structs.replace(answer, content=self.text)


@contextlib.asynccontextmanager
async def tool_context(*providers: Provider) -> AsyncIterator[ToolContext]:
    """The context of a call whose models are the local one, or the given ones."""
    ledger = MemoryLedger()
    escrow = Escrow(ledger)
    known = {provider.provider: provider for provider in providers or (Local(),)}
    gateway = Gateway(
        Catalog(known, _Prices(), auto=lambda _own: [f"{name}/{name}" for name in known]),
        ProcessRateLimiter(DefaultLimits(1000, 1000)),
        Dispatcher(escrow),
        Workspaces(MemoryWorkspaces(), Markup(0)).markup_for,
        VendorKeys(MemoryVendorKeys(), known, lambda: AesSealer(b"a secret of the tests")),
    )
    flights = Flights(ledger.answers, escrow.is_pending)
    await escrow.start()
    await flights.start()
    labels = CallLabels(request_id="req_1", request_type="tool")
    models: Models = MeteredAccess(Replays(gateway, flights)).models(KEY, labels)
    try:
        yield ToolContext(key=KEY, models=models, call_key="call-1")
    finally:
        await flights.aclose()
        await escrow.aclose()
