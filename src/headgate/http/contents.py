"""What is asked and answered over HTTP, kept and told where an operator has switched that on.

Only of requests that reach models or begin runs, and that came with a good key: what else there is
makes keys and sets secrets.
"""

from collections.abc import Awaitable

from headgate.core.contents import Content, ContentEnded, Kept, Said
from headgate.http.app import KEY_ID, ROUTE, App, Message, Receive, Scope, Send
from headgate.http.records import request_id_of
from headgate.http.routes import RouteTable
from headgate.http.texts import said_in_body, said_in_stream
from headgate.http.uploads import is_multipart

FILES = Said("(files)", is_whole=True)


def with_contents(app: App, table: RouteTable, told: ContentEnded) -> App:
    """`app`, with what is asked of models and what they answer told when it is over."""
    looked_at = {(row.method, row.path) for row in table.rows if row.metered or row.begins_once}

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        asked, answered = Kept(), Kept()
        request_id, is_stream = "", False

        async def receive_seen() -> Message:
            message = await receive()
            asked.add(message.get("body", b""))
            return message

        def send_seen(message: Message) -> Awaitable[None]:
            nonlocal request_id, is_stream
            if message["type"] == "http.response.start":
                request_id = request_id_of(message)
                is_stream = b"text/event-stream" in _header(message, b"content-type")
            else:
                answered.add(message.get("body", b""))
            return send(message)

        try:
            await app(scope, receive_seen, send_seen)
        finally:
            route = scope.get(ROUTE, "")
            if KEY_ID in scope and (scope["method"], route) in looked_at:
                told(
                    Content(
                        request_id,
                        scope["method"],
                        route,
                        scope[KEY_ID],
                        FILES if _has_files(scope) else said_in_body(asked),
                        (said_in_stream if is_stream else said_in_body)(answered),
                    )
                )

    return serve


def _has_files(scope: Scope) -> bool:
    return is_multipart(_header(scope, b"content-type").decode("latin-1"))


def _header(message: Message, wanted: bytes) -> bytes:
    found: bytes = next((value for name, value in message["headers"] if name == wanted), b"")
    return found
