"""Answers that are read as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

import httpx2

from headgate_sdk import errors
from headgate_sdk._async.connection import Connection, failure_of, request_id_of
from headgate_sdk.decoding import decode
from headgate_sdk.events import (
    LAST_RUN_EVENTS,
    Delta,
    Done,
    Frame,
    FrameReader,
    RunEvent,
    StreamEvent,
)
from headgate_sdk.requests import Request, pause_seconds
from headgate_sdk.types import Completion, Run

if TYPE_CHECKING:
    from headgate_sdk._async.agents import Agents


class _Frames:
    """The server-sent events of one response."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self._lines: AsyncIterator[str] = response.aiter_lines()
        self._reader = FrameReader()

    async def next(self) -> Frame | None:
        """The next one; None behind the last.

        Raises:
            APIConnectionError: the connection broke.
        """
        try:
            async for line in self._lines:
                frame = self._reader.read(line)
                if frame is not None:
                    return frame
        except httpx2.TransportError as error:
            raise failure_of(error) from error
        return None


class Stream:
    """A model's answer, piece by piece; `final` gives all of it together.

    It is to be entered, so that leaving early stops the call, and what it costs, at the vendor; but
    not that of a resumable one. Where the connection of such a one breaks, it goes on behind the
    last event that was seen.

    Attributes:
        request_id: the id under which the call stands in the ledger; empty before it has begun.
        seen: the number of the last event that was seen, where the answer is resumable.
    """

    def __init__(
        self,
        connection: Connection,
        begin: Request | None = None,
        *,
        resumable: bool = False,
        request_id: str = "",
        after: int = 0,
    ) -> None:
        self.request_id = request_id
        self.seen = after
        self._connection = connection
        self._begin = begin
        self._resumable = resumable
        self._frames: _Frames | None = None
        self._failures = 0
        self._pieces: list[str] = []
        self._done: Done | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        await self._opened()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> StreamEvent:
        while not self._done and not self._closed:
            event = await self._next()
            if event is not None:
                return event
        raise StopAsyncIteration

    async def final(self) -> Completion:
        """Read to the end; the whole answer, or what came behind the event it was resumed from."""
        async for _ in self:
            pass
        done = self._done
        if done is None:
            raise errors.APIConnectionError("The stream was left before its end.")
        return Completion(
            id=done.id,
            model=done.model,
            provider=done.provider,
            content="".join(self._pieces),
            finish_reason=done.finish_reason,
            tool_calls=done.tool_calls,
            usage=done.usage,
            latency_ms=done.latency_ms,
            request_id=self.request_id,
        )

    async def close(self) -> None:
        """Hang up; the platform then stops the vendor's call, unless it is resumable."""
        self._closed = True
        await self._hang_up()

    async def _next(self) -> StreamEvent | None:
        """The next event; None where the connection has to be made anew."""
        try:
            frames = await self._opened()
            event = self._event(await frames.next())
        except errors.APIConnectionError as error:
            await self._hang_up()
            await self._recover(error)
            return None
        except BaseException:
            await self.close()
            raise
        self._failures = 0
        return event

    async def _recover(self, error: errors.APIConnectionError) -> None:
        self._failures += 1
        # A call whose beginning failed has no name to find it by.
        is_known = self._resumable and self.request_id
        if not is_known or self._failures > self._connection.max_retries:
            await self.close()
            raise error
        await asyncio.sleep(pause_seconds(self._failures, None))

    async def _opened(self) -> _Frames:
        if self._frames is not None:
            return self._frames
        if self._begin is not None and not self.request_id:
            response = await self._connection.open(self._begin)
            self.request_id = request_id_of(response)
        else:
            response = await self._connection.open(_rest(self.request_id, self.seen))
        self._frames = _Frames(response)
        return self._frames

    async def _hang_up(self) -> None:
        frames, self._frames = self._frames, None
        if frames is not None:
            await frames.response.aclose()

    def _event(self, frame: Frame | None) -> StreamEvent:
        if frame is None:
            raise errors.APIConnectionError("The stream broke off before its end.")
        self.seen = int(frame.id or self.seen)
        kind = frame.data["type"]
        if kind == "error":
            raise errors.from_event(frame.data["error"], self.request_id)
        if kind == "delta":
            delta = decode(Delta, frame.data)
            self._pieces.append(delta.content)
            return delta
        self._done = decode(Done, frame.data)
        return self._done


class RunStream:
    """What happens in a run, from its first event to its last.

    Where the connection breaks, it goes on behind the last event that was seen, on any process
    of the platform. Leaving it does not stop the run.

    Attributes:
        run_id: the run; empty until a run that is begun with it has been opened.
    """

    def __init__(
        self,
        agents: Agents,
        connection: Connection,
        *,
        begin: Request | None = None,
        run_id: str = "",
        after: int = 0,
    ) -> None:
        self.run_id = run_id
        self._agents = agents
        self._connection = connection
        self._begin = begin
        self._seen = after
        self._frames: _Frames | None = None
        self._failures = 0
        self._ended = False

    async def __aenter__(self) -> Self:
        await self._opened()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> RunEvent:
        while not self._ended:
            event = await self._next()
            if event is not None:
                return event
        raise StopAsyncIteration

    async def final(self) -> Run:
        """Follow the run to its end; the run with its output."""
        async for _ in self:
            pass
        return await self._agents.get(self.run_id)

    async def close(self) -> None:
        """Stop following; the run goes on."""
        self._ended = True
        await self._hang_up()

    async def _next(self) -> RunEvent | None:
        """The next event; None where the connection has to be made anew, or nothing comes."""
        try:
            frames = await self._opened()
            frame = await frames.next()
        except errors.APIConnectionError as error:
            await self._hang_up()
            await self._recover(error)
            return None
        except BaseException:
            await self.close()
            raise
        if frame is None:
            # The platform ends a stream behind the last event, or because it ends itself.
            await self._hang_up()
            run = await self._agents.get(self.run_id)
            self._ended = run.status in ("succeeded", "failed", "cancelled")
            if not self._ended:
                await self._recover(errors.APIConnectionError("The stream of events broke off."))
            return None
        self._failures = 0
        self._seen = int(frame.id or frame.data["seq"])
        if frame.data["type"] in LAST_RUN_EVENTS:
            await self.close()
        return decode(RunEvent, {**frame.data, "data": frame.data})

    async def _recover(self, error: errors.APIConnectionError) -> None:
        self._failures += 1
        # A run whose beginning failed has no name to find it by.
        if not self.run_id or self._failures > self._connection.max_retries:
            await self.close()
            raise error
        await asyncio.sleep(pause_seconds(self._failures, None))

    async def _opened(self) -> _Frames:
        if self._frames is not None:
            return self._frames
        if self._begin is not None and not self.run_id:
            response = await self._connection.open(self._begin)
            self.run_id = response.headers["x-headgate-run-id"]
        else:
            response = await self._connection.open(_events(self.run_id, self._seen))
        self._frames = _Frames(response)
        return self._frames

    async def _hang_up(self) -> None:
        frames, self._frames = self._frames, None
        if frames is not None:
            await frames.response.aclose()


def _events(run_id: str, seen: int) -> Request:
    path = f"/v1/agents/runs/{quote(run_id, safe='')}/events"
    headers = {"last-event-id": str(seen)}
    return Request(method="GET", path=path, headers=headers, repeatable=True)


def _rest(request_id: str, seen: int) -> Request:
    path = f"/v1/stream/{quote(request_id, safe='')}"
    headers = {"last-event-id": str(seen)}
    return Request(method="GET", path=path, headers=headers, repeatable=True)
