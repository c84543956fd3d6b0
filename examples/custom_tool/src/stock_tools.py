"""A tool of one's own: what is in stock."""

from typing import Annotated

from msgspec import Meta

from headgate.core.errors import InvalidRequest
from headgate.core.tools import ToolContext
from headgate.tools.declaration import tool

# A real tool would ask a database here.
SHELF = {"1001": 12, "1002": 0, "1003": 40}


@tool(timeout_seconds=5, idempotent=True, needs_approval=False)
async def stock(
    context: ToolContext,  # noqa: ARG001 - who calls, and the models; this tool needs neither
    *,
    article: Annotated[str, Meta(min_length=1, description="The article's number.")],
) -> dict[str, int]:
    """Say how many pieces of an article are in stock."""
    if article not in SHELF:
        raise InvalidRequest(f"there is no article {article}", param="article")
    return {"pieces": SHELF[article]}
