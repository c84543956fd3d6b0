"""The platform on this machine, as the commands use it.

`main` loads this module when a command first needs the platform, because all of it takes longer
to import than a help page takes to print.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import click

from headgate.cli import doctor
from headgate.cli.asgi_connection import AsgiApp, AsgiConnection
from headgate.cli.connection import CommandFailed, Connection
from headgate.cli.findings import Backup, Check, Finding, PromptCheck
from headgate.cli.http_connection import HttpConnection
from headgate.cli.installation import Prepared, Served, ServeOptions, SimulatorOptions, Target
from headgate.http import server
from headgate.settings import Settings, SettingsError

APPLICATION = "headgate.bootstrap.platform:create_app"


class Platform(Protocol):
    """A platform that runs in this process, without a socket."""

    @property
    def app(self) -> AsgiApp:
        """The application; its lifespan has begun."""
        ...

    @property
    def local_api_key(self) -> str:
        """An admin credential that only this process accepts."""
        ...


class Bootstrap(Protocol):
    """What `headgate.bootstrap` offers; the module itself fulfils it."""

    def open_platform(self, settings: Settings, /) -> AbstractAsyncContextManager[Platform]:
        """Run the platform in this process, beside any server on the same data directory."""
        ...

    def read_parameters(self, settings: Settings, /) -> Mapping[str, str]:
        """The variables that the parameter store has which the settings name."""
        ...

    def prepare(self, settings: Settings, /) -> str | None:
        """Bring the stores up to date; gives the admin key where it made one."""
        ...

    def sign_in(self, settings: Settings, /) -> str | None:
        """A ticket that opens the dashboard once, for whoever starts the platform."""
        ...

    def seed(self, settings: Settings, /) -> Mapping[str, object]:
        """Load sample data."""
        ...

    def remove_samples(self, settings: Settings, /) -> Mapping[str, object]:
        """Take sample data out again."""
        ...

    def back_up(self, settings: Settings, target: Path, /) -> Backup:
        """Copy the data directory to a new place."""
        ...

    def restore(self, settings: Settings, source: Path, /) -> Path:
        """Put a backup into the data directory, which is missing or empty; gives its path."""
        ...

    def checks(self, settings: Settings, /) -> Sequence[Check]:
        """What can be checked of stores and providers."""
        ...

    def simulator(
        self,
        *,
        vendor: str,
        latency_ms: int,
        tokens_per_second: float | None,
        faults: Sequence[tuple[str, float]],
        seed: int | None,
    ) -> Callable[..., Awaitable[None]]:
        """The vendors' simulator as an application."""
        ...

    def prompt_checks(
        self, settings: Settings, directory: Path | None, /, *, write: bool
    ) -> Sequence[PromptCheck]:
        """Check prompt templates, and record new versions where that is wanted."""
        ...

    def openapi_document(self) -> bytes:
        """The OpenAPI document."""
        ...


@dataclass(frozen=True)
class Local:
    """Serves the commands with the real platform."""

    bootstrap: Bootstrap

    @asynccontextmanager
    async def connect(self, target: Target) -> AsyncIterator[Connection]:
        """A connection to the server that `target` or HEADGATE_URL names, else to the data."""
        settings = self._settings(target)
        # Whoever names a data directory on the command line means it.
        url = target.url or (None if target.data else settings.url)
        if url is None:
            if not settings.data.exists():
                click.echo(
                    f"{settings.data} is new and empty. For another one set HEADGATE_DATA, for a"
                    " server HEADGATE_URL.",
                    err=True,
                )
            async with self.bootstrap.open_platform(settings) as platform:
                yield AsgiConnection(platform.app, platform.local_api_key)
            return
        connection = HttpConnection(_address(url), _api_key(target, settings))
        try:
            yield connection
        finally:
            await connection.aclose()

    def serve(self, target: Target, options: ServeOptions, told: Served) -> None:
        """Run the platform until a signal comes."""
        settings = self._settings(target, role=options.role)
        with _failing_plainly():
            listener = server.listen(options.host, options.port)
            url = server.address(listener)
            admin_key = self.bootstrap.prepare(settings)
            ticket = self.bootstrap.sign_in(settings)
            told.prepared(url, Prepared(settings.data, admin_key, ticket))
            # The application reads its settings in each worker; what options changed goes along.
            os.environ.update(_overrides(target, options.role))
            config = server.server_config(APPLICATION, workers=options.workers)
            server.run(config, listener, ready=lambda: told.ready(url))

    def simulate(self, options: SimulatorOptions, host: str, port: int, told: Served) -> None:
        """Run the vendors' simulator until a signal comes."""
        try:
            simulator = self.bootstrap.simulator(**options._asdict())
        except ValueError as error:
            raise CommandFailed(str(error)) from None
        with _failing_plainly():
            listener = server.listen(host, port)
            url = server.address(listener)
            config = server.server_config(simulator)
            server.run(config, listener, ready=lambda: told.ready(url))

    def prepare(self, target: Target) -> Prepared:
        """Bring the stores up to date and see that there is an admin key."""
        settings = self._settings(target)
        return Prepared(settings.data, self.bootstrap.prepare(settings))

    def variables(self, target: Target) -> Mapping[str, str]:
        """The variables that tell another process where data and configuration are."""
        settings = self._settings(target)
        told = {"HEADGATE_DATA": str(settings.data.absolute())}
        if settings.config is not None and settings.config.exists():
            told["HEADGATE_CONFIG"] = str(settings.config.absolute())
        return told

    def seed(self, target: Target) -> Mapping[str, object]:
        """Load sample data."""
        return self.bootstrap.seed(self._settings(target))

    def remove_samples(self, target: Target) -> Mapping[str, object]:
        """Take sample data out again."""
        return self.bootstrap.remove_samples(self._settings(target))

    def backup(self, target: Target, place: Path) -> Backup:
        """Copy the data directory to a new place."""
        return self.bootstrap.back_up(self._settings(target), place)

    def restore(self, target: Target, source: Path) -> Path:
        """Put a backup into the data directory, which is missing or empty; gives its path."""
        return self.bootstrap.restore(self._settings(target), source)

    def checks(self, target: Target) -> Sequence[Check]:
        """What the doctor looks at; without settings there is nothing else to look at."""
        try:
            settings = self._settings(target)
        except SettingsError as error:
            finding = Finding("fail", str(error), "Correct this first; the rest depends on it.")
            return (doctor.known("configuration", finding), doctor.versions())
        return (
            doctor.known("configuration", _configuration(settings)),
            doctor.versions(),
            doctor.data_directory(settings.data),
            *self.bootstrap.checks(settings),
            doctor.port(),
        )

    def check_prompts(
        self, target: Target, directory: Path | None, *, write: bool
    ) -> Sequence[PromptCheck]:
        """Check prompt templates; with `write`, record those whose versions are new."""
        return self.bootstrap.prompt_checks(self._settings(target), directory, write=write)

    def openapi(self) -> bytes:
        """The OpenAPI document."""
        return self.bootstrap.openapi_document()

    def _settings(self, target: Target, *, role: str | None = None) -> Settings:
        return Settings.load(
            overrides=_overrides(target, role), parameters=self.bootstrap.read_parameters
        )


def _overrides(target: Target, role: str | None) -> dict[str, str]:
    overrides = {}
    if target.data is not None:
        overrides["HEADGATE_DATA"] = str(target.data.absolute())
    if role is not None:
        overrides["HEADGATE_ROLE"] = role
    return overrides


def _address(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise click.UsageError(f"{url!r} is no address: start it with http:// or https://.")
    return url


def _api_key(target: Target, settings: Settings) -> str:
    if target.key_file is not None:
        return _key_in(target.key_file)
    if settings.api_key is None:
        raise click.UsageError(
            "A server needs a key: set HEADGATE_API_KEY, or name a file that holds it with"
            " --key-file."
        )
    return settings.api_key.reveal()


def _key_in(path: Path) -> str:
    try:
        words = path.read_text("utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"{path} cannot be read: {error}") from None
    if len(words) != 1:
        raise CommandFailed(f"{path} must hold a key and nothing else.")
    return words[0]


def _configuration(settings: Settings) -> Finding:
    if settings.unknown:
        names = ", ".join(settings.unknown)
        return Finding("warn", f"{names} mean nothing here", "See .env.example for the names.")
    keyless = [vendor.name for vendor in settings.vendors if vendor.api_key is None]
    if keyless:
        return Finding(
            "warn",
            f"no key for {', '.join(keyless)}",
            "Set the variable that `api_key_env` names in headgate.toml.",
        )
    found = "found" if settings.config and settings.config.exists() else "not there, and not needed"
    return Finding("ok", f"{settings.environment}; {settings.config} {found}")


@contextmanager
def _failing_plainly() -> Iterator[None]:
    """Turns a server that cannot start into a failure of the command."""
    try:
        yield
    except server.ServerFailed as error:
        raise CommandFailed(str(error)) from None
