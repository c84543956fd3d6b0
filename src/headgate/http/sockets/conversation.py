"""What is said over one socket, whatever carries it: takes a caller's messages, gives ours.

Requests are answered side by side, each by a task. What they say waits in one outbox of bounded
size; whoever carries the messages closes the conversation when its caller does not take them.
"""

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from headgate.core.errors import (
    Conflict,
    HeadgateError,
    InvalidKey,
    Overloaded,
    RateLimited,
)
from headgate.core.keys import VirtualKey, hash_api_key
from headgate.http.routes import RouteTable
from headgate.http.services import Services
from headgate.http.sockets.exchange import Exchange
from headgate.http.sockets.messages import (
    Agent,
    Authenticate,
    Cancel,
    Complete,
    Ping,
    Request,
    Subscribe,
    message_of,
    name_of,
    request_id_of,
    told,
    told_of_error,
)
from headgate.http.sockets.outbox import Close, Outbox

MOST_REQUESTS = 256
MOST_WAITING_BYTES = 256 * 1024
AUTHENTICATE_SECONDS = 10.0

UNAUTHENTICATED = 4401
SLOW = 4429
RESTARTING = 1012
TRY_LATER = 1013

_UNKNOWN = InvalidKey("send {action: authenticate, apiKey} first")
_STOPPING = Overloaded("the server is stopping: connect and ask again", retry_after_seconds=1)


@dataclass(slots=True, eq=False)
class _Open:
    """A request under way."""

    exchange: Exchange
    task: asyncio.Task[None] | None = None
    is_cancelled: bool = False


@dataclass(slots=True, eq=False)
class Conversation:
    """One caller's socket, from its first message to its end.

    Whoever carries it calls `hear` with each message in turn, sends what `say` gives until that is
    a `Close`, calls `check` every now and then, and `aclose` in the end.

    Attributes:
        is_closing: whether the server stops, and begins nothing new.
        clock: seconds on a clock that never goes back.
    """

    table: RouteTable
    services: Services
    is_closing: Callable[[], bool]
    clock: Callable[[], float]
    _key_id: str | None = None
    _secret_hash: str | None = None
    _outbox: Outbox = field(default_factory=lambda: Outbox(MOST_WAITING_BYTES))
    _open: dict[str, _Open] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        self._began = self.clock()

    async def authenticate(self, api_key: str | None) -> None:
        """Say whose it is; from then on requests are answered.

        Raises:
            InvalidKey: the key is not good.
            Overloaded: the store did not say.
        """
        key = await self.services.keys.authenticate(api_key)
        if self._key_id not in {None, key.key_id}:
            raise InvalidKey("a socket has one key: connect anew for another")
        self._key_id, self._secret_hash = key.key_id, hash_api_key(api_key or "")
        await self._outbox.put(told("ready", None, keyId=key.key_id))

    async def hear(self, text: str | bytes) -> None:
        """Take a message of the caller's; it is answered in `say`."""
        data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        try:
            message = message_of(data)
        except HeadgateError as error:
            if self._secret_hash is None:
                self._refuse(_UNKNOWN)
            else:
                await self._outbox.put(told_of_error(request_id_of(data), error))
            return
        match message:
            case Authenticate():
                await self._authenticated(message)
            case _ if self._secret_hash is None:
                self._refuse(_UNKNOWN)
            case Ping():
                await self._outbox.put(told("pong", message.request_id))
            case Cancel():
                self._cancel(message.request_id)
            case Complete() | Agent() | Subscribe():
                await self._begin(message, data)

    async def say(self) -> bytes | Close:
        """What is to be sent next."""
        return await self._outbox.get()

    async def check(self) -> None:
        """End it where its key has ended, where it never had one, or where the server stops."""
        if self.is_closing():
            if not any(request.exchange.is_call for request in self._open.values()):
                self.end(Close(RESTARTING, "the server is stopping"), _STOPPING)
        elif self._secret_hash is not None:
            # A store that is away for a moment says nothing about the key.
            with contextlib.suppress(InvalidKey, Overloaded):
                await self._key()
        elif self.clock() - self._began > AUTHENTICATE_SECONDS:
            self._refuse(_UNKNOWN)

    def end(self, close: Close, error: HeadgateError | None = None) -> None:
        """Stop everything that is under way, and tell each request `error` where there is one."""
        still = [] if error is None else [item.exchange for item in self._open.values()]
        self._outbox.close(close, [exchange.refusal(error) for exchange in still])
        for task in self._tasks:
            task.cancel()

    async def aclose(self) -> None:
        """Stop everything, and wait until it has stopped: money is settled then."""
        self.end(Close(1000, ""))
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _authenticated(self, message: Authenticate) -> None:
        try:
            await self.authenticate(message.api_key)
        except InvalidKey as error:
            self._refuse(error)
        except Overloaded as error:
            self._outbox.close(Close(TRY_LATER, "try again"), [told_of_error(None, error)])

    async def _begin(self, request: Request, data: bytes) -> None:
        exchange = Exchange(self.table, self.services, request, data)
        refusal: HeadgateError | None = None
        if self.is_closing():
            refusal = _STOPPING
        elif name_of(request) in self._open:
            refusal = Conflict("a request with this requestId is under way: take another")
        elif len(self._open) >= MOST_REQUESTS:
            refusal = RateLimited(
                f"{MOST_REQUESTS} requests are under way on this socket, its limit",
                retry_after_seconds=1,
            )
        if refusal is not None:
            with self._observed(exchange):
                await self._outbox.put(exchange.refusal(refusal))
            return
        opened = self._open[exchange.request_id] = _Open(exchange)
        opened.task = asyncio.create_task(self._run(opened))
        self._tasks.add(opened.task)
        opened.task.add_done_callback(self._tasks.discard)
        # A task that is cancelled before its first step never takes it.
        await asyncio.sleep(0)

    def _cancel(self, request_id: str) -> None:
        opened = self._open.get(request_id)
        if opened is None or opened.is_cancelled or opened.task is None:
            return  # it has ended, and its end is on the way
        opened.is_cancelled = True
        opened.task.cancel()

    def _observed(self, exchange: Exchange) -> AbstractContextManager[None]:
        return self.services.observer.over(exchange, self._key_id)

    async def _run(self, opened: _Open) -> None:
        """Answer a request; the rim of its task."""
        with self._observed(opened.exchange):
            await self._answer(opened)

    async def _answer(self, opened: _Open) -> None:
        exchange = opened.exchange
        key: VirtualKey | None = None
        try:
            key = await self._key()
            async with contextlib.aclosing(exchange.messages(key)) as messages:
                async for message in messages:
                    await self._outbox.put(message)
                    if exchange.has_ended:
                        self._forget(opened)
        except asyncio.CancelledError:
            if not opened.is_cancelled or self._outbox.is_closed:
                raise
            if key is not None:
                await exchange.give_up(key)
            if self._open.get(exchange.request_id) is opened:
                await self._outbox.put(exchange.cancellation())
        except HeadgateError as error:
            await self._outbox.put(exchange.refusal(error))
        finally:
            self._forget(opened)

    def _forget(self, opened: _Open) -> None:
        """Note that the end of a request has been said; its id may be used again."""
        if self._open.get(opened.exchange.request_id) is opened:
            del self._open[opened.exchange.request_id]

    async def _key(self) -> VirtualKey:
        """The key as it is now.

        Raises:
            InvalidKey: it has ended, and so has the conversation.
            Overloaded: the store did not say.
        """
        try:
            return await self.services.keys.authenticate_hash(self._secret_hash or "")
        except InvalidKey as error:
            self._refuse(error)
            raise

    def _refuse(self, error: InvalidKey) -> None:
        self.end(Close(UNAUTHENTICATED, error.message), error)
