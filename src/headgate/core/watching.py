"""The ports through which the platform's work is watched: counted, traced and logged.

A gateway that nobody watches pays for one comparison a call.
"""

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, TypeAlias

from headgate.core.usage import UsageEvent

CallKind: TypeAlias = Literal["whole", "stream", "vectors"]
"""What a caller waits for: a whole answer, its pieces, or vectors."""

CallEnded: TypeAlias = Callable[[UsageEvent, str | None], None]
"""Is told the row that a call was settled with, and in one word what the vendor failed by."""

LEFT = 499
"""The status of a request whose caller did not wait for its answer."""
SOCKET = "WS"
"""What stands for a method where a request came over a WebSocket."""
UNMATCHED = "unmatched"
"""What stands for a route where a request has no row in the route table."""

MOST_NOTED = 1_000
"""Of a request that makes more calls to models, the first so many are noted."""


class CallWatch(Protocol):
    """Sees every call to a vendor, and every answer from the cache."""

    def began(self, provider: str, model: str, kind: CallKind, /) -> CallEnded:
        """A call begins; what this gives is called once, when it is settled. Must not fail."""
        ...


class RequestRecord(NamedTuple):
    """A request that was answered.

    Attributes:
        request_id: where the request's calls are noted, else empty.
        method: `WS` where it came over a WebSocket.
        route: the path of its row in the route table; `unmatched` where it has none.
        status: 499 where the caller left before the answer had begun, or cancelled it on a socket.
        seconds: until the last byte was handed over.
        key_id: whose key it came with, where that was good.
        calls: the rows of the calls to models that were made for it, where they are noted.
    """

    request_id: str
    method: str
    route: str
    status: int
    seconds: float
    key_id: str | None
    calls: Sequence[UsageEvent] = ()


RequestEnded: TypeAlias = Callable[[RequestRecord], None]

noted_calls: ContextVar[list[UsageEvent] | None] = ContextVar("noted_calls", default=None)
"""Where the calls of the request that is being answered are noted, where they are."""


def note_call(event: UsageEvent, _failure: str | None) -> None:
    """Note a call for the request that it was made for."""
    noted = noted_calls.get()
    if noted is not None and len(noted) < MOST_NOTED:
        noted.append(event)


class Counting:
    """`CallWatch` of those who need to know of ends alone: it costs each call next to nothing."""

    def __init__(self, ends: Sequence[CallEnded]) -> None:
        """Tell all of `ends`."""
        self._ends = tuple(ends)
        self._told = ends[0] if len(ends) == 1 else self._tell

    def began(self, _provider: str, _model: str, _kind: CallKind, /) -> CallEnded:
        """See `CallWatch.began`."""
        return self._told

    def _tell(self, event: UsageEvent, failure: str | None) -> None:
        for end in self._ends:
            end(event, failure)


@dataclass(frozen=True, slots=True)
class Watches:
    """Several watches as one."""

    watches: Sequence[CallWatch]

    def began(self, provider: str, model: str, kind: CallKind) -> CallEnded:
        """See `CallWatch.began`."""
        ends = [watch.began(provider, model, kind) for watch in self.watches]

        def ended(event: UsageEvent, failure: str | None) -> None:
            for end in ends:
                end(event, failure)

        return ended
