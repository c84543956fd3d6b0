"""What is known of each request when it has been answered, told to whoever counts or logs it."""

import time
from collections.abc import Sequence

from headgate.core.usage import UsageEvent
from headgate.core.watching import RequestEnded, RequestRecord, noted_calls
from headgate.http.app import KEY_ID, ROUTE, App, Message, Receive, Scope, Send

UNMATCHED = "unmatched"
LEFT = 499
"""The status of a request whose caller left before its answer had begun."""


def with_records(app: App, told: Sequence[RequestEnded], *, noting: bool) -> App:
    """`app`, with each request told when it is over; with its calls to models where `noting`."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        status, request_id = LEFT, ""

        async def send_seen(message: Message) -> None:
            nonlocal status, request_id
            if message["type"] == "http.response.start":
                status, request_id = message["status"], request_id_of(message)
            await send(message)

        calls: list[UsageEvent] = []
        token = noted_calls.set(calls) if noting else None
        began = time.perf_counter()
        try:
            await app(scope, receive, send_seen)
        finally:
            if token is not None:
                noted_calls.reset(token)
            record = RequestRecord(
                request_id,
                scope["method"],
                scope.get(ROUTE, UNMATCHED),
                status,
                time.perf_counter() - began,
                scope.get(KEY_ID),
                calls,
            )
            for tell in told:
                tell(record)

    return serve


def request_id_of(message: Message) -> str:
    """The id under which a caller knows the answer that begins with this message."""
    found = next((value for name, value in message["headers"] if name == b"x-request-id"), b"")
    return str(found.decode("latin-1"))
