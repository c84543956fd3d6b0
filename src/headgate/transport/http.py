"""The HTTP client: one pool of connections, whole answers or streams, three ways to fail.

A small interface over pyreqwest, so that nobody else depends on it. Redirects are not followed: a
vendor that redirects would take the credential along.
"""

import asyncio
import datetime as dt
from collections.abc import AsyncGenerator, Callable, Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    BuilderError,
    ClientClosedError,
    PyreqwestError,
    RequestTimeoutError,
)
from pyreqwest.request import RequestBuilder, StreamRequest
from pyreqwest.response import Response

_LET_GO_SECONDS = 0.05

# How the client names the step in which a connection is made. Its classes of errors do not tell:
# silence after sending is a `ConnectTimeoutError` too, a connection lost then a `ConnectError`.
_CONNECTING = "client error (Connect)"


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
            response = await self._request(method, url, headers, body).build().send()
            answer = (await response.bytes()).to_bytes()
        except PyreqwestError as error:
            raise _failure(error) from None
        return HttpResponse(response.status, _headers(response), answer)

    def stream(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes
    ) -> "HttpStream":
        """An answer that is read as it arrives; enter it to send the request."""
        # A compressed stream comes in the blocks of its compressor, not as it was written.
        plain = {**headers, "accept-encoding": "identity"}
        return HttpStream(lambda: self._request(method, url, plain, body))

    def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> RequestBuilder:
        try:
            return self._client.request(method, url).headers(headers).body_bytes(body)
        except ValueError:
            # The error repeats the header's value, which may be a credential.
            raise HttpUnreachable("the address or a header is not fit to be sent") from None

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.close()
        # The client's own thread lets go of its last Python objects a moment later and tells nobody
        # when; an interpreter that ends meanwhile is aborted ("PyGILState_Release").
        await asyncio.sleep(_LET_GO_SECONDS)


class HttpStream:
    """An answer on its way; leaving the context before its end closes the connection."""

    def __init__(self, build: Callable[[], RequestBuilder]) -> None:
        self._build = build
        self._request: StreamRequest | None = None
        self._response: Response | None = None
        self.status = 0
        self.headers: Mapping[str, str] = {}

    async def __aenter__(self) -> Self:
        # With a larger limit the client fills its buffer before it hands over a first byte.
        self._request = self._build().streamed_read_buffer_limit(0).build_streamed()
        try:
            self._response = await self._request.__aenter__()
        except PyreqwestError as error:
            raise _failure(error) from None
        self.status = self._response.status
        self.headers = _headers(self._response)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._request is not None:
            await self._request.__aexit__(kind, error, trace)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
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
            raise _failure(error) from None

    async def read(self) -> bytes:
        """The whole body.

        Raises:
            HttpError: the body ended too early.
        """
        return b"".join([chunk async for chunk in self.chunks()])


def _headers(response: Response) -> Mapping[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _failure(error: PyreqwestError) -> HttpError:
    """The failure in our words and its innermost cause; the others repeat the whole address."""
    details: dict[str, Any] = getattr(error, "details", None) or {}
    causes = [str(cause["message"]) for cause in details.get("causes") or ()]
    reason = f": {causes[-1]}" if causes and "://" not in causes[-1] else ""
    if _CONNECTING in causes or isinstance(error, BuilderError | ClientClosedError):
        return HttpUnreachable(f"no connection could be made{reason}")
    if isinstance(error, RequestTimeoutError):
        return HttpTimedOut(f"the answer took too long{reason}")
    return HttpBroke(f"the connection broke{reason}")
