"""What was deployed is asked until it answers, or until nobody would wait any longer."""

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from served import PATIENCE_SECONDS, NotServed, Served

KEY = "sk-proj-admin-0123456789"


class Interface:
    """A server that answers as long as `refusals` are used up."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        interface = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                is_known = self.headers.get("Authorization") == f"Bearer {KEY}"
                status = 401 if self.path == "/prod/v1/models" and not is_known else 200
                if interface.refusals > 0:
                    interface.refusals -= 1
                    status = 503
                body = json.dumps({"status": "ok", "version": "1.2.3"}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/prod/"


@pytest.fixture
def interface() -> Iterator[Interface]:
    made = Interface(refusals=2)
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_an_interface_that_comes_later_is_waited_for(interface: Interface) -> None:
    clock = Clock()
    assert Served(clock.sleep, lambda: clock.now).ask(interface.url, KEY) == "1.2.3"
    assert clock.now > 0


def test_a_key_that_is_not_known_is_a_failure_with_a_place_to_look_at(
    interface: Interface,
) -> None:
    clock = Clock()
    with pytest.raises(NotServed, match=r"401.*/ai-platform/gateway says why"):
        Served(clock.sleep, lambda: clock.now).ask(interface.url, "sk-proj-wrong")
    assert clock.now > PATIENCE_SECONDS


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9/", "no-address/"])
def test_nobody_there_is_a_failure(endpoint: str) -> None:
    clock = Clock()
    with pytest.raises(NotServed):
        Served(clock.sleep, lambda: clock.now).ask(endpoint, KEY)
