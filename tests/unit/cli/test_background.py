import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from headgate.cli.background import BackgroundLoop


class Resource:
    def __init__(self) -> None:
        self.steps: list[str] = []
        self.tasks: list[object] = []

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[str]:
        self.steps.append("opened")
        self.tasks.append(asyncio.current_task())
        yield "value"
        self.tasks.append(asyncio.current_task())
        self.steps.append("closed")


async def doubled(number: int) -> int:
    await asyncio.sleep(0)
    return number * 2


def test_what_was_entered_is_left_in_the_same_task() -> None:
    resource = Resource()
    with BackgroundLoop() as loop:
        assert loop.enter(resource.opened()) == "value"
        assert loop.run(doubled(4)) == 8
        assert resource.steps == ["opened"]
    assert resource.steps == ["opened", "closed"]
    assert resource.tasks[0] is resource.tasks[1]


class Broken(AbstractAsyncContextManager[None]):
    async def __aenter__(self) -> None:
        raise OSError("cannot open")

    async def __aexit__(self, *_: object) -> None:
        return None


def test_a_context_that_cannot_be_entered_says_why() -> None:
    with BackgroundLoop() as loop, pytest.raises(OSError, match="cannot open"):
        loop.enter(Broken())


def test_the_loop_goes_on_while_the_thread_that_owns_it_blocks() -> None:
    went_on = threading.Event()

    async def later() -> None:
        asyncio.get_running_loop().call_soon(went_on.set)

    with BackgroundLoop() as loop:
        loop.run(later())
        assert went_on.wait(5)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A shell that starts a job in the background makes it deaf to interrupts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_cancels_the_work_and_lets_it_clean_up() -> None:
    cleaned = []
    main_id = threading.get_ident()

    async def long() -> None:
        try:
            signal.pthread_kill(main_id, signal.SIGINT)
            await asyncio.Event().wait()
        finally:
            cleaned.append(True)

    with BackgroundLoop() as loop:
        with pytest.raises(KeyboardInterrupt):
            loop.run(long())
        assert cleaned == [True]
        assert loop.run(doubled(1)) == 2
