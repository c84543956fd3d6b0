"""Environments for programs of other makers, apart from ours: their needs contradict each other.

All are made from locks and kept, so that only the first run, or a new lock, takes time. Test
processes that run beside each other make each of them once: the second waits for the first.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAMS = ROOT / "tests" / "clients"
RUN_NODE = PROGRAMS / "run_node.py"
_STAMP = "installed.lock"


def python(requirements: str) -> Path:
    """The Python of an environment that holds what `tests/clients/{requirements}.txt` pins."""
    environment = ROOT / requirements.replace("requirements", ".venv-clients")
    return _installed(PROGRAMS / f"{requirements}.txt", environment)


def infra_python() -> Path:
    """The Python that writes the stacks, with what `infra/requirements.txt` pins."""
    return _installed(ROOT / "infra" / "requirements.txt", ROOT / ".venv-infra")


def node_modules() -> Path:
    """A directory with what `tests/clients/package-lock.json` pins; Node comes with `python`."""
    directory = python("requirements").parents[1] / "node"
    _install_packages(PROGRAMS, directory, node())
    return directory


def sdk_packages() -> Path:
    """A directory with what the TypeScript SDK is made with."""
    directory = ROOT / ".venv-sdk"
    _install_packages(ROOT / "sdk" / "typescript", directory, [sys.executable, RUN_NODE])
    return directory


def node() -> list[str | Path]:
    """The command that runs Node; `npm` after it runs that."""
    return [python("requirements"), RUN_NODE]


def cdk() -> list[str | Path]:
    """The command that deploys stacks, which `infra/package-lock.json` pins."""
    node_here: list[str | Path] = [infra_python(), RUN_NODE]
    directory = infra_python().parents[1] / "node"
    _install_packages(ROOT / "infra", directory, node_here)
    return [*node_here, directory / "node_modules/aws-cdk/bin/cdk"]


def _install_packages(sources: Path, directory: Path, node_command: list[str | Path]) -> None:
    lock = sources / "package-lock.json"
    with _alone(directory):
        if _is_new(lock, directory):
            for file in (sources / "package.json", lock):
                shutil.copy(file, directory)
            install = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            _run([*node_command, *install], directory)
            shutil.copy(lock, directory / _STAMP)


def _installed(lock: Path, environment: Path) -> Path:
    program = environment / "bin" / "python"
    uv = Path(sys.executable).with_name("uv")
    with _alone(environment):
        if not program.exists():
            new = ["venv", "--quiet", "--allow-existing", "--python"]
            _run([uv, *new, sys.executable, environment])
        if _is_new(lock, environment):
            _run([uv, "pip", "sync", "--quiet", "--require-hashes", "--python", program, lock])
            shutil.copy(lock, environment / _STAMP)
    return program


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Wait until no other process makes this directory; a process that dies lets go of it."""
    directory.mkdir(exist_ok=True)
    with (directory / "making.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_new(lock: Path, environment: Path) -> bool:
    stamp = environment / _STAMP
    return not stamp.exists() or stamp.read_bytes() != lock.read_bytes()


def _run(command: Sequence[str | Path], directory: Path = ROOT) -> None:
    """Run a command; where it fails the test is skipped, but in CI it fails."""
    ended = subprocess.run(
        command, cwd=directory, capture_output=True, text=True, encoding="utf-8", check=False
    )
    if ended.returncode:
        message = f"an environment could not be made: {ended.stderr[-2000:]}"
        if os.environ.get("CI"):
            pytest.fail(message)
        # Without a registry at hand, everything else can still be tested.
        pytest.skip(message)
