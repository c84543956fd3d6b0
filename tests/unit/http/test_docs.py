import base64
import hashlib
import re
from typing import Any

import msgspec

from headgate.http.calls import Reply
from headgate.http.docs import document_handler, page_handler
from headgate.http.routes import Route
from headgate.http.table import routes

NO_CALL: Any = None  # neither page looks at who asks


async def page() -> tuple[str, dict[str, str]]:
    reply = await page_handler()(NO_CALL)
    assert isinstance(reply, Reply)
    headers = {name.decode(): value.decode() for name, value in reply.headers}
    assert reply.content_type == b"text/html; charset=utf-8"
    return reply.body.decode(), headers


async def test_the_document_tells_of_rows_that_were_added_after_its_own() -> None:
    rows: list[Route] = []
    handler = document_handler(rows)
    rows += routes()
    reply = await handler(NO_CALL)
    assert isinstance(reply, Reply)
    assert {"/v1/complete", "/openapi.json", "/docs"} <= set(
        msgspec.json.decode(reply.body)["paths"]
    )


async def test_the_document_is_made_once() -> None:
    handler = document_handler(routes())
    first, second = await handler(NO_CALL), await handler(NO_CALL)
    assert isinstance(first, Reply)
    assert isinstance(second, Reply)
    assert first.body is second.body


async def test_the_page_needs_no_other_host() -> None:
    html, _ = await page()
    assert not re.findall(r"(?:https?:)?//[\w.-]+\.\w+|@import|url\(", html)
    assert not re.findall(r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=", html)


async def test_the_policy_allows_exactly_the_pages_own_script_and_style() -> None:
    html, headers = await page()
    policy = dict(
        part.split(" ", 1) for part in headers["content-security-policy"].split("; ") if " " in part
    )
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"
    for element in ("script", "style"):
        (text,) = re.findall(f"<{element}[^>]*>(.*?)</{element}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert policy[f"{element}-src"] == f"'sha256-{digest}'"


async def test_the_page_has_nothing_that_its_own_policy_would_block() -> None:
    html, _ = await page()
    assert not re.findall(r"<[^>]+\s(?:style|on\w+)=", html)


async def test_what_the_document_holds_can_only_become_text_on_the_page() -> None:
    html, _ = await page()
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", html)
