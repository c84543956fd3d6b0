"""What commands need from the platform on this machine, and which of them asked for what.

`Installation` is fulfilled by `cli.local` with the real platform, and by fakes in tests: commands
know neither settings nor adapters.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

import click

from headgate.cli.connection import Connection
from headgate.cli.findings import Backup, Check, PromptCheck

T = TypeVar("T")


@dataclass(slots=True)
class Target:
    """Where a command works; what is not set comes from the environment."""

    url: str | None = None
    key_file: Path | None = None
    data: Path | None = None


class ServeOptions(NamedTuple):
    """How to run the platform; `role` None means the configured one."""

    host: str
    port: int
    role: str | None
    workers: int


class SimulatorOptions(NamedTuple):
    """How the simulated vendors behave; `faults` are kinds with their probabilities."""

    vendor: str
    latency_ms: int
    tokens_per_second: float | None
    faults: tuple[tuple[str, float], ...]
    seed: int | None


class Prepared(NamedTuple):
    """Stores that are ready.

    Attributes:
        admin_key: set only where it was made just now.
        ticket: opens the dashboard once, for whoever starts the platform.
    """

    data: Path
    admin_key: str | None
    ticket: str | None = None


class Served(Protocol):
    """Told what happens while the platform starts."""

    def prepared(self, url: str, stores: Prepared) -> None:
        """The stores are ready and the address is taken."""
        ...

    def ready(self, url: str) -> None:
        """Requests are answered."""
        ...


class Installation(Protocol):
    """The platform on this machine. Every method may raise `click.ClickException`."""

    def connect(self, target: Target) -> AbstractAsyncContextManager[Connection]:
        """A connection to the server that `target` names, else to the data directory."""
        ...

    def serve(self, target: Target, options: ServeOptions, told: Served) -> None:
        """Run the platform until a signal comes."""
        ...

    def simulate(self, options: SimulatorOptions, host: str, port: int, told: Served) -> None:
        """Run the vendors' simulator until a signal comes."""
        ...

    def prepare(self, target: Target) -> Prepared:
        """Bring the stores up to date and see that there is an admin key."""
        ...

    def variables(self, target: Target) -> Mapping[str, str]:
        """The variables that tell another process where data and configuration are."""
        ...

    def seed(self, target: Target) -> Mapping[str, object]:
        """Load sample data; says how much of what there is."""
        ...

    def remove_samples(self, target: Target) -> Mapping[str, object]:
        """Take sample data out again; says how much of what there was."""
        ...

    def backup(self, target: Target, place: Path) -> Backup:
        """Copy the data directory to a new place."""
        ...

    def restore(self, target: Target, source: Path) -> Path:
        """Put a backup into the data directory, which is missing or empty; gives its path."""
        ...

    def checks(self, target: Target) -> Sequence[Check]:
        """What the doctor looks at."""
        ...

    def check_prompts(
        self, target: Target, directory: Path | None, *, write: bool
    ) -> Sequence[PromptCheck]:
        """Check prompt templates; with `write`, record those whose versions are new."""
        ...

    def openapi(self) -> bytes:
        """The OpenAPI document."""
        ...


@dataclass(slots=True)
class Session:
    """One run of the program: its target, and the platform, loaded when a command needs it."""

    load: Callable[[], Installation]
    target: Target = field(default_factory=Target)

    @property
    def installation(self) -> Installation:
        """The platform on this machine."""
        return self.load()

    def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Do `work` over a connection, and close it."""

        async def connected() -> T:
            async with self.installation.connect(self.target) as connection:
                return await work(connection)

        return asyncio.run(connected())


pass_session = click.make_pass_decorator(Session)
