"""How requests are sent: with the key, again where that may help, and errors by their names."""

import asyncio
from typing import TypeVar

import httpx2

from headgate_sdk import decoding, errors
from headgate_sdk._async.pages import Page
from headgate_sdk.requests import Request, may_pass, pause_seconds

T = TypeVar("T")

CONNECT_SECONDS = 10.0
# Failures of these kinds come before anything was sent.
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


class Connection:
    """Connections to one platform, with one key.

    Attributes:
        max_retries: how often a request is sent again after a failure that may pass.
    """

    def __init__(self, base_url: str, api_key: str, *, timeout: float, max_retries: int) -> None:
        self.max_retries = max_retries
        self._http = httpx2.AsyncClient(
            base_url=base_url,
            headers={"authorization": f"Bearer {api_key}", "user-agent": "headgate-sdk-python"},
            timeout=httpx2.Timeout(timeout, connect=min(CONNECT_SECONDS, timeout)),
            limits=httpx2.Limits(max_connections=None),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def ask(self, kind: type[T], request: Request) -> T:
        """The answer to a request.

        Raises:
            HeadgateError: there is none.
        """
        response = await self._send(request, stream=False)
        answer = response.json()
        # Answers of metered calls tell under which id these stand in the ledger.
        return decoding.decode(kind, {"requestId": request_id_of(response), **answer})

    async def ask_all(self, kind: type[T], request: Request) -> list[T]:
        """The answer to a request for a list that has one page.

        Raises:
            HeadgateError: there is none.
        """
        answer = (await self._send(request, stream=False)).json()
        return decoding.decode(list[kind], answer["data"])  # type: ignore[valid-type]

    async def ask_page(self, kind: type[T], request: Request) -> Page[T]:
        """A page of a list; the next ones are asked for with the same request.

        Raises:
            HeadgateError: there is none.
        """
        answer = (await self._send(request, stream=False)).json()
        data = decoding.decode(list[kind], answer["data"])  # type: ignore[valid-type]
        return Page(self, kind, request, data, answer["nextCursor"])

    async def open(self, request: Request) -> httpx2.Response:
        """A response that is read as it comes, and to be closed by the caller.

        Raises:
            HeadgateError: there is none.
        """
        return await self._send(request, stream=True)

    async def _send(self, request: Request, *, stream: bool) -> httpx2.Response:
        built = self._built(request)
        failures = 0
        while True:
            retry_after: float | None = None
            try:
                response = await self._http.send(built, stream=stream)
                if response.is_success:
                    return response
                await response.aread()
            except httpx2.TransportError as error:
                failure: errors.HeadgateError = failure_of(error)
                again = request.repeatable or isinstance(error, _NOT_SENT)
            else:
                await response.aclose()
                status, headers = response.status_code, response.headers
                refusal = errors.from_answer(status, headers, response.content)
                should_retry = headers.get("x-should-retry")
                again = may_pass(refusal, should_retry, repeatable=request.repeatable)
                failure, retry_after = refusal, refusal.retry_after
            failures += 1
            if not again or failures > self.max_retries:
                raise failure
            await asyncio.sleep(pause_seconds(failures, retry_after))

    def _built(self, request: Request) -> httpx2.Request:
        """Built once: a file's encoding differs each time, and must not under one key."""
        headers = dict(request.headers)
        content: bytes | None = None
        if request.body is not None:
            content = decoding.encode(request.body)
            headers["content-type"] = "application/json"
        return self._http.build_request(
            request.method,
            request.path,
            params=decoding.given(request.query),
            content=content,
            files=list(request.uploads) or None,
            headers=headers,
        )


def request_id_of(response: httpx2.Response) -> str:
    """The id under which the platform knows the call."""
    found: str = response.headers.get("x-request-id", "")
    return found


def failure_of(error: httpx2.TransportError) -> errors.APIConnectionError:
    """A failure of the connection in the SDK's words."""
    if isinstance(error, httpx2.TimeoutException) and not isinstance(error, _NOT_SENT):
        return errors.APITimeoutError("The platform did not answer in time.")
    reason = str(error) or type(error).__name__
    return errors.APIConnectionError(f"No answer from the platform: {reason}.")
