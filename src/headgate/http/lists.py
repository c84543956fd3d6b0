"""Lists of which one page is asked for at a time, newest first."""

from typing import Annotated, Any, TypeAlias

import msgspec

PageSize: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=200)]
Cursor: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class PageQuery(msgspec.Struct):
    """Which page of a list."""

    limit: PageSize = 50
    cursor: Cursor | None = None


def page(items: list[Any], limit: int, cursors: list[str]) -> dict[str, Any]:
    """A page of `limit` items, from up to one more than that, and the cursor of the next.

    A cursor names the last item that was seen, so that new ones shift nothing.
    """
    has_more = len(items) > limit
    return {"data": items[:limit], "nextCursor": cursors[limit - 1] if has_more else None}
