"""Over real sockets and processes, because signals and bad bytes are what this is about."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from headgate.http.server import MAX_HEAD_BYTES, ServerFailed, address, listen

TESTS = Path(__file__).parents[2]
PATIENCE_SECONDS = 120
GET = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"


class Running(NamedTuple):
    process: subprocess.Popen[str]
    first_line: str

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def connect(self) -> socket.socket:
        address = urlsplit(self.first_line)
        assert address.port is not None
        return socket.create_connection(("127.0.0.1", address.port), timeout=PATIENCE_SECONDS)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)


@contextmanager
def running(workers: int = 1, *options: str) -> Iterator[Running]:
    paths = filter(None, [str(TESTS), os.environ.get("PYTHONPATH")])
    process = subprocess.Popen(
        [sys.executable, str(TESTS / "plain_server.py"), str(workers), *options],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            yield Running(process, process.stdout.readline().strip())
        finally:
            process.kill()


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running() as found:
        yield found


def answer(server: Running, sent: bytes) -> bytes:
    """All that comes back before the server closes the connection."""
    with server.connect() as connection:
        connection.sendall(sent)
        return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    received = b""
    while data := connection.recv(65_536):
        received += data
    return received


def parts(raw: bytes) -> tuple[int, dict[str, str], Any]:
    head, _, body = raw.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(status.split()[1]), headers, json.loads(body)


def test_a_request_is_answered_without_naming_the_server(server: Running) -> None:
    raw = answer(server, GET)
    assert raw.startswith(b"HTTP/1.1 200")
    assert raw.endswith(b"plain\r\n0\r\n\r\n")
    assert b"date: " in raw
    assert b"server: " not in raw


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
    ],
)
def test_what_is_no_request_gets_the_error_shape_and_a_request_id(
    server: Running, sent: bytes
) -> None:
    status, headers, body = parts(answer(server, sent))
    assert status == 400
    assert headers["content-type"] == "application/json"
    assert headers["x-request-id"].startswith("req_")
    error = body["error"]
    assert (error["code"], error["type"]) == ("invalid_request", "invalid_request_error")


def test_a_head_without_an_end_is_refused_before_it_fills_the_memory(server: Running) -> None:
    with server.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nx: ")
        # As much as is read is let through, so that nothing unread turns the close into a reset.
        connection.sendall(b"x" * (MAX_HEAD_BYTES - 10))
        status, headers, body = parts(read_all(connection))
    assert (status, body["error"]["code"]) == (431, "request_too_large")
    assert headers["connection"] == "close"


POST = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 4\r\n\r\n"


@pytest.mark.parametrize("begun", [b"", b"ab"])
def test_a_body_that_does_not_come_is_refused_and_nothing_is_done(begun: bytes) -> None:
    with running() as server, server.connect() as connection:
        connection.sendall(POST + begun)
        status, headers, body = parts(read_all(connection))
        assert (status, body["error"]["code"]) == (400, "invalid_request")
        assert "Content-Length" in body["error"]["message"]
        assert headers["connection"] == "close"
        assert server.line() == "left"


def test_a_body_that_comes_in_pieces_is_taken() -> None:
    with running(1, "patient") as server, server.connect() as connection:
        for piece in (POST[:20], POST[20:], b"ab", b"cd"):
            connection.sendall(piece)
        assert b"abcd" in read_all(connection)


def test_an_answer_that_takes_longer_than_a_body_may_is_given(server: Running) -> None:
    with server.connect() as connection:
        connection.sendall(GET.replace(b"/ ", b"/slow ", 1))
        assert server.line() == "waiting"
        with server.connect() as other:
            other.sendall(POST)
            assert read_all(other).startswith(b"HTTP/1.1 400")
        assert server.line() == "left"
        assert server.process.stdin is not None
        server.process.stdin.write("go on\n")
        server.process.stdin.flush()
        assert b"plain" in read_all(connection)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_signal_ends_it_in_good_order(workers: int, number: signal.Signals) -> None:
    with running(workers) as server:
        assert answer(server, GET).startswith(b"HTTP/1.1 200")
        assert server.stop(number) == 0


def test_a_request_that_has_begun_is_answered_before_the_end() -> None:
    with running() as server, server.connect() as connection:
        connection.sendall(GET.replace(b"/ ", b"/slow ", 1))
        assert server.line() == "waiting"
        server.process.send_signal(signal.SIGTERM)
        assert server.process.stdin is not None
        server.process.stdin.write("go on\n")
        server.process.stdin.flush()
        assert b"plain" in read_all(connection)
        assert server.process.wait(PATIENCE_SECONDS) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_an_application_that_does_not_start_is_exit_code_1(workers: int) -> None:
    with running(workers, "broken") as server:
        assert "could not start" in server.first_line
        assert server.process.wait(PATIENCE_SECONDS) == 1


def test_a_port_in_use_is_one_plain_sentence() -> None:
    with (
        listen("127.0.0.1", 0) as taken,
        pytest.raises(
            ServerFailed, match=r"^Cannot listen on 127\.0\.0\.1 port \d+: [\w ]+\. Choose another"
        ),
    ):
        listen("127.0.0.1", taken.getsockname()[1])


def test_an_address_that_is_not_this_machine_s_is_one_plain_sentence() -> None:
    with pytest.raises(ServerFailed, match="Cannot listen on no such host"):
        listen("no such host", 0)


def test_the_address_is_one_that_can_be_reached() -> None:
    with listen("0.0.0.0", 0) as listener:
        assert address(listener).startswith("http://127.0.0.1:")
