"""Sockets that another service keeps open, and whose messages it hands over one by one.

Each message comes to whichever process is free, so nothing here remembers anything: whose a socket
is and what is under way on it lie in a store. Messages that were sent one after the other are
handed over side by side; where that matters, the later one waits a little for the earlier, or says
when it was sent.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from headgate.core.errors import Conflict, HeadgateError, InvalidKey, Overloaded
from headgate.core.keys import VirtualKey, hash_api_key
from headgate.core.sockets import (
    SocketGone,
    SocketOwner,
    SocketPush,
    SocketRequest,
    SocketStore,
)
from headgate.http.credentials import presented_key
from headgate.http.routes import RouteTable
from headgate.http.services import Services
from headgate.http.sockets.exchange import Exchange
from headgate.http.sockets.messages import (
    Authenticate,
    Cancel,
    Message,
    Ping,
    Request,
    message_of,
    request_id_of,
    told,
    told_of_error,
)
from headgate.http.sockets.remote_request import RemoteRequest

OVERTAKEN_SECONDS = 2.0
"""How long a message waits for the key that was sent before it."""
OPENING_SECONDS = 3.0
"""How long it may take from the word that a connection is welcome until it takes messages."""
PAUSE_SECONDS = 0.1
WATCH_SECONDS = 0.4
"""With the time for which a key's state counts as fresh, less than a second."""
GATHER_SECONDS = 0.12
"""How long pieces of a text gather before they are sent as one."""

_UNKNOWN = InvalidKey("send {action: authenticate, apiKey} first")
_OTHER = InvalidKey("a socket has one key: connect anew for another")


class Frame(NamedTuple):
    """A message of a caller's.

    Attributes:
        at: when it arrived, in Unix milliseconds.
        ends_at: when whoever answers it has to be done, on the clock of the event loop.
    """

    socket_id: str
    text: bytes
    at: int
    ends_at: float


@dataclass(frozen=True, slots=True)
class RemoteSockets:
    """Answers what comes over such sockets, by the rows of the route table."""

    table: RouteTable
    services: Services
    store: SocketStore
    push: SocketPush
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    watch_seconds: float = WATCH_SECONDS
    gather_seconds: float = GATHER_SECONDS

    async def connect(self, socket_id: str, headers: Mapping[bytes, bytes]) -> SocketOwner | None:
        """Note a socket before it opens; its owner, where a header says who that is.

        Raises:
            InvalidKey: the key in its headers is not good.
            Overloaded: a store is away.
        """
        presented = presented_key(headers)
        owner = None
        if presented is not None:
            key = await self.services.keys.authenticate(presented)
            owner = SocketOwner(key.key_id, hash_api_key(presented))
        await self.store.open(socket_id, owner)
        return owner

    async def welcome(self, socket_id: str, owner: SocketOwner) -> None:
        """Tell a caller whose header was good that requests are answered, once it can be told."""
        waited = 0.0
        while True:
            try:
                await self.push.send(socket_id, _ready(owner))
            except SocketGone:
                if waited >= OPENING_SECONDS:
                    await self.store.close(socket_id)
                    return
            else:
                return
            await self.pause(PAUSE_SECONDS)
            waited += PAUSE_SECONDS

    async def disconnect(self, socket_id: str) -> None:
        """Forget a socket; who answers something on it stops within a second."""
        await self.store.close(socket_id)

    async def hear(self, frame: Frame) -> None:
        """Answer one message, however long that takes.

        Raises:
            Overloaded: nothing can be told.
        """
        try:
            message = message_of(frame.text)
        except HeadgateError as error:
            await self._hear(frame, error)
        else:
            await self._hear(frame, message)

    async def _hear(self, frame: Frame, message: Message | HeadgateError) -> None:
        socket_id = frame.socket_id
        try:
            if isinstance(message, Authenticate):
                await self._authenticate(socket_id, message)
            else:
                await self._answer(frame, message)
        except InvalidKey as error:
            await self._refuse(socket_id, error)
        except SocketGone:
            await self.store.close(socket_id)
        except Overloaded as error:
            # Of a store. Where it is the way to the caller, this fails as well.
            told_about = request_id_of(frame.text)
            with contextlib.suppress(SocketGone):
                await self.push.send(socket_id, told_of_error(told_about, error))

    async def _authenticate(self, socket_id: str, message: Authenticate) -> None:
        key = await self.services.keys.authenticate(message.api_key)
        owner = SocketOwner(key.key_id, hash_api_key(message.api_key))
        if not await self.store.claim(socket_id, owner):
            raise _OTHER
        await self.push.send(socket_id, _ready(owner))

    async def _answer(self, frame: Frame, message: Message | HeadgateError) -> None:
        """Answer what only an owner may say.

        Raises:
            InvalidKey: nobody has said whose the socket is, or the key has ended.
            SocketGone, Overloaded: the store says so, or whoever holds the connection.
        """
        owner = await self._owner(frame.socket_id)
        key = await self.services.keys.authenticate_hash(owner.secret_hash)
        match message:
            case HeadgateError():
                error = told_of_error(request_id_of(frame.text), message)
                await self.push.send(frame.socket_id, error)
            case Ping():
                await self.push.send(frame.socket_id, told("pong", message.request_id))
            case Cancel():
                await self.store.cancel(frame.socket_id, message.request_id, frame.at)
            case Authenticate():
                raise TypeError("it says whose the socket is, and is no request of its owner's")
            case _:
                await self._begin(frame, message, owner, key)

    async def _begin(
        self, frame: Frame, request: Request, owner: SocketOwner, key: VirtualKey
    ) -> None:
        exchange = Exchange(self.table, self.services, request, frame.text, ends_at=frame.ends_at)
        with self.services.observer.over(exchange, key.key_id):
            await self._run(frame, exchange, owner, key)

    async def _run(
        self, frame: Frame, exchange: Exchange, owner: SocketOwner, key: VirtualKey
    ) -> None:
        place = SocketRequest(frame.socket_id, exchange.request_id, exchange.call_id, frame.at)
        if not await self.store.begin(place):
            refusal = Conflict("a request with this requestId is under way: take another")
            await self.push.send(frame.socket_id, exchange.refusal(refusal))
            return
        answering = RemoteRequest(
            exchange=exchange,
            place=place,
            owner=owner,
            key=key,
            store=self.store,
            push=self.push,
            ends_at=frame.ends_at,
            watch_seconds=self.watch_seconds,
            gather_seconds=self.gather_seconds,
        )
        await answering.run()

    async def _owner(self, socket_id: str) -> SocketOwner:
        """Whose a socket is; waits for a key that was sent before and comes later.

        Raises:
            InvalidKey: nobody has said it in time.
            SocketGone: the socket has ended.
        """
        waited = 0.0
        while (owner := await self.store.owner(socket_id)) is None:
            if waited >= OVERTAKEN_SECONDS:
                raise _UNKNOWN
            await self.pause(PAUSE_SECONDS)
            waited += PAUSE_SECONDS
        return owner

    async def _refuse(self, socket_id: str, error: InvalidKey) -> None:
        """End a socket that has no good key; what is under way on it stops."""
        await self.store.close(socket_id)
        with contextlib.suppress(SocketGone):
            await self.push.send(socket_id, told_of_error(None, error))
            await self.push.close(socket_id)


def _ready(owner: SocketOwner) -> bytes:
    return told("ready", None, keyId=owner.key_id)
