"""The routes that describe the interface: the OpenAPI document, and a page that shows it.

The page is one file that asks no other host for anything, and its policy forbids it to: what runs
and how it looks is fixed by hashes, and it may speak to this platform only.
"""

import base64
import functools
import hashlib
import re
from collections.abc import Sequence
from importlib import resources
from typing import Any

from headgate.http.calls import Call, Handler, Headers, Reply
from headgate.http.openapi import document_json
from headgate.http.routes import Route

HTML = b"text/html; charset=utf-8"


def document_handler(rows: Sequence[Route]) -> Handler:
    """The handler of the document of `rows`, which may still grow until it is first asked."""

    @functools.cache
    def document() -> bytes:
        return document_json(rows)

    async def openapi_document(_call: Call[Any]) -> Reply:
        """The document that this page is made of, for tools that generate clients."""
        return Reply(document())

    return openapi_document


def page_handler() -> Handler:
    """The handler of the page, which is read here, once."""
    page = resources.files(__package__).joinpath("docs.html").read_bytes()
    headers: Headers = [
        (b"content-security-policy", _policy(page).encode()),
        (b"referrer-policy", b"no-referrer"),
        (b"x-content-type-options", b"nosniff"),
    ]

    async def docs_page(_call: Call[Any]) -> Reply:
        """This page: every operation with its types, to read and to try."""
        return Reply(page, headers=headers, content_type=HTML)

    return docs_page


def _policy(page: bytes) -> str:
    """The page's own script and style, answers of this platform, and nothing else."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hashes(page, b'script')}",
            f"style-src {_hashes(page, b'style')}",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def _hashes(page: bytes, element: bytes) -> str:
    """The sources that allow the page's inline elements of one name, exactly as they are."""
    found = re.findall(b"<%b>(.*?)</%b>" % (element, element), page, re.DOTALL)
    digests = (base64.b64encode(hashlib.sha256(text).digest()).decode() for text in found)
    return " ".join(f"'sha256-{digest}'" for digest in digests)
