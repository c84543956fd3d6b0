"""Requests to hosts that callers name: `core.fetching` over the HTTP client."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

from headgate.core.errors import InvalidRequest, UpstreamFailed, UpstreamTimedOut
from headgate.core.fetching import Fetched
from headgate.transport.http import (
    HttpClient,
    HttpError,
    HttpForbidden,
    HttpTimedOut,
)


@dataclass(frozen=True, slots=True)
class HttpFetcher:
    """`Fetcher` over a client that looks names up with `public_addresses`."""

    client: HttpClient

    async def fetch(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, most_bytes: int
    ) -> Fetched:
        """See `Fetcher.fetch`."""
        try:
            return await self._fetch(method, url, headers, body, most_bytes)
        except HttpForbidden as error:
            raise InvalidRequest(
                f"this address must not be reached: {error}", param="url"
            ) from None
        except HttpTimedOut:
            raise UpstreamTimedOut("the other host was silent for too long") from None
        except HttpError as error:
            raise UpstreamFailed(f"the other host gave no answer: {error}") from None

    async def _fetch(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, most_bytes: int
    ) -> Fetched:
        pieces: list[bytes] = []
        size = 0
        # Whoever stops in the middle closes the connection, so no more of it comes.
        async with (
            self.client.stream(method, url, headers=headers, body=body) as answer,
            contextlib.aclosing(answer.chunks()) as chunks,
        ):
            async for piece in chunks:
                pieces.append(piece)
                size += len(piece)
                if size > most_bytes:
                    break
            return Fetched(
                status=answer.status,
                headers=dict(answer.headers),
                body=b"".join(pieces)[:most_bytes],
                is_whole=size <= most_bytes,
            )
