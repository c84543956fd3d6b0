import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest

from headgate.cli import doctor
from headgate.cli.asgi_connection import AsgiConnection
from headgate.cli.connection import CommandFailed
from headgate.cli.findings import Backup, Check, Finding, PromptCheck
from headgate.cli.http_connection import HttpConnection
from headgate.cli.installation import Prepared, ServeOptions, SimulatorOptions, Target
from headgate.cli.local import Local, Platform
from headgate.settings import VARIABLES, Settings, SettingsError

Message = MutableMapping[str, Any]


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": dict(scope["headers"])[b"authorization"]})


class FakePlatform(NamedTuple):
    app: Any
    local_api_key: str


class FakeBootstrap:
    """Keeps the settings that each call was given."""

    def __init__(self) -> None:
        self.settings: list[Settings] = []

    @asynccontextmanager
    async def open_platform(self, settings: Settings, /) -> AsyncIterator[Platform]:
        self.settings.append(settings)
        yield FakePlatform(app, "sk-local")

    def read_parameters(self, _settings: Settings) -> Mapping[str, str]:
        return {}

    def prepare(self, settings: Settings, /) -> str | None:
        self.settings.append(settings)
        return "sk-new"

    def sign_in(self, settings: Settings, /) -> str | None:
        return "a-ticket"

    def seed(self, settings: Settings, /) -> Mapping[str, object]:
        self.settings.append(settings)
        return {"keys": 1}

    def remove_samples(self, settings: Settings, /) -> Mapping[str, object]:
        self.settings.append(settings)
        return {"keys": 0}

    def back_up(self, settings: Settings, target: Path, /) -> Backup:
        self.settings.append(settings)
        return Backup(target, 1, "now", ())

    def restore(self, settings: Settings, source: Path, /) -> Path:
        self.settings.append(settings)
        return settings.data / source

    def checks(self, settings: Settings, /) -> Sequence[Check]:
        return (doctor.known("store", Finding("ok", str(settings.data))),)

    def simulator(
        self,
        *,
        vendor: str,
        latency_ms: int,
        tokens_per_second: float | None,
        faults: Sequence[tuple[str, float]],
        seed: int | None,
    ) -> Callable[..., Awaitable[None]]:
        if vendor != "openai":
            raise ValueError(f"there is no vendor {vendor!r} to simulate")
        return app

    def prompt_checks(
        self, settings: Settings, directory: Path | None, /, *, write: bool
    ) -> Sequence[PromptCheck]:
        self.settings.append(settings)
        return [PromptCheck(str(directory), (), (), is_recorded=write)]

    def openapi_document(self) -> bytes:
        return b"{}"


class NotTold:
    def prepared(self, url: str, stores: Prepared) -> None:
        raise AssertionError(url)

    def ready(self, url: str) -> None:
        raise AssertionError(url)


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The process's own environment is what this module reads."""
    monkeypatch.chdir(tmp_path)
    for variable, _ in VARIABLES.values():
        monkeypatch.delenv(variable.name, raising=False)


async def test_without_a_server_commands_use_the_data_directory(tmp_path: Path) -> None:
    bootstrap = FakeBootstrap()
    async with Local(bootstrap).connect(Target(data=Path("there"))) as connection:
        assert isinstance(connection, AsgiConnection)
        assert (await connection.request("GET", "/")).body == b"Bearer sk-local"
    assert bootstrap.settings[0].data == tmp_path / "there"


async def test_a_data_directory_that_is_made_just_now_is_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who meant another one would wonder why everything is empty."""
    for data, is_told in ((tmp_path, False), (tmp_path / "new", True)):
        async with Local(FakeBootstrap()).connect(Target(data=data)):
            assert ("is new and empty" in capsys.readouterr().err) is is_told


async def test_the_environment_names_a_server_and_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_URL", "http://127.0.0.1:9")
    with pytest.raises(click.UsageError, match="HEADGATE_API_KEY"):
        await Local(FakeBootstrap()).connect(Target()).__aenter__()
    monkeypatch.setenv("HEADGATE_API_KEY", "sk")
    async with Local(FakeBootstrap()).connect(Target()) as connection:
        assert isinstance(connection, HttpConnection)


async def test_a_data_directory_on_the_command_line_wins_over_a_server_in_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HEADGATE_URL", "http://127.0.0.1:9")
    async with Local(FakeBootstrap()).connect(Target(data=Path("there"))) as connection:
        assert isinstance(connection, AsgiConnection)


@pytest.mark.parametrize(("text", "fine"), [("sk-key\n", True), ("", False), ("two words", False)])
async def test_a_key_file_holds_one_key(tmp_path: Path, text: str, fine: bool) -> None:
    (tmp_path / "key").write_text(text)
    target = Target(url="http://127.0.0.1:9", key_file=tmp_path / "key")
    if fine:
        async with Local(FakeBootstrap()).connect(target) as connection:
            assert isinstance(connection, HttpConnection)
        return
    with pytest.raises(CommandFailed, match="must hold a key and nothing else"):
        await Local(FakeBootstrap()).connect(target).__aenter__()


async def test_an_address_without_a_scheme_is_wrong_use() -> None:
    with pytest.raises(click.UsageError, match="is no address"):
        await Local(FakeBootstrap()).connect(Target(url="localhost:3000")).__aenter__()


def test_a_port_in_use_fails_before_any_store_is_touched() -> None:
    bootstrap = FakeBootstrap()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        options = ServeOptions("127.0.0.1", taken.getsockname()[1], None, 1)
        with pytest.raises(CommandFailed, match="Cannot listen"):
            Local(bootstrap).serve(Target(), options, NotTold())
    assert bootstrap.settings == []


def test_a_vendor_that_is_not_simulated_yet_is_a_plain_failure() -> None:
    options = SimulatorOptions("nobody", 0, None, (), None)
    with pytest.raises(CommandFailed, match="no vendor 'nobody'"):
        Local(FakeBootstrap()).simulate(options, "127.0.0.1", 0, NotTold())


def test_stores_are_prepared_and_seeded_where_they_are(tmp_path: Path) -> None:
    local = Local(FakeBootstrap())
    assert local.prepare(Target()) == Prepared(tmp_path / ".headgate", "sk-new")
    assert local.seed(Target()) == {"keys": 1}
    assert local.remove_samples(Target()) == {"keys": 0}
    assert local.openapi() == b"{}"


def test_another_process_is_told_where_data_and_configuration_are(tmp_path: Path) -> None:
    local, target = Local(FakeBootstrap()), Target(data=tmp_path)
    assert local.variables(target) == {"HEADGATE_DATA": str(tmp_path)}
    (tmp_path / "headgate.toml").write_text("")
    assert local.variables(target)["HEADGATE_CONFIG"] == str(tmp_path / "headgate.toml")


async def test_the_doctor_looks_at_settings_directory_and_parts() -> None:
    checks = Local(FakeBootstrap()).checks(Target())
    names = [check.name for check in checks]
    assert names == ["configuration", "versions", "data directory", "store", "port"]
    assert (await checks[0].run()).status == "ok"


async def test_the_doctor_names_a_setting_that_is_wrong_and_goes_no_further(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOG_LEVEL", "loud")
    local = Local(FakeBootstrap())
    checks = local.checks(Target())
    finding = await checks[0].run()
    assert (finding.status, "LOG_LEVEL" in finding.message) == ("fail", True)
    with pytest.raises(SettingsError, match="LOG_LEVEL"):
        local.prepare(Target())


async def test_the_doctor_warns_of_names_that_mean_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HEADGATE_DTA", "x")
    finding = await Local(FakeBootstrap()).checks(Target())[0].run()
    assert (finding.status, "HEADGATE_DTA" in finding.message) == ("warn", True)
