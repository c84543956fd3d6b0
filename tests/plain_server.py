"""A small application on our server: `python plain_server.py WORKERS [broken] [patient]`.

It answers `GET /slow` only after a line has come on standard input, and a POST with its body, which
may be silent for BODY_SECONDS, or as long as it takes.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from headgate.http import app as app_module
from headgate.http import server

BODY_SECONDS = 0.5

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Answers `plain`, and says on standard output when it waits."""
    if scope["type"] == "lifespan":
        await receive()
        scope["state"][app_module.BODY_SECONDS] = 3600.0 if "patient" in sys.argv else BODY_SECONDS
        kind = "failed" if "broken" in sys.argv else "complete"
        await send({"type": f"lifespan.startup.{kind}"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["method"] == "POST":
        await send_back(receive, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == "/slow":
        print("waiting", flush=True)  # noqa: T201 - the test reads it
        await asyncio.to_thread(sys.stdin.readline)
    await send({"type": "http.response.body", "body": b"plain"})


async def send_back(receive: Receive, send: Send) -> None:
    """Answers with the body, or notes on standard output that its sender has gone."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            print("left", flush=True)  # noqa: T201 - the test reads it
            return
        body += message["body"]
        if not message["more_body"]:
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def create() -> Any:
    """The factory that the server imports."""
    return app


def main() -> int:
    """Serve on a free port until a signal comes."""
    listener = server.listen("127.0.0.1", 0)
    url = server.address(listener)
    config = server.server_config("plain_server:create", workers=int(sys.argv[1]))
    try:
        server.run(config, listener, ready=lambda: print(url, flush=True))  # noqa: T201 - the same
    except server.ServerFailed as error:
        print(error, flush=True)  # noqa: T201 - the same
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
