"""Messages to callers whose WebSockets API Gateway keeps open: one signed request for each.

Whether a request that broke off was carried out is not known, and a piece of an answer that came
twice would be taken for a longer answer. So one is sent again only where it is certain that it did
nothing: API Gateway says that it is too much at once, or was not reached.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote

from headgate.core.errors import Overloaded, RequestTooLarge
from headgate.core.sockets import SocketGone
from headgate.transport.http import HttpClient, HttpError, HttpResponse, HttpUnreachable
from headgate.transport.sigv4 import CredentialsSource, Target, sign

MOST_BYTES = 128 * 1024
"""Of one message, by API Gateway's quotas."""
PATIENCE_SECONDS = 10.0
"""Who takes no message for so long is too slow."""
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Connections:
    """`SocketPush` through a stage of a WebSocket API, which `url` names."""

    http: HttpClient
    url: str
    region: str
    credentials: CredentialsSource
    clock: Callable[[], float] = time.time
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def send(self, socket_id: str, message: bytes) -> None:
        """See `SocketPush.send`."""
        if len(message) > MOST_BYTES:
            raise RequestTooLarge(
                f"a message here has at most {MOST_BYTES} bytes, and the next is longer: ask for"
                " this over HTTP"
            )
        status = (await self._patiently("POST", socket_id, message)).status
        if status == 410:
            raise SocketGone
        if status == 413:
            raise RequestTooLarge("API Gateway does not take a message of this length")
        if status != 200:
            raise _refused(status)

    async def close(self, socket_id: str) -> None:
        """See `SocketPush.close`."""
        status = (await self._patiently("DELETE", socket_id, b"")).status
        if status not in (200, 204, 410):
            raise _refused(status)

    async def _patiently(self, method: str, socket_id: str, body: bytes) -> HttpResponse:
        """The answer to a request, sent again as long as it did nothing and there is time.

        Raises:
            Overloaded: there is none.
        """
        seconds, waited = FIRST_PAUSE_SECONDS, 0.0
        while True:
            try:
                answer = await self._once(method, socket_id, body)
                if answer.status != 429:
                    return answer
                reason = "it answered 429"
            except HttpUnreachable as error:
                reason = str(error)
            except HttpError as error:
                raise Overloaded(f"API Gateway did not answer: {error}", may_be_done=True) from None
            if waited >= PATIENCE_SECONDS:
                raise Overloaded(f"API Gateway takes no messages: {reason}")
            await self.pause(seconds)
            waited += seconds
            seconds = min(2 * seconds, LONGEST_PAUSE_SECONDS)

    async def _once(self, method: str, socket_id: str, body: bytes) -> HttpResponse:
        url = f"{self.url}/@connections/{quote(socket_id, safe='')}"
        headers = sign(
            method,
            url,
            headers={"content-type": "application/json"},
            body=body,
            credentials=await self.credentials.current(),
            target=Target(self.region, "execute-api"),
            now=self.clock(),
        )
        return await self.http.send(method, url, headers=headers, body=body)


def _refused(status: int) -> Overloaded:
    """What it says is not repeated: it may quote what was sent."""
    _LOG.error("API Gateway answered %d to a message for a WebSocket", status)
    return Overloaded(
        f"API Gateway answered {status}; this process needs execute-api:ManageConnections",
        may_be_done=status >= 500,
    )
