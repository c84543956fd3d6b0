"""What every queue of runs promises."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

import pytest

import sqs
from headgate.core.run_queue import RunQueue
from headgate.stores.memory_run_queue import MemoryRunQueue


class Queue(NamedTuple):
    """A queue, and what lets the time pass after which it gives again what is not done."""

    queue: RunQueue
    time_out: Callable[[], Awaitable[None]]


@pytest.fixture(params=["memory", "sqs"])
async def made(request: pytest.FixtureRequest) -> AsyncIterator[Queue]:
    async with contextlib.AsyncExitStack() as stack:
        if request.param == "sqs":
            real = await stack.enter_async_context(sqs.run_queue())
            yield Queue(real.queue, real.time_out)
            return
        memory = MemoryRunQueue()

        async def time_out() -> None:
            memory.time_out()

        yield Queue(memory, time_out)


async def taken(queue: RunQueue, limit: int = 10) -> list[str]:
    return sorted(ticket.run_id for ticket in await queue.take(limit))


async def test_what_is_announced_is_taken(made: Queue) -> None:
    for run_id in ("run_1", "run_2", "run_3"):
        await made.queue.put(run_id)
    first = await taken(made.queue, 2)
    assert len(first) == 2
    assert sorted(first + await taken(made.queue)) == ["run_1", "run_2", "run_3"]


async def test_an_empty_queue_gives_nothing(made: Queue) -> None:
    assert await taken(made.queue) == []


async def test_what_is_done_is_given_to_nobody_again(made: Queue) -> None:
    await made.queue.put("run_1")
    (ticket,) = await made.queue.take(1)
    await made.queue.done(ticket)
    await made.queue.done(ticket)
    await made.time_out()
    assert await taken(made.queue) == []


async def test_what_was_taken_and_is_not_done_is_given_again(made: Queue) -> None:
    """As after the death of whoever took it."""
    await made.queue.put("run_1")
    assert await taken(made.queue) == ["run_1"]
    assert await taken(made.queue) == []
    await made.time_out()
    assert await taken(made.queue) == ["run_1"]


async def test_a_run_may_be_announced_again(made: Queue) -> None:
    await made.queue.put("run_1")
    await made.queue.put("run_1")
    assert await taken(made.queue) == ["run_1", "run_1"]
