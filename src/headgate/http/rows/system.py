"""Routes that tell of the platform itself."""

from typing import Any

from headgate.http import docs, system
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


def metrics_routes() -> list[Route]:
    """What it measures of itself."""
    return [
        Route(
            method="GET",
            path="/metrics",
            access="local",
            handler=system.metrics,
            summary="What the platform's processes measure, for Prometheus",
            description=(
                "With several workers of one server the numbers of all of them, at most a second"
                " old. A request that a proxy has passed on counts as one from elsewhere."
            ),
            answer=str,
            media_type="text/plain",
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
