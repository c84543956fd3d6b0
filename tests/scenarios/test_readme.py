"""The README is run as a newcomer would, and so are the rules by which it is read."""

import sys
from pathlib import Path

import pytest

from scenarios.readme import Expected, PageWrong, blocks_of, follow_page

CHECKOUT = Path(__file__).parents[2]


async def test_everything_the_readme_says_is_so(tmp_path: Path) -> None:
    page = (CHECKOUT / "README.md").read_text()
    count = await follow_page(page, CHECKOUT, tmp_path)
    assert count > 10


SERVER = """
import http.server, os, sys

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.headers.get("authorization", "nobody").encode())

    def log_message(self, *_):
        pass

server = http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Answer)
print("key: sk-proj-id-secret")
print(f"ready on http://127.0.0.1:{server.server_port}")
server.serve_forever()
"""
STARTED = "```sh\nmake run\n```\n```text\nkey: sk-proj-...\nready on http://127.0.0.1:3000\n```\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of something smaller, whose `make run` prints a key and tells who asks it."""
    (tmp_path / "Makefile").write_text(f"run:\n\t@exec {sys.executable} server.py\n")
    (tmp_path / "server.py").write_text(SERVER)
    return tmp_path


async def test_the_server_runs_beside_the_blocks_with_its_own_key_and_port(checkout: Path) -> None:
    asking = "```sh\ncurl -s -H 'authorization: sk-proj-...' http://127.0.0.1:3000/\n```\n"
    page = STARTED + asking + "```text\nsk-proj-id-secret\n```\n"
    assert await follow_page(page, checkout, checkout) == 2


async def test_a_server_that_ends_is_a_fault_of_the_page(checkout: Path) -> None:
    (checkout / "server.py").write_text("raise SystemExit('no room')")
    with pytest.raises(PageWrong, match=r"`make run` ended(.|\n)*no room"):
        await follow_page(STARTED, checkout, checkout)


async def test_what_a_block_exports_holds_for_the_next_one(tmp_path: Path) -> None:
    page = "```sh\nexport WORD=here\n```\n```sh\necho $WORD\n```\n```text\nhere\n```\n"
    assert await follow_page(page, CHECKOUT, tmp_path) == 2


async def test_a_command_that_fails_is_a_fault_of_the_page(tmp_path: Path) -> None:
    with pytest.raises(PageWrong, match=r"line 3:(.|\n)*it failed(.|\n)*no such directory"):
        await follow_page(
            "Text.\n\n```sh\necho no such directory >&2\nfalse\n```\n", CHECKOUT, tmp_path
        )


async def test_an_output_that_differs_is_a_fault_of_the_page(tmp_path: Path) -> None:
    with pytest.raises(PageWrong, match="the text differs"):
        await follow_page("```sh\necho one\n```\n```text\ntwo\n```\n", CHECKOUT, tmp_path)


@pytest.mark.parametrize("page", ["```text\nalone\n```\n", "```bash\nls\n```\n", "```\nls\n```\n"])
def test_a_block_that_could_not_be_checked_is_refused(page: str) -> None:
    with pytest.raises(PageWrong):
        blocks_of(page)


@pytest.mark.parametrize(
    ("expected", "printed", "equal"),
    [
        ("one\ntwo\n", "one  \ntwo\n\n", True),
        ("one ... three", "one two three", True),
        ("one ... three", "one two\nthree", False),
        ("first\n...\nlast", "first\na\nb\nlast", True),
        ("first\n...\nlast", "first\nlast", True),
        ("first\n...\nlast", "first\na", False),
        ("...", "", True),
        ("a.c", "abc", False),
    ],
)
def test_three_dots_stand_for_text_within_a_line_or_for_lines(
    expected: str, printed: str, *, equal: bool
) -> None:
    assert agrees(Expected("text", expected), printed) == equal


@pytest.mark.parametrize(
    ("expected", "printed", "equal"),
    [
        ('{"a": 1, "b": "..."}', '{"b": [2], "a": 1}', True),
        ('{"a": 0.00001}', '{"a": 1e-5}', True),
        ('{"a": 0.00001}', '{"a": 0.000010000001}', False),
        ('{"a": 1}', '{"a": true}', False),
        ('{"a": 1}', '{"a": 1, "b": 2}', False),
        ('{"a": 1, "...": "..."}', '{"a": 1, "b": 2}', True),
        ('{"a": 1, "b": "..."}', '{"a": 1}', False),
        ('[{"a": 1}]', '[{"a": 1}, {"a": 1}]', False),
        ('{"a": 1}', "not JSON", False),
    ],
)
def test_json_is_compared_by_value_and_dots_stand_for_any(
    expected: str, printed: str, *, equal: bool
) -> None:
    assert agrees(Expected("json", expected), printed) == equal


def agrees(expected: Expected, printed: str) -> bool:
    try:
        expected.check(printed)
    except PageWrong:
        return False
    return True
