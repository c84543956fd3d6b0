"""What a call leaves behind: nothing that only a collection of garbage would find.

A collection stops everything else, for tens of milliseconds where calls have left much in cycles.
"""

import asyncio
import contextlib
import gc
import itertools
import types
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from fakes import DONE, FakeProvider, Step
from headgate.core.chat import ChatDelta, ChatRequest, ChatResponse
from headgate.core.models import ProviderBroke, ProviderRefused
from platform_in_memory import Platform, chat, make_key, platform

CHAT = "/v1/chat/completions"
OURS = (
    types.AsyncGeneratorType,
    types.CoroutineType,
    types.FrameType,
    types.FunctionType,
    types.GeneratorType,
    types.MethodType,
    types.TracebackType,
    asyncio.Future,
)
"""Besides all classes of ours, what garbage of ours would have to be made of."""

Call = Callable[[Platform], Awaitable[int]]
_numbers = itertools.count()


class Breaking(FakeProvider):
    """Breaks every stream off in its midst."""

    def _next(self, _idempotency_key: str) -> Step:
        return [ChatDelta(text="one"), ProviderBroke("the line went dead")]


class Refusing(FakeProvider):
    """Refuses every call."""

    async def complete(self, request: ChatRequest, *, idempotency_key: str) -> ChatResponse:
        raise ProviderRefused("failed", "not today")

    def _next(self, _idempotency_key: str) -> Step:
        return ProviderRefused("failed", "not today")


class Plain(FakeProvider):
    """Answers every call, with text."""

    def _next(self, _idempotency_key: str) -> Step:
        return [ChatDelta(text="one"), ChatDelta(text="two"), DONE]


def posts(path: str, *, key: str | None = None, is_named: bool = False, **fields: Any) -> Call:
    """A call with that body, and its status; `is_named` gives each an idempotency key."""

    async def call(running: Platform) -> int:
        headers = {"idempotency-key": f"key-{next(_numbers)}"} if is_named else {}
        given = {} if key is None else {"key": key}
        body = chat("Hello there", **fields)
        return (await running.call("POST", path, body, headers=headers, **given)).status

    return call


async def leaves(running: Platform) -> int:
    """A caller who goes away in the midst of a stream."""
    client = running.client("POST", CHAT, chat("Hello there", stream=True))
    call = asyncio.create_task(running.app(client.scope, client.receive, client.send))
    await client.is_answered.wait()
    client.left.set()
    await call
    return client.status


async def cannot_pay(running: Platform) -> int:
    """A caller whose budget does not cover the call."""
    poor = await make_key(running, monthlyBudget=0)
    return await posts(CHAT, key=poor, model="plain/small")(running)


CALLS: dict[str, tuple[int, Call]] = {
    "an answer": (200, posts(CHAT)),
    "a stream": (200, posts(CHAT, stream=True)),
    "a stream of Anthropic's protocol": (200, posts("/v1/messages", stream=True, max_tokens=100)),
    "a stream that a vendor gives": (200, posts(CHAT, model="plain/small", stream=True)),
    "a stream that breaks off": (200, posts(CHAT, model="breaking/small", stream=True)),
    "a stream that is left": (200, leaves),
    "an answer under a key": (200, posts(CHAT, is_named=True)),
    "a stream under a key": (200, posts(CHAT, is_named=True, stream=True)),
    "an answer that a vendor refuses": (502, posts(CHAT, model="refusing/small")),
    "a stream that a vendor refuses": (502, posts(CHAT, model="refusing/small", stream=True)),
    "a call that no budget covers": (402, cannot_pay),
    "an unknown model": (404, posts(CHAT, model="nothing")),
    "a stream of an unknown model": (404, posts(CHAT, model="nothing", stream=True)),
    "an unknown key": (401, posts(CHAT, key="sk-proj-nobody")),
    "a body that is not understood": (400, posts(CHAT, messages=7)),
}


@contextlib.contextmanager
def collected() -> Iterator[list[str]]:
    """The names of what becomes garbage inside, as far as it may be ours."""
    found: list[str] = []
    # What is there already is looked at by no collection: in a process with much, each takes long.
    gc.freeze()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield found
        gc.collect()
        for one in gc.garbage:
            kind = type(one)
            if kind.__module__.startswith("headgate") or issubclass(kind, OURS):
                found.append(f"{kind.__qualname__} {getattr(one, '__qualname__', '')}".strip())
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
        gc.unfreeze()


@pytest.mark.parametrize("name", CALLS)
async def test_a_call_leaves_nothing_to_a_collection(name: str) -> None:
    status, call = CALLS[name]
    providers = (Plain("plain"), Breaking("breaking"), Refusing("refusing"))
    async with platform(*providers) as running:
        # The first call may fill what is remembered.
        assert await call(running) == status
        with collected() as garbage:
            for _ in range(3):
                await call(running)
            # What ends after the last byte, ends here.
            for _ in range(10):
                await asyncio.sleep(0)
    assert garbage == []


async def test_what_only_a_collection_finds_would_be_told() -> None:
    with collected() as garbage:
        knot: list[Any] = []
        knot.append(lambda itself=knot: itself)
        del knot
    assert [name.partition(" ")[0] for name in garbage] == ["function"]
