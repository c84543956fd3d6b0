"""Answers that their callers may come back to: begun with `resumable`, gone on with by their id."""

from typing import Any

from headgate.http.calls import Call, StreamReply
from headgate.http.streams import PING

HEADER = b"x-headgate-resumable"


async def resumable(call: Call[Any], reply: StreamReply, *, wanted: bool = False) -> StreamReply:
    """A reply as it is or, where its caller wants that, one that goes on without its reader."""
    if not wanted and call.header(HEADER) != "true":
        return reply
    frames = await call.services.kept_streams.begin(
        call.request_id,
        call.key.key_id,
        reply.frames,
        quiet_seconds=call.services.heartbeat_seconds,
        quiet=PING,
    )
    return StreamReply(frames, [*reply.headers, (HEADER, b"true")])


async def resume_stream(call: Call[None]) -> StreamReply:
    """`GET /v1/stream/{requestId}`."""
    frames = await call.services.kept_streams.resume(
        call.params["requestId"],
        call.key.key_id,
        call.last_event_id() or 0,
        quiet_seconds=call.services.heartbeat_seconds,
        quiet=PING,
    )
    return StreamReply(frames, [(HEADER, b"true")])
