"""A PostgreSQL server of the tests' own, on a free port and in a directory of its own."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from free_ports import held_port

START_SECONDS = 60
ADVICE = "PostgreSQL is not installed; on Debian: apt-get install postgresql"
DEBIAN = Path("/usr/lib/postgresql")
# It refuses to run as root; Debian's package makes this user.
SERVICE_USER = "postgres"


@dataclass
class PostgresServer:
    """A server that runs."""

    port: int

    @property
    def url(self) -> str:
        """Its address as HEADGATE_DATABASE_URL."""
        return f"postgresql://{SERVICE_USER}@127.0.0.1:{self.port}/postgres"


@contextmanager
def postgres_running() -> Iterator[PostgresServer]:
    """A server that runs; where none is installed the test is skipped, but in CI it fails."""
    programs = _programs()
    if programs is None:
        if os.environ.get("CI"):
            pytest.fail(ADVICE)
        # A user who is not root cannot have it installed by `make test`.
        pytest.skip(ADVICE)
    user: dict[str, Any] = {"user": SERVICE_USER} if os.getuid() == 0 else {}
    directory = Path(tempfile.mkdtemp(prefix="headgate-postgres-"))
    if user:
        shutil.chown(directory, SERVICE_USER)
    try:
        _initialise(programs, directory / "data", user)
        with held_port() as port:
            process = subprocess.Popen(
                [
                    *(str(programs / "postgres"), "-D", str(directory / "data"), "-p", str(port)),
                    *("-h", "127.0.0.1", "-k", str(directory), "-c", "fsync=off"),
                ],
                cwd=directory,
                stderr=subprocess.DEVNULL,
                **user,
            )
            try:
                _await(process, directory / f".s.PGSQL.{port}")
                yield PostgresServer(port)
            finally:
                process.terminate()
                process.wait()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _programs() -> Path | None:
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    versions = sorted(DEBIAN.glob("*/bin/initdb"))
    return versions[-1].parent if versions else None


def _initialise(programs: Path, data: Path, user: dict[str, Any]) -> None:
    command = [str(programs / "initdb"), "-D", str(data), "-U", SERVICE_USER, "-A", "trust", "-N"]
    subprocess.run(command, cwd=data.parent, stdout=subprocess.DEVNULL, check=True, **user)


def _await(process: subprocess.Popen[bytes], address: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, "PostgreSQL did not start"
        assert time.monotonic() < deadline, "PostgreSQL does not answer"
        with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(address))
            return
        time.sleep(0.05)
