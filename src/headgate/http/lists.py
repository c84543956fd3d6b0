"""Lists of which one page is asked for at a time, newest first or by their ids.

A cursor is the id of the last item that was seen, and a check that tells it from anything else. So
a wrong one is refused instead of answered with an empty page, while the right one leads on even
where its item is gone by now. The dispatcher reads cursors: a handler has the id alone.
"""

import hashlib
from typing import Annotated, Any, TypeAlias

import msgspec

from headgate.core.errors import InvalidRequest

PageSize: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=200)]
Cursor: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]

_CHECK_BYTES = 4


class PageQuery(msgspec.Struct):
    """Which page of a list."""

    limit: PageSize = 50
    cursor: Cursor | None = None


def page(items: list[Any], limit: int, ids: list[str]) -> dict[str, Any]:
    """A page of `limit` items, from up to one more than that, and the cursor of the next."""
    has_more = len(items) > limit
    return {"data": items[:limit], "nextCursor": cursor_of(ids[limit - 1]) if has_more else None}


def last_seen(cursor: str) -> str:
    """The id that a cursor stands for.

    Raises:
        InvalidRequest: it is no cursor of ours.
    """
    item_id, _, _ = cursor.rpartition(".")
    if cursor != cursor_of(item_id):
        raise _wrong()
    return item_id


def behind(item_id: str | None, prefix: str) -> str | None:
    """The item that a page begins behind, of a list whose ids all begin with `prefix`.

    Raises:
        InvalidRequest: it is of another list.
    """
    if item_id is not None and not item_id.startswith(prefix):
        raise _wrong()
    return item_id


def cursor_of(item_id: str) -> str:
    """The cursor of a page that begins behind an item."""
    check = hashlib.blake2b(item_id.encode("utf-8", "surrogateescape"), digest_size=_CHECK_BYTES)
    return f"{item_id}.{check.hexdigest()}"


def _wrong() -> InvalidRequest:
    return InvalidRequest(
        "`cursor` is none that this list gave: take `nextCursor` of its last page, or leave it out "
        "for the first one",
        param="cursor",
    )
