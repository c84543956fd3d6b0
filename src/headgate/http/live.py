"""What happens on the platform, as it happens: one stream of hints for each browser that looks.

A `tick` comes every second, so that silence means trouble, and a `changed` whenever there is
something new to ask for. A stream carries no content of its own: what it hints at is asked for by
the routes that have it, with their checks. It ends by itself after a while, since a stream that
stays open is billed on some platforms for as long as it does, and the browser resumes it: the
event's id is the newest call that it was told of, so nothing is missed in between, whichever
process answers.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator
from typing import Literal

import msgspec

from headgate.core.errors import HeadgateError, InvalidKey
from headgate.core.times import iso
from headgate.http.calls import Call, Reply, StreamReply
from headgate.http.credentials import presented_key, session_token

STREAM_SECONDS = 25.0
TICK_SECONDS = 1.0
RESUME_MILLISECONDS = 300


class Tick(msgspec.Struct, frozen=True, rename="camel"):
    """A moment of the platform.

    `newest` is the id of the newest call of the last day, `activeCalls` how many calls the
    answering process is busy with: of the workspace, where its administrator asks.
    """

    at: str
    newest: str | None
    active_calls: int


class Changed(msgspec.Struct, frozen=True):
    """Something to ask for again: what kind of thing, which one, and the number of the hint."""

    kind: Literal["usage"]
    id: str | None
    seq: int


async def live(call: Call[None]) -> Reply | StreamReply:
    """`GET /v1/live`."""
    if "text/event-stream" not in (call.header(b"accept") or ""):
        return Reply(await _tick(call))
    return StreamReply(_frames(call, call.header(b"last-event-id")))


async def _tick(call: Call[None]) -> Tick:
    services = call.services
    workspace = call.key.looks_within
    newest = await services.watch.newest(workspace)
    return Tick(iso(time.time()), newest, services.activity.calls_of(workspace))


async def _frames(call: Call[None], seen: str | None) -> AsyncGenerator[bytes, None]:
    yield b"retry: %d\n\n" % RESUME_MILLISECONDS
    ends_at = time.monotonic() + STREAM_SECONDS
    for seq in itertools.count(1):
        try:
            await _still_allowed(call)
            tick = await _tick(call)
        except InvalidKey:
            return
        except HeadgateError:
            tick = None  # the store is away for a moment: no tick, and the reader sees the silence
        if tick is not None:
            if tick.newest != seen:
                seen = tick.newest
                yield _event("changed", Changed("usage", seen, seq), seen)
            yield _event("tick", tick, seen)
        if time.monotonic() >= ends_at or call.is_closing():
            return
        await asyncio.sleep(TICK_SECONDS)


async def _still_allowed(call: Call[None]) -> None:
    """Go on only while whoever began the stream might begin it now.

    Raises:
        InvalidKey: the key or the session has ended.
    """
    services, presented = call.services, presented_key(call.headers)
    token = None if presented is not None else session_token(call.headers)
    if token is None:
        await services.keys.authenticate(presented)
    else:
        await services.sessions.authenticate(token)


def _event(name: str, value: msgspec.Struct, event_id: str | None) -> bytes:
    data = msgspec.json.encode(value)
    return b"event: %b\nid: %b\ndata: %b\n\n" % (name.encode(), (event_id or "").encode(), data)
