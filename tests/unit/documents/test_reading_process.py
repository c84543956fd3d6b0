import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from headgate.documents.reading_process import Outcome, Task, read
from headgate.documents.readings import Unreadable

# What a parser that was led astray might do, in the place of the one for plain text.
ASTRAY = """
import headgate.documents.plain as plain
from headgate.documents.readings import Reading
from headgate.documents import reading_process
def read_text(content):
    {deed}
    return Reading("done", [])
plain.read_text = read_text
reading_process.main()
"""


def run(deed: str) -> "subprocess.CompletedProcess[bytes]":
    task = msgspec.json.encode(Task("txt", "")) + b"\n"
    return subprocess.run(
        [sys.executable, "-c", ASTRAY.format(deed=deed)],
        input=task + b"text",
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_a_text_is_read_with_its_chunks() -> None:
    outcome = read(Task("md", "dues"), b"# Harbour\n\nTen crowns.")
    assert outcome.text == "# Harbour\n\nTen crowns."
    assert [cut.headings for cut in outcome.cuts] == ["Harbour"]


def test_a_text_without_words_is_refused() -> None:
    with pytest.raises(Unreadable, match="no text"):
        read(Task("html", ""), b"<script>x</script>")


@pytest.mark.skipif(sys.platform != "linux", reason="macOS does not limit memory")
def test_a_parser_that_takes_all_memory_ends_as_a_problem() -> None:
    outcome = msgspec.msgpack.decode(run("bytearray(2**33)").stdout, type=Outcome)
    assert outcome.problem is not None
    assert "memory" in outcome.problem


def test_a_parser_that_never_returns_is_ended_by_the_kernel() -> None:
    ended = run("reading_process.resource.setrlimit(0, (1, 1)); sum(iter(int, 1))")
    assert ended.returncode < 0


def test_nothing_can_be_written_to_a_file(tmp_path: Path) -> None:
    target = tmp_path / "escaped"
    ended = run(f"open({str(target)!r}, 'wb', 0).write(b'x')")
    assert ended.returncode != 0
    assert target.read_bytes() == b""
