"""The port to a protocol by which other programs call tools (MCP)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from headgate.core.tools import ToolSpec


@dataclass(frozen=True, slots=True)
class ToolDesk:
    """The tools as one caller may use them, within one request.

    Attributes:
        call: calls one, and gives the JSON object that the platform's own route answers with;
            raises `HeadgateError`.
    """

    specs: Sequence[ToolSpec]
    call: Callable[[str, Mapping[str, Any]], Awaitable[bytes]]


class ServedReply(NamedTuple):
    """A whole answer in the protocol; header names are in lower case."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


class ToolServer(Protocol):
    """Reads requests of the protocol, and writes its answers."""

    async def answer(
        self, desk: ToolDesk, headers: Mapping[bytes, bytes], body: bytes
    ) -> ServedReply:
        """The answer to one request, whatever is wrong with it."""
        ...
