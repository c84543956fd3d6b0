"""One request of a socket that another service keeps open: made, watched over, and told.

Three tasks: one makes the answer, one looks now and then whether it is still wanted, and one sends
it. What waits between the first and the last is bounded, so a vendor is read no faster than its
answer is taken.
"""

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from headgate.core.errors import (
    InvalidKey,
    Overloaded,
    RequestTooLarge,
    UpstreamTimedOut,
)
from headgate.core.keys import VirtualKey
from headgate.core.sockets import (
    SocketGone,
    SocketOwner,
    SocketPush,
    SocketRequest,
    SocketStore,
)
from headgate.http.sockets.exchange import Exchange
from headgate.http.sockets.pieces import Pieces

MOST_WAITING_BYTES = 256 * 1024
GRACE_SECONDS = 3.0
"""A call to a model ends by itself when its time is over; this is for one that does not."""

_LOG = logging.getLogger(__name__)
_LATE_CALL = UpstreamTimedOut("the answer took longer than it may here, and was stopped")
_LATE_RUN = Overloaded(
    "the time of this subscription is over: subscribe again behind the last event",
    retry_after_seconds=1,
)

Reason: TypeAlias = InvalidKey | UpstreamTimedOut | Overloaded | Literal["cancelled", "gone"]
"""Why a request ends before its answer does."""


@dataclass(slots=True)
class RemoteRequest:
    """A request that was begun; `run` ends it, in exactly one `done` or `error`.

    Attributes:
        ends_at: when it has to be over, on the clock of the event loop.
        watch_seconds: how often is looked whether it is still wanted.
        gather_seconds: how long pieces of a text gather before they are sent as one.
    """

    exchange: Exchange
    place: SocketRequest
    owner: SocketOwner
    key: VirtualKey
    store: SocketStore
    push: SocketPush
    ends_at: float
    watch_seconds: float
    gather_seconds: float
    _pieces: Pieces = field(default_factory=lambda: Pieces(MOST_WAITING_BYTES))
    _is_told: bool = False

    async def run(self) -> None:
        """Answer to the end, whatever that is; money is settled then.

        Raises:
            InvalidKey: the key has ended, which the request was told.
            SocketGone: there is nobody any more.
        """
        making = asyncio.create_task(self._make())
        watching = asyncio.create_task(self._watch())
        telling = asyncio.create_task(self._tell())
        try:
            await asyncio.wait({watching, telling}, return_when=asyncio.FIRST_COMPLETED)
            reason: Reason | None = None
            if not telling.done() and not self._is_told:
                reason = watching.result()
                await self._end(reason, making)
            await telling
            if isinstance(reason, InvalidKey):
                raise reason
        except RequestTooLarge as error:
            await _stopped(making)
            await self._release()
            await self.push.send(self.place.socket_id, self.exchange.refusal(error))
        except Overloaded as error:
            # Half an answer that went on later would be taken for a whole one.
            _LOG.warning("a socket is closed, since its messages are not taken: %s", error)
            await _stopped(making)
            await self._hang_up()
        finally:
            for task in (making, watching, telling):
                task.cancel()
            await asyncio.gather(making, watching, telling, return_exceptions=True)

    async def _make(self) -> None:
        async with contextlib.aclosing(self.exchange.messages(self.key)) as messages:
            async for message in messages:
                await self._pieces.put(message)
        self._pieces.end()

    async def _watch(self) -> Reason:
        """Why it ends early; does not return as long as there is no reason to."""
        loop = asyncio.get_running_loop()
        is_call = self.exchange.is_call
        ends_at = self.ends_at + (GRACE_SECONDS if is_call else 0.0)
        while (left := ends_at - loop.time()) > 0:
            await asyncio.sleep(min(self.watch_seconds, left))
            try:
                await self.exchange.services.keys.authenticate_hash(self.owner.secret_hash)
                standing = await self.store.standing(self.place)
            except InvalidKey as error:
                return error
            except Overloaded:
                continue  # a store that is away for a moment says nothing
            if standing != "wanted":
                return standing
        return _LATE_CALL if is_call else _LATE_RUN

    async def _tell(self) -> None:
        """Send what there is, in order, until all has been sent."""
        while (message := await self._pieces.get()) is not None:
            has_ended = self.exchange.has_ended or self._pieces.has_ended
            if has_ended and self._pieces.is_empty:
                await self._release()
            await self.push.send(self.place.socket_id, message)
            await self._pieces.gather(self.gather_seconds)

    async def _end(self, reason: Reason, making: asyncio.Task[None]) -> None:
        """Stop the answer and say why, unless its end is on the way.

        Raises:
            SocketGone: there is nobody to say it to.
        """
        if reason == "gone":
            raise SocketGone
        if self.exchange.has_ended:
            return
        await _stopped(making)
        if reason == "cancelled":
            await self.exchange.give_up(self.key)
            self._pieces.end([self.exchange.cancellation()])
        else:
            refusal = self.exchange.refusal(reason)
            self._pieces.end([refusal], dropping=isinstance(reason, InvalidKey))

    async def _release(self) -> None:
        """Let its id be used for another, before its end is told."""
        self._is_told = True
        with contextlib.suppress(Overloaded):  # it expires by itself
            await self.store.end(self.place)

    async def _hang_up(self) -> None:
        with contextlib.suppress(Overloaded):
            await self.push.close(self.place.socket_id)
        with contextlib.suppress(Overloaded):
            await self.store.close(self.place.socket_id)


async def _stopped(task: asyncio.Task[None]) -> None:
    """Stop a task, and return when it has stopped."""
    task.cancel()
    await asyncio.wait({task})
