"""A connection to a server that runs elsewhere."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from urllib.parse import urlencode

from headgate.cli.connection import (
    CommandFailed,
    Query,
    Reply,
    content_type_of,
    encode,
    payloads,
    refuse_errors,
)
from headgate.transport.http import HttpBroke, HttpClient, HttpError, HttpTimedOut

IDLE_SECONDS = 600
"""As long as the official clients wait: a reasoning model may be silent for minutes."""


class HttpConnection:
    """Talks to the server at `url`; close it after use."""

    def __init__(self, url: str, api_key: str) -> None:
        # The address that OpenAI's clients are given ends in /v1, and so may this one.
        self._url = url.rstrip("/").removesuffix("/v1")
        self._headers = {
            "authorization": f"Bearer {api_key}",
            "accept": "application/json, text/event-stream",
        }
        self._client = HttpClient(idle_seconds=IDLE_SECONDS)

    async def request(
        self, method: str, path: str, body: object = None, query: Query = ()
    ) -> Reply:
        """The answer, whatever its status."""
        target = f"{self._url}{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            answer = await self._client.send(
                method,
                target,
                headers={**self._headers, "content-type": content_type_of(body)},
                body=encode(body),
            )
        except HttpError as error:
            raise self._failure(error) from None
        return Reply(answer.status, answer.headers, answer.body)

    async def stream(self, method: str, path: str, body: object) -> AsyncGenerator[bytes, None]:
        """The payloads of a stream of server-sent events."""
        sent = encode(body)
        try:
            async with self._client.stream(
                method,
                self._url + path,
                headers={**self._headers, "content-type": content_type_of(body)},
                body=sent,
            ) as answer:
                if answer.status >= 400:
                    refuse_errors(Reply(answer.status, answer.headers, await answer.read()))
                async with aclosing(payloads(answer.chunks())) as data:
                    async for payload in data:
                        yield payload
        except HttpError as error:
            raise self._failure(error) from None

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    def _failure(self, error: HttpError) -> CommandFailed:
        if isinstance(error, HttpTimedOut):
            return CommandFailed(f"{self._url} did not answer in time.")
        if isinstance(error, HttpBroke):
            return CommandFailed(f"{self._url} broke off the connection.")
        return CommandFailed(
            f"{self._url} cannot be reached. Is the server running there? Start one with"
            " `headgate serve`, or unset HEADGATE_URL to use the data directory."
        )
