"""The life of an application that no server runs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from headgate.core.errors import Overloaded
from headgate.http.app import App


@contextlib.asynccontextmanager
async def running(app: App) -> AsyncIterator[None]:
    """Begin and end an application as a server would.

    Raises:
        Overloaded: it cannot begin.
    """
    to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    from_app: asyncio.Queue[Any] = asyncio.Queue()
    task = asyncio.create_task(app({"type": "lifespan"}, to_app.get, from_app.put))
    await to_app.put({"type": "lifespan.startup"})
    said = await from_app.get()
    if said["type"] != "lifespan.startup.complete":
        await task
        raise Overloaded(said.get("message", "the platform could not start"))
    try:
        yield
    finally:
        await to_app.put({"type": "lifespan.shutdown"})
        await task
