"""A Redis server of the tests' own, on a free port and without a file."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from free_ports import HeldPort

START_SECONDS = 30
ADVICE = "redis-server is not installed; on Debian: apt-get install redis-server"


class RedisServer:
    """A server that can be stopped and started again, always at the same address, always empty."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._held = HeldPort()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """Where it listens, and nobody else while it is stopped."""
        return self._held.number

    @property
    def url(self) -> str:
        """Its address as HEADGATE_REDIS_URL."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(
            [
                *(self._program, "--port", str(self.port), "--bind", "127.0.0.1"),
                *("--save", "", "--appendonly", "no", "--daemonize", "no"),
            ],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, "redis-server did not start"
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.01)

    def stop(self) -> None:
        """Let it die on the spot, and all it knows with it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Stop it for good."""
        self.stop()
        self._held.release()

    @property
    def is_running(self) -> bool:
        """Whether it was started and not stopped."""
        return self._process is not None

    def pause(self) -> None:
        """Let it hang: it takes connections and answers nothing."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End the pause."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def empty(self) -> None:
        """Let it forget everything, scripts included."""
        for command in (b"FLUSHALL", b"SCRIPT FLUSH"):
            assert self._said(command) == b"+OK\r\n"

    def _answers(self) -> bool:
        try:
            return self._said(b"PING") == b"+PONG\r\n"
        except OSError:
            return False

    def _said(self, command: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(command + b"\r\n")
            return connection.recv(64)


@contextmanager
def redis_running() -> Iterator[RedisServer]:
    """A server that runs; where none is installed the test is skipped, but in CI it fails."""
    program = shutil.which("redis-server")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail(ADVICE)
        # A user who is not root cannot have it installed by `make test`.
        pytest.skip(ADVICE)
    server = RedisServer(program)
    try:
        server.start()
        yield server
    finally:
        server.close()
