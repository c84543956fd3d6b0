"""The dashboard's files, as browsers get them."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from headgate.core.errors import NotFound
from headgate.http.calls import Call, Reply
from headgate.http.dashboard import POLICY, Pages

PAGE = b"<!doctype html><title>Headgate</title>"
SCRIPT = b"console.log(1)"
SCRIPT_PATH = "assets/index-a1b2.js"


@pytest.fixture
def pages(tmp_path: Path) -> Pages:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_bytes(PAGE)
    (tmp_path / SCRIPT_PATH).write_bytes(SCRIPT)
    (tmp_path / f"{SCRIPT_PATH}.gz").write_bytes(gzip.compress(SCRIPT))
    (tmp_path / "assets" / "font.woff2").write_bytes(b"font")
    return Pages(tmp_path)


async def get(pages: Pages, path: str, accept_encoding: str = "") -> tuple[Reply, dict[str, str]]:
    nothing: Any = None
    call: Call[None] = Call(
        services=nothing,
        route="GET /dashboard/{path:path}",
        request_id="req_1",
        headers={b"accept-encoding": accept_encoding.encode()},
        params={"path": path},
        query=None,
        body=None,
        raw=b"",
        key_or_none=None,
    )
    reply = await (pages.dashboard_file(call) if path else pages.dashboard_page(call))
    return reply, {name.decode(): value.decode() for name, value in reply.headers}


@pytest.mark.parametrize("path", ["", "keys", "runs/r1", "index.html", "../../secret.key"])
async def test_every_address_of_the_dashboard_is_the_same_page(pages: Pages, path: str) -> None:
    reply, headers = await get(pages, path)
    assert (reply.status, reply.body) == (200, PAGE)
    assert headers["cache-control"] == "no-cache"
    assert reply.content_type == b"text/html; charset=utf-8"


async def test_assets_are_kept_for_good_and_come_zipped_to_whoever_reads_that(
    pages: Pages,
) -> None:
    plain, plain_headers = await get(pages, SCRIPT_PATH)
    zipped, zipped_headers = await get(pages, SCRIPT_PATH, "gzip, br")
    font, font_headers = await get(pages, "assets/font.woff2", "gzip, br")
    assert plain.body == SCRIPT
    assert "immutable" in plain_headers["cache-control"]
    assert (zipped_headers["content-encoding"], gzip.decompress(zipped.body)) == ("gzip", SCRIPT)
    assert plain_headers["vary"] == zipped_headers["vary"] == "accept-encoding"
    assert (font.content_type, "content-encoding" in font_headers) == (b"font/woff2", False)


async def test_an_asset_that_is_gone_is_404_and_no_page(pages: Pages) -> None:
    """A page of an earlier version would take it for its script."""
    with pytest.raises(NotFound, match="load the page again"):
        await get(pages, "assets/index-old.js")


async def test_what_was_not_built_says_what_to_do(tmp_path: Path) -> None:
    for path in ("", "keys"):
        reply, _ = await get(Pages(tmp_path / "static"), path)
        assert reply.status == 503
        assert b"make setup" in reply.body


async def test_pages_may_load_and_ask_nobody_else(pages: Pages) -> None:
    _, headers = await get(pages, "")
    assert headers["content-security-policy"] == POLICY
    allowed = {word for part in POLICY.split("; ") for word in part.split()[1:]}
    assert allowed == {"'none'", "'self'", "data:"}
