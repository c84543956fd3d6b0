"""The HTTP client: one pool of connections, whole answers or streams, three ways to fail.

A small interface over pyreqwest, so that nobody else depends on it. Redirects are not followed: a
vendor that redirects would take the credential along.
"""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import NamedTuple, Self

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import ConnectError, PyreqwestError, RequestTimeoutError
from pyreqwest.request import StreamRequest
from pyreqwest.response import Response

_LET_GO_SECONDS = 0.05


class HttpError(Exception):
    """No whole answer came."""


class HttpUnreachable(HttpError):
    """No connection was made, so the other side has seen nothing."""


class HttpTimedOut(HttpError):
    """The other side was silent for too long."""


class HttpBroke(HttpError):
    """The connection broke in the middle."""


class HttpResponse(NamedTuple):
    """A whole answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpClient:
    """Sends requests over pooled connections.

    `idle_seconds` bounds the wait for the answer's head and for each piece of its body.
    """

    def __init__(self, *, connect_seconds: float = 10, idle_seconds: float = 60) -> None:
        self._client: Client = (
            ClientBuilder()
            .connect_timeout(dt.timedelta(seconds=connect_seconds))
            .read_timeout(dt.timedelta(seconds=idle_seconds))
            .follow_redirects(enable=False)
            .referer(enable=False)
            .user_agent("headgate")
            .build()
        )

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> HttpResponse:
        """The whole answer to a request, whatever its status.

        Raises:
            HttpError: there is no whole answer.
        """
        try:
            request = self._client.request(method, url).headers(headers).body_bytes(body)
            response = await request.build().send()
            answer = (await response.bytes()).to_bytes()
        except PyreqwestError as error:
            raise _failure(error) from error
        return HttpResponse(response.status, _headers(response), answer)

    def stream(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes
    ) -> "HttpStream":
        """An answer that is read as it arrives; enter it to send the request."""
        request = self._client.request(method, url).headers(headers).body_bytes(body)
        # With a larger limit the client fills its buffer before it hands over a first byte.
        return HttpStream(request.streamed_read_buffer_limit(0).build_streamed())

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.close()
        # The client's own thread lets go of its last Python objects a moment later and tells nobody
        # when; an interpreter that ends meanwhile is aborted ("PyGILState_Release").
        await asyncio.sleep(_LET_GO_SECONDS)


class HttpStream:
    """An answer on its way; leaving the context before its end closes the connection."""

    def __init__(self, request: StreamRequest) -> None:
        self._request = request
        self._response: Response | None = None
        self.status = 0
        self.headers: Mapping[str, str] = {}

    async def __aenter__(self) -> Self:
        try:
            self._response = await self._request.__aenter__()
        except PyreqwestError as error:
            raise _failure(error) from error
        self.status = self._response.status
        self.headers = _headers(self._response)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._request.__aexit__(kind, error, trace)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body's pieces as they arrive.

        Raises:
            HttpError: the body ended too early.
        """
        if self._response is None:
            raise RuntimeError("a stream is read inside its context")
        reader = self._response.body_reader
        try:
            while (chunk := await reader.read_chunk()) is not None:
                yield chunk.to_bytes()
        except PyreqwestError as error:
            raise _failure(error) from error

    async def read(self) -> bytes:
        """The whole body.

        Raises:
            HttpError: the body ended too early.
        """
        return b"".join([chunk async for chunk in self.chunks()])


def _headers(response: Response) -> Mapping[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _failure(error: PyreqwestError) -> HttpError:
    if isinstance(error, ConnectError):
        return HttpUnreachable("no connection could be made")
    if isinstance(error, RequestTimeoutError):
        return HttpTimedOut("the answer took too long")
    return HttpBroke("the connection broke")
