"""What is known of each request when it has been answered, told to whoever counts or logs it."""

import time
from collections.abc import Awaitable, Sequence

from headgate.core.usage import UsageEvent
from headgate.core.watching import LEFT, UNMATCHED, RequestEnded, RequestRecord, noted_calls
from headgate.http.app import KEY_ID, REQUEST_ID, ROUTE, STATUS, App, Message, Receive, Scope, Send


def with_records(app: App, told: Sequence[RequestEnded], *, noting: bool) -> App:
    """`app`, with each request told when it is over; where `noting`, all that is known of it."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        calls: Sequence[UsageEvent] = ()
        token = None
        if noting:
            calls = noted = list[UsageEvent]()
            token = noted_calls.set(noted)
        began = time.perf_counter()
        try:
            await app(scope, receive, send)
        finally:
            if token is not None:
                noted_calls.reset(token)
            record = RequestRecord(
                scope.get(REQUEST_ID, ""),
                scope["method"],
                scope.get(ROUTE, UNMATCHED),
                scope.get(STATUS, LEFT),
                time.perf_counter() - began,
                scope.get(KEY_ID),
                calls,
            )
            for tell in told:
                tell(record)

    return serve


def noting_answer(scope: Scope, send: Send) -> Send:
    """`send`, with what the application notes of its own answers noted of somebody else's."""

    def send_seen(message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            scope[STATUS] = message["status"]
            scope[REQUEST_ID] = request_id_of(message)
        return send(message)

    return send_seen


def request_id_of(message: Message) -> str:
    """The id under which a caller knows the answer that begins with this message."""
    found = next((value for name, value in message["headers"] if name == b"x-request-id"), b"")
    return str(found.decode("latin-1"))
