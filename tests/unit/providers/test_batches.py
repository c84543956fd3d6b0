"""Vectors by several calls: in which order, how many at once, and what a failure means."""

import asyncio
from functools import partial

import pytest

from fakes import until
from headgate.core.chat import TokenUsage
from headgate.core.embeddings import EmbeddingRequest, EmbeddingResponse
from headgate.core.models import (
    ProviderBroke,
    ProviderError,
    ProviderRefused,
    ProviderTimedOut,
    ProviderUnreachable,
)
from headgate.providers.batches import AT_ONCE, all_of, embed_in_batches

REFUSED, TIMED_OUT = ProviderRefused("rate_limited", "later"), ProviderTimedOut("slow")


def texts(number: int) -> EmbeddingRequest:
    return EmbeddingRequest(model="e", input=tuple(map(str, range(number))), dimensions=3)


class Vendor:
    """Embeds texts, which are numbers, and notes the calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, str]] = []

    async def embed(self, request: EmbeddingRequest, key: str) -> EmbeddingResponse:
        assert request.dimensions == 3
        self.calls.append((len(request.input), key))
        vectors = tuple((float(str(text)),) for text in request.input)
        usage = TokenUsage(len(vectors), cached_input_tokens=1)
        return EmbeddingResponse(model="e", vectors=vectors, usage=usage)


@pytest.mark.parametrize(
    ("number", "calls"),
    [
        (1, [(1, "once")]),
        (10, [(10, "once")]),
        (11, [(10, "once-0"), (1, "once-1")]),
        (30, [(10, "once-0"), (10, "once-1"), (10, "once-2")]),
    ],
)
async def test_texts_are_divided_and_their_vectors_joined(
    number: int, calls: list[tuple[int, str]]
) -> None:
    vendor = Vendor()
    found = await embed_in_batches(texts(number), 10, vendor.embed, idempotency_key="once")
    assert found.vectors == tuple((float(each),) for each in range(number))
    assert found.usage == TokenUsage(number, cached_input_tokens=len(calls))
    assert sorted(vendor.calls) == sorted(calls)
    assert not found.estimated


async def test_a_count_is_an_estimate_where_one_part_of_it_is() -> None:
    async def embed(request: EmbeddingRequest, key: str) -> EmbeddingResponse:
        vectors = ((0.0,),) * len(request.input)
        return EmbeddingResponse(
            model="e", vectors=vectors, usage=TokenUsage(1), estimated=key.endswith("1")
        )

    assert (await embed_in_batches(texts(2), 1, embed, idempotency_key="x")).estimated


async def test_only_so_many_calls_are_made_at_a_time() -> None:
    gate, running = asyncio.Event(), 0

    async def call(number: int) -> int:
        nonlocal running
        running += 1
        await gate.wait()
        return number

    task = asyncio.create_task(all_of([partial(call, number) for number in range(AT_ONCE + 3)]))
    await until(lambda: running == AT_ONCE)
    assert running == AT_ONCE
    gate.set()
    assert await task == list(range(AT_ONCE + 3))


async def told(*outcomes: BaseException | None) -> BaseException:
    """What becomes of calls with these outcomes."""

    async def call(outcome: BaseException | None) -> None:
        if outcome is not None:
            raise outcome

    with pytest.raises((ProviderError, ZeroDivisionError)) as raised:
        await all_of([partial(call, outcome) for outcome in outcomes])
    return raised.value


async def test_a_failure_tells_whether_the_vendor_may_bill_anything() -> None:
    gone = ProviderUnreachable("gone")
    assert await told(REFUSED) is REFUSED
    assert await told(REFUSED, gone) is REFUSED
    assert await told(REFUSED, TIMED_OUT) is TIMED_OUT
    assert isinstance(await told(None, REFUSED), ProviderBroke)
    assert isinstance(await told(*[None] * AT_ONCE, gone), ProviderBroke)
    fault = ZeroDivisionError()
    assert await told(None, REFUSED, fault) is fault


async def test_no_call_is_begun_after_one_has_failed() -> None:
    begun = 0

    async def call() -> None:
        nonlocal begun
        begun += 1
        raise REFUSED

    with pytest.raises(ProviderRefused):
        await all_of([call] * (3 * AT_ONCE))
    assert begun == AT_ONCE
