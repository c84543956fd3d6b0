import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from fake_installation import FakeInstallation, invoke
from headgate import __version__
from headgate.cli.main import headgate
from headgate.core.errors import Overloaded
from headgate.settings import SettingsError


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


@pytest.mark.parametrize("path", list(commands(headgate)), ids=" ".join)
def test_every_help_page_says_what_it_does_and_shows_an_example(path: tuple[str, ...]) -> None:
    result = invoke(FakeInstallation(), *path, "--help")
    assert result.exit_code == 0
    _, _, shown = result.stdout.partition("Example:\n")
    assert "headgate" in shown
    assert f"Usage: headgate {' '.join(path)}".rstrip() in result.stdout


def test_every_command_of_the_contract_that_exists_so_far_is_there() -> None:
    names = (
        "serve migrate seed keys chat complete agents usage budget docs prompts simulate"
        " doctor openapi"
        # Beyond the contract.
        " audit users dev deploy destroy backup restore"
    )
    assert set(headgate.commands) == set(names.split())


@pytest.mark.parametrize(
    "failure",
    [SettingsError("LOG_LEVEL: expected one of …"), Overloaded("the store is away")],
)
@pytest.mark.parametrize("command", ["serve", "migrate", "seed", "doctor"])
def test_an_expected_failure_is_one_sentence_and_exit_code_1(
    failure: Exception, command: str
) -> None:
    result = invoke(FakeInstallation(failure=failure), command)
    assert result.exit_code == 1
    assert result.stderr == f"Error: {failure}\n"


def test_an_interrupt_is_quiet() -> None:
    class Interrupted(FakeInstallation):
        def openapi(self) -> bytes:
            raise KeyboardInterrupt

    result = invoke(Interrupted(), "openapi")
    assert (result.exit_code, result.output.strip()) == (1, "")


def test_wrong_use_is_exit_code_2() -> None:
    result = invoke(FakeInstallation(), "serv")
    assert result.exit_code == 2
    assert "No such command" in result.stderr


def test_the_program_knows_its_version() -> None:
    assert invoke(FakeInstallation(), "--version").stdout == f"headgate, version {__version__}\n"


def test_a_help_page_loads_nothing_heavy() -> None:
    """The platform takes longer to import than help takes to print."""
    program = (
        "import sys\nfrom headgate.cli.main import headgate\n"
        "headgate.main(['--help'], prog_name='headgate', standalone_mode=False)\n"
        "heavy = {'uvicorn', 'starlette', 'rich', 'genai_prices'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)
