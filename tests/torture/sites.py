"""What is put under load and killed: one process, one of several workers, one of two machines."""

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias

import ministack
from headgate_server import Caller, Headgate, Simulator, eventually, running

ADMIN_KEY = "sk-proj-torture-0123456789abcdef"
_WORKER = b"spawn_main"


class Site(Protocol):
    """Servers that share their budgets."""

    def urls(self) -> list[str]:
        """The servers that can be asked now."""
        ...

    def admin(self) -> Caller:
        """The administrator, at a server that lives."""
        ...

    async def die(self, chance: random.Random) -> None:
        """Let one process die as by `kill -9`, and come back."""
        ...


SiteMaker: TypeAlias = Callable[[Path, Simulator, str], AbstractContextManager[Site]]
"""Starts servers with an empty directory, a vendor and the text of `headgate.toml`."""


@contextlib.contextmanager
def alone(directory: Path, vendors: Simulator, configuration: str) -> Iterator["Machines"]:
    """A server of one process."""
    with running(
        directory, configuration=configuration, environment=environment(vendors)
    ) as server:
        yield Machines([server])


@contextlib.contextmanager
def three_workers(directory: Path, vendors: Simulator, configuration: str) -> Iterator["Workers"]:
    """A server of three processes on one data directory."""
    with running(
        directory, configuration=configuration, environment=environment(vendors), workers=3
    ) as server:
        yield Workers(server)


@contextlib.contextmanager
def two_machines(directory: Path, vendors: Simulator, configuration: str) -> Iterator["Machines"]:
    """Two servers on one DynamoDB."""
    shared = {
        **environment(vendors),
        "HEADGATE_STORE": "dynamodb",
        "DYNAMODB_ENDPOINT": ministack.endpoint(),
        "AWS_ACCESS_KEY_ID": ministack.new_account(),
        "AWS_SECRET_ACCESS_KEY": ministack.SECRET,
    }
    with contextlib.ExitStack() as stack:
        servers = []
        for name in ("one", "two"):
            (directory / name).mkdir()
            servers.append(
                stack.enter_context(
                    running(directory / name, configuration=configuration, environment=shared)
                )
            )
        yield Machines(servers)


def environment(vendors: Simulator) -> dict[str, str]:
    """The settings by which a server calls the simulator and knows the administrator."""
    return {**vendors.environment, "HEADGATE_ADMIN_KEY": ADMIN_KEY}


@dataclass
class Machines:
    """Servers of one process each; with one of them it is alone."""

    servers: list[Headgate]
    _away: set[int] = field(default_factory=set)

    def urls(self) -> list[str]:
        """See `Site.urls`."""
        return [
            server.url for number, server in enumerate(self.servers) if number not in self._away
        ]

    def admin(self) -> Caller:
        """See `Site.admin`."""
        return Caller(self.urls()[0], ADMIN_KEY)

    async def die(self, chance: random.Random) -> None:
        """See `Site.die`."""
        number = chance.randrange(len(self.servers))
        self._away.add(number)
        await asyncio.to_thread(self.servers[number].kill)
        await asyncio.to_thread(self.servers[number].start)
        self._away.discard(number)

    async def restart(self) -> int:
        """End the first server in good order and start it again; gives its exit code."""
        self._away.add(0)
        code = await asyncio.to_thread(self.servers[0].stop)
        await asyncio.to_thread(self.servers[0].start)
        self._away.discard(0)
        return code


@dataclass
class Workers:
    """A server of several processes, of which one dies and is replaced by the server itself."""

    server: Headgate

    def urls(self) -> list[str]:
        """See `Site.urls`."""
        return [self.server.url]

    def admin(self) -> Caller:
        """See `Site.admin`."""
        return Caller(self.server.url, ADMIN_KEY)

    async def die(self, chance: random.Random) -> None:
        """See `Site.die`."""
        before = workers_of(self.server.command.pid)
        victim = chance.choice(before)
        os.kill(victim, signal.SIGKILL)

        async def now() -> list[int]:
            return workers_of(self.server.command.pid)

        await eventually(now, lambda pids: victim not in pids and len(pids) == len(before))


def workers_of(pid: int) -> list[int]:
    """The worker processes of a server, as Linux knows them."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children if _is_worker(int(child))]


def _is_worker(pid: int) -> bool:
    try:
        return _WORKER in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False  # it has just died
