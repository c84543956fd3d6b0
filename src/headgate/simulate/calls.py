"""What the simulator has seen, so that a test can count what reached the vendor."""

import datetime as dt
from collections import deque

import msgspec

MAX_CALLS = 200_000
"""The oldest calls go where more than these are kept: a load test must not fill the memory."""


class Call(msgspec.Struct, kw_only=True, rename="camel"):
    """One call to a vendor, from its head on; an unfinished one changes while it lasts.

    Attributes:
        status: of the answer; None until the answer begins.
        input_tokens: what this vendor counts; 0 for a refused call.
        output_tokens: the same; of a broken or abandoned answer what was sent until then.
        finished: the whole answer was sent, an error being a whole answer too.
        cancelled: the client went away before that.
    """

    vendor: str
    path: str
    model: str | None = None
    status: int | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    stream: bool = False
    finished: bool = False
    cancelled: bool = False
    started_at: str
    ended_at: str | None = None
    idempotency_key: str | None = None

    def finish(self) -> None:
        """The whole answer is about to be sent; a client that leaves now leaves nothing behind."""
        self.finished = True
        self.ended_at = _now()

    def break_off(self) -> None:
        """The simulator itself ends the answer before its end."""
        self.ended_at = _now()

    def cancel(self) -> None:
        """The client has gone; what was already over stays as it is."""
        if self.ended_at is None:
            self.cancelled = True
            self.ended_at = _now()


class CallLog:
    """All calls, oldest first."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=MAX_CALLS)

    def begin(self, *, vendor: str, path: str, idempotency_key: str | None) -> Call:
        """Note that a call has come."""
        call = Call(vendor=vendor, path=path, started_at=_now(), idempotency_key=idempotency_key)
        self._calls.append(call)
        return call

    def clear(self) -> None:
        """Forget all calls; one that is under way does not come back."""
        self._calls.clear()

    def to_json(self) -> bytes:
        """A JSON array of all calls."""
        return msgspec.json.encode(list(self._calls))


def _now() -> str:
    now = dt.datetime.now(dt.UTC)
    return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
