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
from headgate.gateway.calls import Attempt, Caller, Place
from headgate.gateway.catalog import Route
from headgate.gateway.recordings import Recording
from headgate.gateway.semantic import Question, Semantics
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
        question: where answers to similar questions do too, what is asked.
    """

    store: ResponseCache
    name: str
    kind: type[_Kept[R]]
    routes: Sequence[Route]
    answers: int = 1
    question: Question | None = None

    async def find(self, place: Place) -> tuple[Route, R] | None:
        """The answer, and who gave it.

        The vector of a question is embedded in the call's own `place`, and under its claim: what
        says that another process makes the call passes through here.
        """
        found = await self._kept(self.name)
        if found is None and self.question is not None:
            for name in await self.question.alike(place):
                found = await self._kept(name)
                if found is not None:
                    break
        return found

    async def _kept(self, name: str) -> tuple[Route, R] | None:
        value = await self.store.get(name)
        if value is None:
            return None
        try:
            kept = msgspec.msgpack.decode(value, type=self.kind)
        except UNREADABLE:
            return None  # another version of the platform may have written it
        for route in self.routes:
            if kept.name == name and kept.route == route.qualified:
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
            if self.question is not None:
                await self.question.remember(self.name)


@dataclass(frozen=True, slots=True)
class Cache:
    """The entries of calls. A call that is not to be cached has none; without a store, none has.

    Attributes:
        semantics: how similar questions are found, where they share their answers.
    """

    store: ResponseCache | None = None
    semantics: Semantics | None = None

    def chat(
        self, caller: Caller, request: ChatRequest, routes: Sequence[Route]
    ) -> Entry[ChatResponse] | None:
        """The entry of a call for a whole answer."""
        if not self._keeps(caller, request):
            return None
        return self._chat(_Kept[ChatResponse], "chat", caller, request, routes)

    def stream(
        self, caller: Caller, request: ChatRequest, routes: Sequence[Route]
    ) -> Entry[Recording] | None:
        """The entry of a call for a streamed answer."""
        if not self._keeps(caller, request):
            return None
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

    def _keeps(self, caller: Caller, request: ChatRequest) -> bool:
        """Whether answers to such a request are kept; those to most are not."""
        return request.temperature == 0 and not caller.wants_fresh and self.store is not None

    def _chat(
        self,
        kind: type[_Kept[R]],
        word: str,
        caller: Caller,
        request: ChatRequest,
        routes: Sequence[Route],
    ) -> Entry[R] | None:
        if self.store is None:
            return None
        name = _name(word, caller, routes, request, request.wire)
        if name is None:
            return None
        question: Question | None = None
        if self.semantics is not None:
            scope = _scope(word, caller, routes)
            question = self.semantics.question(caller, request, scope)
        return Entry(self.store, name, kind, routes, request.n, question)


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
    named = (*_scope(word, caller, routes), asked)
    return hashlib.sha256(msgspec.json.encode(named, order="sorted")).hexdigest()


def _scope(word: str, caller: Caller, routes: Sequence[Route]) -> tuple[object, ...]:
    """What must be the same before requests are compared."""
    models = [route.qualified for route in routes]
    # What a user's own key has paid for is that user's.
    return (FORM, word, caller.key.workspace_id, owner_of(routes, caller.key), models)
