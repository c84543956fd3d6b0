"""The span of every request; where nothing is traced, this stands in nobody's way."""

from headgate.core.errors import HeadgateError
from headgate.core.tracing import Tracer
from headgate.core.watching import UNMATCHED
from headgate.http.app import App, Message, Receive, Scope, Send
from headgate.http.records import request_id_of
from headgate.http.routes import RouteTable, path_of


def with_tracing(app: App, table: RouteTable, tracer: Tracer) -> App:
    """`app`, with each request in the trace that its caller names, or in a new one."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        route = route_of(table, scope)
        with tracer.request(scope["method"], route, dict(scope["headers"])) as span:

            async def send_seen(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.answered(message["status"], request_id_of(message))
                await send(message)

            await app(scope, receive, send_seen)

    return serve


def route_of(table: RouteTable, scope: Scope) -> str:
    """The path of the row that answers; all paths that have none are one."""
    try:
        return table.match(scope["method"], path_of(scope)).route.path
    except HeadgateError:
        return UNMATCHED
