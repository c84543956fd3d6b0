"""Sockets that others keep open: what is known of them, and the ports to reach them.

A service in front of the platform holds the caller's connection and hands each message over by
itself, to whichever process is free. So what a conversation remembers lies in a store: whose a
socket is, and which of its requests are under way. Whoever answers a request looks there whether it
is still wanted.
"""

from typing import Literal, Protocol, TypeAlias

import msgspec

Standing: TypeAlias = Literal["wanted", "cancelled", "gone"]
"""Of a request: its caller cancelled it, or it is known no more, since its socket has ended."""


class SocketOwner(msgspec.Struct, frozen=True):
    """Whose a socket is: a key, and the hash of the secret that was presented."""

    key_id: str
    secret_hash: str


class SocketRequest(msgspec.Struct, frozen=True):
    """A request on a socket.

    Attributes:
        request_id: the caller's id of it.
        call_id: ours, by which one answer of it is told from a later one under the same id.
        at: when its message arrived, in Unix milliseconds, as whoever holds the connection says.
    """

    socket_id: str
    request_id: str
    call_id: str
    at: int


class SocketGone(Exception):
    """There is nobody at the other end of a socket."""


class SocketStore(Protocol):
    """What is known of sockets, shared by all processes.

    Every method may raise `Overloaded` when the store is away. What no `close` has removed expires
    by itself, some time after a connection can last.
    """

    async def open(self, socket_id: str, owner: SocketOwner | None) -> None:
        """Note a socket; without an owner, nobody has said yet whose it is."""
        ...

    async def claim(self, socket_id: str, owner: SocketOwner) -> bool:
        """Say whose a socket is; False where it is another key's, or not known."""
        ...

    async def owner(self, socket_id: str) -> SocketOwner | None:
        """Whose a socket is, where that was said.

        Raises:
            SocketGone: the socket is not known.
        """
        ...

    async def begin(self, request: SocketRequest) -> bool:
        """Note a request as under way; False where one with its id is.

        Raises:
            SocketGone: the socket has ended.
        """
        ...

    async def standing(self, request: SocketRequest) -> Standing:
        """How a request that was begun stands now."""
        ...

    async def cancel(self, socket_id: str, request_id: str, at: int) -> None:
        """Note that the request with this id is not wanted, if its message came before `at`.

        It may be begun later than this: messages overtake each other on the way here.
        """
        ...

    async def end(self, request: SocketRequest) -> None:
        """Forget a request that has been answered."""
        ...

    async def close(self, socket_id: str) -> None:
        """Forget a socket and all that is under way on it; safe to call again."""
        ...


class SocketPush(Protocol):
    """The way to a caller, through whoever holds the connection."""

    async def send(self, socket_id: str, message: bytes) -> None:
        """Send one message; those of one sender arrive in their order.

        Raises:
            SocketGone: there is nobody any more.
            RequestTooLarge: the message is longer than one can be.
            Overloaded: it is not taken; whether it arrived is not known.
        """
        ...

    async def close(self, socket_id: str) -> None:
        """Close the connection, where there is one.

        Raises:
            Overloaded: nobody answers.
        """
        ...
