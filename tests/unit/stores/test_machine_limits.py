"""What is special where limits lie in a file; tests/contract has the rest."""

import asyncio
import fcntl
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from fakes import FakeClock
from headgate.core.errors import Overloaded, RateLimited
from headgate.stores import machine_limits
from headgate.stores.buckets import DefaultLimits
from headgate.stores.machine_limits import MachineRateLimiter
from rate_limits import admitted, answered, key, refused, soon

COUNTER = Path(__file__).parents[2] / "counts_admissions.py"
DEFAULTS = DefaultLimits(50, 200)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def limiter(tmp_path: Path, clock: FakeClock) -> AsyncIterator[MachineRateLimiter]:
    limiter = MachineRateLimiter(tmp_path, DEFAULTS, clock=clock)
    yield limiter
    limiter.close()


@pytest.fixture
def held(tmp_path: Path, limiter: MachineRateLimiter) -> Iterator[int]:
    """The table's lock, as a process holds it that was stopped in the midst of an admission."""
    descriptor = os.open(tmp_path / "buckets-1", os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield descriptor
    os.close(descriptor)


def test_processes_that_call_at_once_are_admitted_up_to_the_limit(tmp_path: Path) -> None:
    async def count() -> int:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, COUNTER, str(tmp_path), "2000"), stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        return int(output)

    async def total() -> int:
        return sum(await asyncio.gather(*(count() for _ in range(3))))

    assert asyncio.run(total()) == 500


async def test_what_was_used_is_known_after_a_restart(tmp_path: Path, clock: FakeClock) -> None:
    for left in (2, 1):
        limiter = MachineRateLimiter(tmp_path, DEFAULTS, clock=clock)
        ticket = await limiter.admit(key(requests_per_minute=3, concurrency=1), 0)
        limiter.close()
        assert ticket.requests.remaining == left
        ticket.finish(5)  # too late to count, and no harm


async def test_an_admission_waits_while_another_process_holds_the_limits(
    limiter: MachineRateLimiter, held: int
) -> None:
    task = asyncio.ensure_future(limiter.admit(key(), 0))
    await asyncio.sleep(0)
    assert not task.done()
    fcntl.flock(held, fcntl.LOCK_UN)
    assert (await task).requests.remaining == 199


async def test_a_process_that_stops_while_it_holds_the_limits_is_not_waited_for_for_ever(
    limiter: MachineRateLimiter, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine_limits, "LOCK_SECONDS", 0.01)
    with pytest.raises(Overloaded, match="another process"):
        await limiter.admit(key(), 0)
    fcntl.flock(held, fcntl.LOCK_UN)
    await limiter.admit(key(), 0)


async def test_a_call_that_ends_while_another_process_holds_the_limits_counts_after_it(
    limiter: MachineRateLimiter, tmp_path: Path
) -> None:
    who = key(tokens_per_minute=100)
    tickets = [await limiter.admit(who, 10) for _ in range(2)]
    descriptor = os.open(tmp_path / "buckets-1", os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    for ticket in tickets:
        ticket.finish(50)
    os.close(descriptor)
    tokens = (await refused(limiter, who, 1)).tokens
    assert tokens is not None
    assert tokens.reset_seconds == pytest.approx(60)


async def test_a_call_that_ended_counts_even_where_no_other_comes(
    limiter: MachineRateLimiter, held: int
) -> None:
    fcntl.flock(held, fcntl.LOCK_UN)
    ticket = await limiter.admit(key(tokens_per_minute=100), 10)
    fcntl.flock(held, fcntl.LOCK_EX)
    ticket.finish(50)
    assert limiter._late
    fcntl.flock(held, fcntl.LOCK_UN)
    await soon(lambda: not limiter._late)


async def test_keys_that_have_rested_make_room_and_no_others(
    limiter: MachineRateLimiter, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine_limits, "REACH", 1)
    monkeypatch.setattr(machine_limits, "SLOTS", 1)
    ticket = await limiter.admit(key("first", requests_per_minute=60), 0)
    for _ in range(2):
        with pytest.raises(Overloaded, match="too many keys"):
            await limiter.admit(key("second"), 0)
        clock.advance(1)  # its buckets are whole again, its call is under way still
    ticket.finish(0)
    assert await admitted(limiter, key("second"), 1) == 1
    with pytest.raises(Overloaded):
        await limiter.admit(key("first"), 0)


async def test_a_slot_that_lost_its_content_is_a_new_keys(
    limiter: MachineRateLimiter,
) -> None:
    await limiter.admit(key(requests_per_minute=3), 0)
    slot = limiter._slots["sk-proj-one"]
    limiter._table[slot.place + 16 : slot.place + 64] = bytes(48)
    assert await admitted(limiter, key(requests_per_minute=3), 5) == 3


async def test_a_process_that_leaves_takes_its_calls_along(
    limiter: MachineRateLimiter, tmp_path: Path, clock: FakeClock
) -> None:
    who = key(concurrency=1)
    leaving = MachineRateLimiter(tmp_path, DEFAULTS, clock=clock)
    await leaving.admit(who, 0)
    assert isinstance(await answered(limiter, who), RateLimited)
    leaving.close()
    leaving.close()
    await limiter.admit(who, 0)
    assert len(limiter._members) == 1


def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Overloaded, match="file/limits"):
        MachineRateLimiter(tmp_path / "file" / "limits", DEFAULTS)


async def test_the_files_are_their_owners_alone(tmp_path: Path) -> None:
    limiter = MachineRateLimiter(tmp_path / "limits", DEFAULTS)
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "limits").iterdir()} == {0o600}
    limiter.close()


async def test_a_process_that_is_alone_counts_what_was_used_with_its_next_look(
    limiter: MachineRateLimiter,
) -> None:
    who = key(tokens_per_minute=100)
    (await limiter.admit(who, 10)).finish(60)
    _, tokens = await limiter.look(who)
    assert tokens.remaining == 40


async def test_a_process_that_comes_later_sees_what_was_used_before(
    limiter: MachineRateLimiter, tmp_path: Path, clock: FakeClock
) -> None:
    who = key(tokens_per_minute=100)
    (await limiter.admit(who, 10)).finish(60)
    other = MachineRateLimiter(tmp_path, DEFAULTS, clock=clock)
    await soon(lambda: not limiter._late)
    _, tokens = await other.look(who)
    assert tokens.remaining == 40
    other.close()
