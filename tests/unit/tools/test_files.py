"""Files of a workspace: read and written below its directory, and nowhere else."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gateway_desk import KEY
from headgate.core.errors import InvalidRequest, NotFound
from headgate.core.tools import ToolContext
from headgate.tools.declaration import declared
from headgate.tools.files import MOST_BYTES, FileContent, WorkspaceFiles, read, write
from no_models import NO_MODELS

THREADS = ThreadPoolExecutor(2)
CONTEXT = ToolContext(key=KEY, models=NO_MODELS)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A directory with a secret beside it."""
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "root-2").mkdir()
    (tmp_path / "root-2" / "secret.txt").write_text("secret")
    root = tmp_path / "root"
    root.mkdir()
    (root / "notes").mkdir()
    (root / "notes" / "may.md").write_text("May was dry.\n")
    return root


def test_a_file_is_read_and_a_directory_listed(root: Path) -> None:
    assert read(root, "notes/may.md") == FileContent(path="notes/may.md", text="May was dry.\n")
    assert read(root, "./notes//may.md").text == "May was dry.\n"
    assert read(root, "").names == ["notes/"]
    assert read(root, "notes").names == ["may.md"]


def test_a_file_is_written_whole_and_again(root: Path) -> None:
    assert write(root, "a/b/c.txt", "one").bytes == 3
    write(root, "a/b/c.txt", "zwei ä")
    assert (root / "a/b/c.txt").read_text() == "zwei ä"
    assert [path.name for path in (root / "a/b").iterdir()] == ["c.txt"]


def test_the_directory_itself_is_made_when_it_is_needed(tmp_path: Path) -> None:
    write(tmp_path / "new" / "root", "a.txt", "x")
    assert (tmp_path / "new/root/a.txt").read_text() == "x"


ESCAPES = [
    "../secret.txt",
    "notes/../../secret.txt",
    "../root-2/secret.txt",
    "/etc/passwd",
    "//etc/passwd",
    "notes/..",
    "..",
    "notes\\..\\..\\secret.txt",
    "a\0b",
    "x/" * 40 + "a",
    "n" * 256,
]


@pytest.mark.parametrize("path", ESCAPES)
def test_no_path_leads_outside(root: Path, path: str) -> None:
    with pytest.raises(InvalidRequest):
        read(root, path)
    with pytest.raises(InvalidRequest):
        write(root, path, "overwritten")
    assert (root.parent / "secret.txt").read_text() == "secret"


@pytest.mark.parametrize("path", ["%2e%2e/secret.txt", "..%2fsecret.txt", "....//secret.txt"])
def test_no_spelling_of_a_way_up_is_one(root: Path, path: str) -> None:
    with pytest.raises(NotFound):
        read(root, path)


def test_no_link_leads_outside(root: Path) -> None:
    (root / "file-link").symlink_to(root.parent / "secret.txt")
    (root / "dir-link").symlink_to(root.parent)
    (root / "inner-link").symlink_to(root / "notes")
    for path in ("file-link", "dir-link/secret.txt", "dir-link", "inner-link/may.md"):
        with pytest.raises(InvalidRequest):
            read(root, path)
        with pytest.raises(InvalidRequest):
            write(root, path, "overwritten")
    assert (root.parent / "secret.txt").read_text() == "secret"
    assert read(root, "").names == ["notes/"]


def test_a_link_that_is_swapped_in_meanwhile_leads_nowhere(root: Path) -> None:
    """Each name is opened within the directory that is open already, whatever it is called now."""
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "may.md").write_text("secret")
    ended = threading.Event()

    def swap() -> None:
        while not ended.is_set():
            (root / "notes").rename(root / "kept")
            (root / "notes").symlink_to(outside)
            (root / "notes").unlink()
            (root / "kept").rename(root / "notes")

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        for _ in range(300):
            try:
                assert read(root, "notes/may.md").text == "May was dry.\n"
            except (InvalidRequest, NotFound):
                continue
    finally:
        ended.set()
        swapping.join()


def test_only_plain_files_are_touched(root: Path) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(InvalidRequest):
        read(root, "pipe")
    with pytest.raises(InvalidRequest):
        write(root, "pipe", "x")
    with pytest.raises(InvalidRequest):
        write(root, "notes", "x")
    with pytest.raises(InvalidRequest):
        write(root, "", "x")
    with pytest.raises(InvalidRequest):
        read(root, "notes/may.md/deeper")


def test_what_is_no_text_is_refused_and_what_is_long_is_cut(root: Path) -> None:
    (root / "image").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(InvalidRequest, match="no text"):
        read(root, "image")
    (root / "long").write_text("ä" * MOST_BYTES)
    content = read(root, "long")
    assert content.truncated
    assert isinstance(content.text, str)
    assert len(content.text) == MOST_BYTES // 2
    with pytest.raises(InvalidRequest, match="at most"):
        write(root, "long", "ä" * MOST_BYTES)


def test_a_failed_writing_leaves_nothing_behind(root: Path) -> None:
    (root / "full").mkdir()
    with pytest.raises(InvalidRequest):
        write(root, "full", "x")
    assert sorted(path.name for path in root.iterdir()) == ["full", "notes"]


@pytest.mark.parametrize("path", ["nothing.txt", "nowhere/at/all.txt"])
def test_what_is_not_there_is_not_found(root: Path, path: str) -> None:
    with pytest.raises(NotFound):
        read(root, path)


async def test_the_tools_are_for_workspaces_with_a_directory(root: Path) -> None:
    files = WorkspaceFiles(lambda workspace: root if workspace == "acme" else None, THREADS)
    assert files.is_for(KEY)
    given: dict[str, Any] = {"path": "june.md", "text": "June."}
    written = await declared(files.files_write).run(CONTEXT, given)
    assert (written.path, written.bytes) == ("june.md", 5)
    assert (await declared(files.files_read).run(CONTEXT, {"path": "june.md"})).text == "June."
    assert declared(files.files_write).spec.needs_approval
    others = WorkspaceFiles(lambda _workspace: None, THREADS)
    assert not others.is_for(KEY)
    with pytest.raises(NotFound):
        await declared(others.files_read).run(CONTEXT, {})
