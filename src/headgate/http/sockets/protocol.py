"""uvicorn's WebSocket, where it holds no more than it must and always comes to an end.

A caller who does not read cannot keep memory, nor its socket: what is not taken in time is thrown
away with the connection. A signal lets what is under way end first.
"""

import contextlib
import logging
import socket
from asyncio.transports import BaseTransport
from typing import Any, cast

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from headgate.http.app import CLOSING

SEND_BUFFER_BYTES = 256 * 1024
"""What the kernel keeps of a socket's messages; by itself it takes several megabytes."""
END_SECONDS = 20.0
"""How long a caller has to read the reason of the end."""
QUIET_SECONDS = 0.5
"""A caller that has sent nothing for so long has seen that its message was refused."""

_LOG = logging.getLogger("headgate.sockets")
_LOG.setLevel(logging.WARNING)


class SocketProtocol(WebSocketsSansIOProtocol):
    """A WebSocket with bounded buffers and a certain end."""

    _ends_at = 0.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As uvicorn makes it, but silent: a handshake's address may hold what nobody may log."""
        super().__init__(*args, **kwargs)
        self.logger = self.conn.logger = _LOG

    def connection_made(self, transport: BaseTransport) -> None:
        """Bound what the kernel keeps."""
        super().connection_made(transport)
        plain = transport.get_extra_info("socket")
        if plain is not None:
            with contextlib.suppress(OSError):  # the caller may be gone already
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)

    def data_received(self, data: bytes) -> None:
        """Take what comes; what comes after a message that was refused is dropped."""
        if self.conn.parser_exc is None:
            super().data_received(data)
        else:
            self._end_when_quiet()

    def shutdown(self) -> None:
        """Begin to stop: the application sees it, and closes once nothing is under way."""
        if self.handshake_complete and not self.close_sent:
            cast("dict[str, Any]", self.scope)[CLOSING] = True
        else:
            super().shutdown()

    async def send(self, message: ASGISendEvent) -> None:
        """Send; a close does not wait behind what the caller does not read.

        Raises:
            ClientDisconnected: the caller is gone, or this end has given it up.
        """
        is_close = message["type"] == "websocket.close" and self.handshake_complete
        if is_close:
            self.writable.set()
        await self.writable.wait()
        if self.handshake_complete and self.close_sent:
            # uvicorn would take what comes behind a close of its own for a fault.
            raise ClientDisconnected
        await super().send(message)
        if is_close:
            self._end_soon()
        elif message["type"] == "websocket.http.response.body":
            self.handshake_complete = True  # it was refused; uvicorn would call that a fault

    def keepalive_timeout(self) -> None:
        """End a socket whose caller gives no sign."""
        super().keepalive_timeout()
        self._end_soon()

    def handle_parser_exception(self) -> None:
        """Refuse what is no message, or too long a one.

        The socket stays for a moment: a connection that is closed while its caller still sends is
        reset, and the reason is lost.
        """
        sent = self.conn.close_sent
        code, reason = (1002, "") if sent is None else (sent.code, sent.reason)
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self._ends_at = self.loop.time() + END_SECONDS
        self._end_when_quiet()

    def _end_when_quiet(self) -> None:
        """End the connection once its caller has stopped sending."""
        self._end_soon(min(QUIET_SECONDS, max(0.0, self._ends_at - self.loop.time())))

    def _end_soon(self, seconds: float = END_SECONDS) -> None:
        """End the connection in a while, whether or not its caller has read everything."""
        if self.disconnected:
            return
        if self.close_timer is not None:
            self.close_timer.cancel()
        self.close_timer = self.loop.call_later(seconds, self.transport.abort)
