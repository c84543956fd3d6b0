"""Processes of one machine that ask each other over sockets in a directory."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from headgate.transport.neighbours import Answer, Neighbours


async def silent(_question: bytes) -> None:
    return None


def saying(*pieces: bytes) -> Answer:
    async def frames() -> AsyncGenerator[bytes, None]:
        for piece in pieces:
            yield piece

    async def answer(question: bytes) -> AsyncGenerator[bytes, None] | None:
        return frames() if question == b"who?\n" else None

    return answer


async def told(neighbours: Neighbours, question: bytes = b"who?") -> bytes | None:
    said = await neighbours.ask(question)
    return None if said is None else b"".join([piece async for piece in said])


def entries(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


@pytest.fixture(params=["", "long" * 30])
def directory(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Also one whose name is too long for a socket."""
    path = tmp_path / str(request.param)
    path.mkdir(exist_ok=True)
    return path


async def test_who_has_something_to_say_is_found_among_the_others(directory: Path) -> None:
    first, second = (
        Neighbours(directory, silent),
        Neighbours(directory, saying(b"me, ", b"all of me")),
    )
    asker = Neighbours(directory, silent)
    async with first.listening(), second.listening(), asker.listening():
        assert await told(asker) == b"me, all of me"
        assert await told(asker, b"what?") is None
        assert await told(second) is None  # nobody asks itself
    assert entries(directory) == []


async def test_a_long_answer_comes_whole(directory: Path) -> None:
    speaker = Neighbours(directory, saying(*[b"x" * 100_000] * 20))
    async with speaker.listening():
        said = await told(Neighbours(directory, silent))
    assert said == b"x" * 2_000_000


async def test_a_dead_process_is_passed_over_and_its_socket_removed(directory: Path) -> None:
    dead = directory / "0.sock"
    if len(str(dead)) < 100:
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(dead))
    living = Neighbours(directory, saying(b"me"), name="1.sock")
    async with living.listening():
        assert await told(Neighbours(directory, silent)) == b"me"
    assert not dead.exists()


async def test_an_asker_who_leaves_ends_the_answer(directory: Path) -> None:
    ended = asyncio.Event()

    async def frames() -> AsyncGenerator[bytes, None]:
        try:
            yield b"begun"
            await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    async def answer(_question: bytes) -> AsyncGenerator[bytes, None]:
        return frames()

    async with Neighbours(directory, answer).listening():
        said = await Neighbours(directory, silent).ask(b"who?")
        assert said is not None
        assert await anext(said) == b"begun"
        await said.aclose()
        await ended.wait()


async def test_where_there_is_no_directory_nobody_is_answered(tmp_path: Path) -> None:
    async with Neighbours(tmp_path / "none", saying(b"me")).listening():
        assert await told(Neighbours(tmp_path / "none", silent)) is None
