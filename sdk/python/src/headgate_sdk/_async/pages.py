"""Lists, page by page."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Generic, TypeVar

from headgate_sdk.requests import Request

if TYPE_CHECKING:
    from headgate_sdk._async.connection import Connection

T = TypeVar("T")


class Page(Generic[T]):
    """A page of a list, newest first. Going through it goes on through all pages after it.

    Attributes:
        data: what stands on this page.
        next_cursor: where the next page begins; None on the last one.
    """

    def __init__(
        self,
        connection: Connection,
        kind: type[T],
        request: Request,
        data: list[T],
        next_cursor: str | None,
    ) -> None:
        self.data = data
        self.next_cursor = next_cursor
        self._connection = connection
        self._kind = kind
        self._request = request

    async def next_page(self) -> Page[T] | None:
        """The page after this one; None behind the last."""
        if self.next_cursor is None:
            return None
        query = {**self._request.query, "cursor": self.next_cursor}
        following = dataclasses.replace(self._request, query=query)
        return await self._connection.ask_page(self._kind, following)

    async def __aiter__(self) -> AsyncIterator[T]:
        page: Page[T] | None = self
        while page is not None:
            for item in page.data:
                yield item
            page = await page.next_page()
