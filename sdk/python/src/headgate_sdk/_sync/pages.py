# Written by write_sync.py from _async/pages.py: change that, and write this anew.
"""Lists, page by page."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

from headgate_sdk.requests import Request

if TYPE_CHECKING:
    from headgate_sdk._sync.connection import Connection

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

    def next_page(self) -> Page[T] | None:
        """The page after this one; None behind the last."""
        if self.next_cursor is None:
            return None
        query = {**self._request.query, "cursor": self.next_cursor}
        following = dataclasses.replace(self._request, query=query)
        return self._connection.ask_page(self._kind, following)

    def __iter__(self) -> Iterator[T]:
        page: Page[T] | None = self
        while page is not None:
            for item in page.data:
                yield item
            page = page.next_page()
