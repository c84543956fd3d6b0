"""Which answers may be given again, to whom, and in what form they are kept.

An answer is kept as the vendor gave it and is written anew for each caller, so that what it
tells of its cost is true for a hit too. Its name is a digest of the caller's workspace, of the
models that may answer, and of the whole request in the protocol it came in: nothing else finds it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from headgate.core.cache import LARGEST_VALUE, ResponseCache
from headgate.core.chat import ChatRequest, ChatResponse, TokenUsage, Wire
from headgate.core.embeddings import EmbeddingRequest, EmbeddingResponse
from headgate.gateway.calls import Attempt, Caller
from headgate.gateway.catalog import Route
from headgate.gateway.recordings import Recording
from headgate.gateway.vendor_keys import owner_of

R = TypeVar("R")

# Text that is no UTF-8 is found out only where it is looked at.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
FORM = 1
"""Raise it when what is kept changes its meaning: older entries are not found then."""


class _Kept(msgspec.Struct, Generic[R], frozen=True):
    """An answer, and the qualified name of the model that gave it.

    It says under which `name` it was put, so that one that a store confuses with another goes to
    nobody.
    """

    name: str
    route: str
    answer: R


@dataclass(frozen=True, slots=True)
class Entry(Generic[R]):
    """Where the answer to one call is kept, or would be.

    Attributes:
        routes: those that may answer the call.
        answers: how many the caller asked for.
    """

    store: ResponseCache
    name: str
    kind: type[_Kept[R]]
    routes: Sequence[Route]
    answers: int = 1

    async def find(self) -> tuple[Route, R] | None:
        """The answer, and who gave it."""
        value = await self.store.get(self.name)
        if value is None:
            return None
        try:
            kept = msgspec.msgpack.decode(value, type=self.kind)
        except UNREADABLE:
            return None  # another version of the platform may have written it
        for route in self.routes:
            if kept.name == self.name and kept.route == route.qualified:
                return route, kept.answer
        return None

    async def keep(self, attempt: Attempt, usage: TokenUsage | None, answer: R) -> None:
        """Keep a whole answer, unless an empty purse may have made it shorter than others get."""
        most = attempt.lowered_to
        if most is not None and (usage is None or usage.output_tokens >= most // self.answers):
            return
        value = msgspec.msgpack.encode(_Kept(self.name, attempt.route.qualified, answer))
        if len(value) <= LARGEST_VALUE:
            await self.store.put(self.name, value)


@dataclass(frozen=True, slots=True)
class Cache:
    """The entries of calls. A call that is not to be cached has none; without a store, none has."""

    store: ResponseCache | None = None

    def chat(
        self, caller: Caller, request: ChatRequest, routes: Sequence[Route]
    ) -> Entry[ChatResponse] | None:
        """The entry of a call for a whole answer."""
        return self._chat(_Kept[ChatResponse], "chat", caller, request, routes)

    def stream(
        self, caller: Caller, request: ChatRequest, routes: Sequence[Route]
    ) -> Entry[Recording] | None:
        """The entry of a call for a streamed answer."""
        return self._chat(_Kept[Recording], "stream", caller, request, routes)

    def embedding(
        self, caller: Caller, request: EmbeddingRequest, routes: Sequence[Route]
    ) -> Entry[EmbeddingResponse] | None:
        """The entry of an embedding."""
        if self.store is None or caller.wants_fresh:
            return None
        name = _name("embedding", caller, routes, request, request.wire)
        if name is None:
            return None
        return Entry(self.store, name, _Kept[EmbeddingResponse], routes)

    def _chat(
        self,
        kind: type[_Kept[R]],
        word: str,
        caller: Caller,
        request: ChatRequest,
        routes: Sequence[Route],
    ) -> Entry[R] | None:
        if self.store is None or caller.wants_fresh or request.temperature != 0:
            return None
        name = _name(word, caller, routes, request, request.wire)
        return None if name is None else Entry(self.store, name, kind, routes, request.n)


def _name(
    word: str,
    caller: Caller,
    routes: Sequence[Route],
    request: ChatRequest | EmbeddingRequest,
    wire: Wire | None,
) -> str | None:
    """The name of an entry; None for a request that cannot be compared with others."""
    # The routes stand for the model's name, which may mean another model tomorrow.
    asked: Any = msgspec.structs.replace(request, model="")
    if wire is not None:
        # The caller's own body says it all, fields that this platform does not know included.
        use_case = request.use_case if isinstance(request, ChatRequest) else None
        try:
            body = msgspec.json.decode(wire.body, type=dict[str, Any])
        except UNREADABLE:
            return None
        asked = (wire.protocol, wire.headers, use_case, body | {"model": ""})
    models = [route.qualified for route in routes]
    # What a user's own key has paid for is that user's.
    owner = owner_of(routes, caller.key)
    named = (FORM, word, caller.key.workspace_id, owner, models, asked)
    return hashlib.sha256(msgspec.json.encode(named, order="sorted")).hexdigest()
