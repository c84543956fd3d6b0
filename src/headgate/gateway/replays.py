"""Answers as their callers get them: written in the caller's protocol, made once for each key.

A call without an idempotency key goes straight to the gateway. One with a key is made by the first
who asks, and its answer is kept in the transaction of its usage row, before its last byte leaves;
whoever asks again gets the same bytes, and no vendor is called.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import msgspec

from headgate.core.answers import AnswerKey
from headgate.core.chat import ChatRequest, ChatResponse
from headgate.core.embeddings import EmbeddingRequest, EmbeddingResponse
from headgate.core.errors import HeadgateError
from headgate.gateway.calls import Attempt, Caller, Receipt, Replayed
from headgate.gateway.flights import Flight, Flights, Reader
from headgate.gateway.gateway import Answer, Gateway
from headgate.gateway.standing import tightest
from headgate.gateway.streams import StreamedAnswer, Writer, WrittenStream

W = TypeVar("W", ChatResponse, EmbeddingResponse)


class Written(msgspec.Struct, frozen=True):
    """A whole answer as its caller gets it; it is paid for, or a replay."""

    body: bytes
    receipt: Receipt | Replayed


class FrameStream(Protocol):
    """A stream as its caller gets it. Whoever has one closes it in the end."""

    @property
    def receipt(self) -> Receipt | Replayed:
        """What the caller is told besides the answer, as it stands now."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The frames; a failure of the vendor or of ours is raised where it happens."""
        ...

    async def aclose(self) -> None:
        """Read no more: stops the vendor, unless others wait for the same answer."""
        ...


@dataclass(frozen=True, slots=True)
class Replays:
    """The gateway for callers who may ask again."""

    gateway: Gateway
    flights: Flights

    async def complete(
        self,
        caller: Caller,
        request: ChatRequest,
        write: Callable[[Answer[ChatResponse]], bytes],
    ) -> Written:
        """A whole answer; see `Gateway.complete`.

        Raises:
            IdempotencyConflict: the caller's answer key stands for another request.
            HeadgateError: there is no answer.
        """
        key = caller.answer_key
        if key is None:
            answer = await self.gateway.complete(caller, request)
            return Written(write(answer), answer.receipt)
        return await self._once(
            caller,
            key,
            request.model,
            write,
            lambda caller, keep: self.gateway.complete(caller, request, keep),
        )

    async def embed(
        self,
        caller: Caller,
        request: EmbeddingRequest,
        write: Callable[[Answer[EmbeddingResponse]], bytes],
    ) -> Written:
        """One vector per input; see `Gateway.embed`.

        Raises:
            IdempotencyConflict: the caller's answer key stands for another request.
            HeadgateError: there is no answer.
        """
        key = caller.answer_key
        if key is None:
            answer = await self.gateway.embed(caller, request)
            return Written(write(answer), answer.receipt)
        return await self._once(
            caller,
            key,
            request.model,
            write,
            lambda caller, keep: self.gateway.embed(caller, request, keep),
        )

    async def stream(
        self,
        caller: Caller,
        request: ChatRequest,
        write: Callable[[StreamedAnswer], Writer],
        begun: Callable[[Attempt], None] | None = None,
    ) -> FrameStream:
        """A streamed answer, once its first piece has come; see `Gateway.stream`.

        Raises:
            IdempotencyConflict: the caller's answer key stands for another request.
            HeadgateError: there is no answer.
        """
        key = caller.answer_key
        if key is None:
            answer = await self.gateway.stream(caller, request, begun)
            return WrittenStream(answer, write(answer))

        async def make(flight: Flight[Receipt]) -> None:
            answer = await self.gateway.stream(_claiming(caller, flight), request, begun)
            stream = WrittenStream(answer, write(answer), note=flight.note)
            async with contextlib.aclosing(stream):
                flight.open(lambda: stream.receipt)
                async for frame in stream:
                    flight.add(frame)

        return await self._join(caller, key, request.model, make)

    async def _once(
        self,
        caller: Caller,
        key: AnswerKey,
        model: str,
        write: Callable[[Answer[W]], bytes],
        ask: Callable[[Caller, Callable[[Answer[W]], bytes]], Awaitable[Answer[W]]],
    ) -> Written:
        async def make(flight: Flight[Receipt]) -> None:
            body = b""

            def keep(answer: Answer[W]) -> bytes:
                nonlocal body
                body = write(answer)
                flight.note(answer.receipt)
                return body

            answer = await ask(_claiming(caller, flight), keep)
            flight.open(lambda: answer.receipt)
            flight.add(body)

        async with contextlib.aclosing(await self._join(caller, key, model, make)) as reader:
            return Written(await reader.whole(), reader.receipt)

    async def _join(
        self,
        caller: Caller,
        key: AnswerKey,
        model: str,
        make: Callable[[Flight[Receipt]], Awaitable[None]],
    ) -> Reader[Receipt]:
        # Also where the answer is there: the key may have lost the model since.
        await self.gateway.routes(model, caller.key)
        reader = await self.flights.join(key, make)
        if isinstance(reader.receipt, Replayed):
            try:
                reader.replayed = await replayed(self.gateway, caller, *reader.answerer)
            except BaseException:
                await reader.aclose()
                raise
        return reader


async def replayed(gateway: Gateway, caller: Caller, model: str, provider: str) -> Replayed:
    """What a replay tells; what cannot be known now is left out, since it needs none of it.

    `model` and `provider` are empty where no model had answered.
    """
    told = Replayed(model, provider)
    with contextlib.suppress(HeadgateError):
        requests, tokens = await gateway.limiter.look(caller.key)
        told = msgspec.structs.replace(told, requests=requests, tokens=tokens)
    budget = await tightest(gateway.ledger, caller, model or None)
    return msgspec.structs.replace(told, budget=budget)


def _claiming(caller: Caller, flight: Flight[Receipt]) -> Caller:
    return msgspec.structs.replace(caller, claim=flight.claim)
