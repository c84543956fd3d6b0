"""Routes that tell of the platform itself."""

from typing import Any

from headgate.http import docs, live, system
from headgate.http.routes import Route


def health_routes() -> list[Route]:
    """Whether it works."""
    return [
        Route(
            method="GET",
            path=path,
            access="open",
            handler=system.health,
            summary="Whether the platform works",
            description=(
                "`checks` tells of each part. Where one is down the status is 503 and the "
                "body has `error` too."
            ),
            answer=system.Health,
        )
        for path in ("/health", "/v1/health")
    ]


def live_routes() -> list[Route]:
    """What happens now."""
    return [
        Route(
            method="GET",
            path="/v1/live",
            access="admin",
            handler=live.live,
            summary="Hear of changes as they happen",
            description=(
                "With `Accept: text/event-stream` a stream: an event `tick` every second, and "
                '`changed` with `{"kind", "id", "seq"}` when there is something to ask for '
                "again. It ends after 25 seconds; `Last-Event-ID` resumes it without a gap. "
                "Without that header one tick, as JSON."
            ),
            answer=live.Tick,
            streams=True,
        )
    ]


def document_routes(rows: list[Route]) -> list[Route]:
    """The rows that show all rows, and themselves once they stand among `rows`."""
    return [
        Route(
            method="GET",
            path="/openapi.json",
            access="open",
            handler=docs.document_handler(rows),
            summary="This interface as an OpenAPI 3.1 document",
            answer=dict[str, Any],
        ),
        Route(
            method="GET",
            path="/docs",
            access="open",
            handler=docs.page_handler(),
            summary="This interface as a page",
            answer=str,
            media_type="text/html",
        ),
    ]
