"""Vectors by several calls, where a vendor takes only so many texts at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

import msgspec

from headgate.core.chat import TokenUsage
from headgate.core.embeddings import EmbeddingRequest, EmbeddingResponse
from headgate.core.models import (
    ProviderBroke,
    ProviderError,
    ProviderRefused,
    ProviderUnreachable,
)

T = TypeVar("T")

AT_ONCE = 8
"""So many calls are made at a time, of one request."""


async def embed_in_batches(
    request: EmbeddingRequest,
    most: int,
    embed: Callable[[EmbeddingRequest, str], Awaitable[EmbeddingResponse]],
    *,
    idempotency_key: str,
) -> EmbeddingResponse:
    """The vectors of any number of texts; `embed` takes `most`, and an idempotency key.

    Raises:
        ProviderError: see `all_of`.
    """
    texts = request.input
    if len(texts) <= most:
        return await embed(request, idempotency_key)
    parts = [
        msgspec.structs.replace(request, input=texts[at : at + most])
        for at in range(0, len(texts), most)
    ]
    answers = await all_of(
        [partial(embed, part, f"{idempotency_key}-{number}") for number, part in enumerate(parts)]
    )
    usages = [msgspec.structs.astuple(answer.usage) for answer in answers]
    return EmbeddingResponse(
        model=request.model,
        vectors=tuple(vector for answer in answers for vector in answer.vectors),
        usage=TokenUsage(*map(sum, zip(*usages, strict=True))),
        estimated=any(answer.estimated for answer in answers),
    )


async def all_of(calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """What all calls give, in their order; none is begun after one has failed.

    Raises:
        ProviderError: one of them failed. What others gave is lost, and that they were made is told
            by `ProviderBroke`, since the vendor bills them.
    """
    done: list[T] = []
    for at in range(0, len(calls), AT_ONCE):
        begun = (call() for call in calls[at : at + AT_ONCE])
        failures: list[BaseException] = []
        for answer in await asyncio.gather(*begun, return_exceptions=True):
            if isinstance(answer, BaseException):
                failures.append(answer)
            else:
                done.append(answer)
        if failures:
            raise _failure(failures, is_begun=bool(done))
    return done


def _failure(failures: Sequence[BaseException], *, is_begun: bool) -> BaseException:
    for failure in failures:
        if not isinstance(failure, ProviderError):
            return failure
    if is_begun:
        return ProviderBroke("the vendor did not embed all of the texts")
    # One that the vendor may bill counts before refusals, which say that nothing is owed.
    harmless = (ProviderRefused, ProviderUnreachable)
    return next((each for each in failures if not isinstance(each, harmless)), failures[0])
