"""Hands requests on and counts them, so that a test sees how often a client really asked.

Answers are handed on whole, heads included: it is for errors, not for streams.
"""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ATTEMPTS = "/_attempts"
# They are about one connection, or the relay counts them itself.
_OF_THE_CONNECTION = {"connection", "content-length", "host", "transfer-encoding"}


@contextmanager
def relaying(target: str) -> Iterator[str]:
    """A relay to `target` on a free port; gives its address.

    `GET /_attempts` tells the paths that were asked for since it was last told.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(target))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(target: str) -> type[BaseHTTPRequestHandler]:
    attempts: list[str] = []
    # Without a handler for proxies: this never leaves the machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told, attempts[:] = list(attempts), []
            self._answer(200, {"content-type": "application/json"}, json.dumps(told).encode())

        def do_POST(self) -> None:
            attempts.append(self.path)
            body = self.rfile.read(int(self.headers["content-length"]))
            request = urllib.request.Request(
                target + self.path, body, _handed_on(self.headers), method="POST"
            )
            try:
                with opener.open(request, timeout=60) as answer:
                    self._answer(answer.status, _handed_on(answer.headers), answer.read())
            except urllib.error.HTTPError as refusal:
                with refusal:
                    self._answer(refusal.code, _handed_on(refusal.headers), refusal.read())

        def log_message(self, *_: Any) -> None:
            """Say nothing: the test's output is the client's."""

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def _handed_on(headers: Any) -> dict[str, str]:
    return {
        name: value for name, value in headers.items() if name.lower() not in _OF_THE_CONNECTION
    }
