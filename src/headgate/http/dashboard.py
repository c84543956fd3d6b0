"""The dashboard's files: one page for all its addresses, and the assets that the page names.

They are built from `dashboard/` beside `src/` when the package is built, and read when they are
first asked for. Assets have their content's hash in their names, so a browser keeps them for good;
the page itself is asked for each time. What the page may load and whom it may ask is this platform
alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

from headgate.core.errors import NotFound
from headgate.http.calls import Call, Headers, Reply

ASSETS = "assets/"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS: Headers = [
    (b"content-security-policy", POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
HTML = b"text/html; charset=utf-8"
# Named here, since what the machine knows of types differs from machine to machine.
CONTENT_TYPES = {
    "html": HTML,
    "js": b"text/javascript; charset=utf-8",
    "css": b"text/css; charset=utf-8",
    "svg": b"image/svg+xml",
    "woff2": b"font/woff2",
    "txt": b"text/plain; charset=utf-8",
}
UNBUILT = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Headgate: dashboard not built</title>
<h1>The dashboard was not built</h1>
<p>The API works; only these pages are missing, because they could not be built when Headgate was
installed. In a checkout, run <code>make setup</code>, which says what is in the way, and start
Headgate again. Released packages bring the dashboard along.</p>
</html>
"""


class _File(NamedTuple):
    content: bytes
    zipped: bytes | None
    content_type: bytes


@dataclass(slots=True)
class Pages:
    """Answers with the files in `root`, which are read once."""

    root: Traversable
    _files: Mapping[str, _File] | None = None

    async def dashboard_page(self, call: Call[None]) -> Reply:
        """`GET /dashboard`."""
        page = self._built().get("index.html")
        if page is None:
            return Reply(UNBUILT, 503, PAGE_HEADERS, HTML)
        return _reply(call, page, b"no-cache")

    async def dashboard_file(self, call: Call[None]) -> Reply:
        """`GET /dashboard/{path}`: a file, or the page, which knows its own addresses."""
        path = call.params["path"]
        found = self._built().get(path)
        if found is not None and path.startswith(ASSETS):
            return _reply(call, found, b"public, max-age=31536000, immutable")
        if path.startswith(ASSETS):
            raise NotFound(f"the dashboard has no file {path[:256]!r}: load the page again")
        return await self.dashboard_page(call)

    def styles(self) -> list[str]:
        """The addresses of the style sheets; none where the pages were not built."""
        return [f"/dashboard/{path}" for path in self._built() if path.endswith(".css")]

    def _built(self) -> Mapping[str, _File]:
        """The files by their paths below `/dashboard/`; none where they were not built."""
        if self._files is None:
            contents = dict(_contents(self.root, "")) if self.root.is_dir() else {}
            self._files = {
                path: _File(content, contents.get(path + ".gz"), _content_type(path))
                for path, content in contents.items()
                if not path.endswith(".gz")
            }
        return self._files


def built_pages() -> Pages:
    """The pages that were built into the package."""
    return Pages(resources.files("headgate").joinpath("dashboard", "static"))


def _contents(directory: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in directory.iterdir():
        if entry.is_dir():
            yield from _contents(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry.read_bytes()


def _content_type(path: str) -> bytes:
    return CONTENT_TYPES.get(path.rpartition(".")[2], b"application/octet-stream")


def _reply(call: Call[Any], file: _File, kept: bytes) -> Reply:
    headers = [*PAGE_HEADERS, (b"cache-control", kept)]
    if file.zipped is None:
        return Reply(file.content, headers=headers, content_type=file.content_type)
    headers.append((b"vary", b"accept-encoding"))
    if "gzip" not in (call.header(b"accept-encoding") or ""):
        return Reply(file.content, headers=headers, content_type=file.content_type)
    headers.append((b"content-encoding", b"gzip"))
    return Reply(file.zipped, headers=headers, content_type=file.content_type)
