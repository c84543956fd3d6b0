"""The page of routes has every row of the table."""

from typing import Any

from headgate.http.calls import Call, Reply
from headgate.http.error_bodies import BudgetState, ErrorBody
from headgate.http.openapi import public_path
from headgate.http.routes import Route
from headgate.http.routes_page import reference
from headgate.http.table import routes


async def answer(_call: Call[Any]) -> Reply:
    return Reply({})


def line_of(row: Route) -> str:
    return next(line for line in reference([row]).splitlines() if line.startswith("| `"))


def test_every_route_is_on_the_page_with_what_it_needs() -> None:
    page = reference(routes())
    for row in routes():
        name = f"| `{row.method} {public_path(row.path)}` | "
        assert page.count(name) == 1, name
        if ":" in row.access or row.access == "admin":
            assert f"{name}`{row.access}` |" in page


def test_a_line_has_the_names_of_what_is_sent_and_answered() -> None:
    row = Route(
        method="POST",
        path="/v1/things/{name:path}",
        access="any",
        handler=answer,
        summary="Make a thing",
        body=BudgetState,
        upload_bytes=1,
        query=ErrorBody,
        answer=BudgetState | ErrorBody,
        metered=True,
        streams=True,
        status=201,
    )
    assert line_of(row) == (
        "| `POST /v1/things/{name}` | any key | Make a thing (metered, can stream)"
        " | `BudgetState` query `ErrorBody` or files | 201 `BudgetState` or `ErrorBody` |"
    )


def test_a_page_of_html_and_a_stream_have_their_media_types() -> None:
    page = Route(
        method="GET",
        path="/page",
        access="open",
        handler=answer,
        summary="A page",
        answer=str,
        media_type="text/html",
    )
    assert line_of(page) == "| `GET /page` | no key | A page |  | 200 `text/html` |"
    stream = Route(
        method="GET",
        path="/events",
        access="local",
        handler=answer,
        summary="Events",
        answer=None,
        streams=True,
    )
    assert line_of(stream).endswith("| 200 `text/event-stream` |")
