"""Files of a workspace, below one directory and nowhere else.

A path is walked one name at a time, each opened within the directory before it and never through a
symbolic link, so that no name and no link, not even one that changes meanwhile, leads outside. Only
plain files and directories are touched. A file is written beside its place and put there whole.
"""

import asyncio
import contextlib
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from headgate.core.errors import InvalidRequest, NotFound
from headgate.core.keys import VirtualKey
from headgate.core.tools import ToolContext
from headgate.tools.declaration import tool

MOST_BYTES = 1_048_576
MOST_DEPTH = 32
MOST_NAMES = 1_000
MOST_NAME_BYTES = 255

FilePath = Annotated[
    str,
    Meta(max_length=4_096, description="Below the workspace's directory, such as `notes/may.md`."),
]


class FileContent(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """A file's text, or the names in a directory; those of directories end with `/`.

    Attributes:
        truncated: whether there is more of it.
    """

    path: str
    text: str | msgspec.UnsetType = msgspec.UNSET
    names: list[str] | msgspec.UnsetType = msgspec.UNSET
    truncated: bool = False


class WrittenFile(msgspec.Struct, frozen=True):
    """A file that was written."""

    path: str
    bytes: int


@dataclass(frozen=True, slots=True)
class WorkspaceFiles:
    """The tools.

    Attributes:
        root_of: the directory of a workspace; None where it has none.
        threads: wait for disks, which may be slow.
    """

    root_of: Callable[[str], Path | None]
    threads: Executor

    def is_for(self, key: VirtualKey) -> bool:
        """Whether the key's workspace has files."""
        return self.root_of(key.workspace_id) is not None

    @tool(timeout_seconds=10)
    async def files_read(self, context: ToolContext, *, path: FilePath = "") -> FileContent:
        """Read a text file of the workspace, or list a directory of it."""
        root, loop = self._root(context), asyncio.get_running_loop()
        return await loop.run_in_executor(self.threads, read, root, path)

    @tool(timeout_seconds=10, needs_approval=True)
    async def files_write(
        self,
        context: ToolContext,
        *,
        path: FilePath,
        text: Annotated[str, Meta(max_length=MOST_BYTES, description="All of the file's text.")],
    ) -> WrittenFile:
        """Write a text file of the workspace, in place of what is there under its name."""
        root, loop = self._root(context), asyncio.get_running_loop()
        return await loop.run_in_executor(self.threads, write, root, path, text)

    def _root(self, context: ToolContext) -> Path:
        root = self.root_of(context.key.workspace_id)
        if root is None:
            raise NotFound("this workspace has no files")
        return root


def read(root: Path, path: str) -> FileContent:
    """A file's text or a directory's names.

    Raises:
        InvalidRequest: the path leads elsewhere, or to what is no text.
        NotFound: there is nothing.
    """
    *parents, name = _names(path) or ["."]
    with _directory(root, parents) as parent, _refusing(path):
        found = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)
        try:
            return _content(found, path)
        finally:
            os.close(found)


def write(root: Path, path: str, text: str) -> WrittenFile:
    """Put a text in a file's place; directories on the way are made.

    Raises:
        InvalidRequest: the path leads elsewhere, or to a directory.
    """
    names = _names(path)
    if not names:
        raise InvalidRequest("path names no file", param="path")
    data = text.encode()
    if len(data) > MOST_BYTES:
        raise InvalidRequest(f"a file has at most {MOST_BYTES} bytes", param="text")
    *parents, name = names
    with _directory(root, parents, make=True) as parent, _refusing(path):
        _check_place(parent, name, path)
        beside = f".{secrets.token_hex(8)}.part"
        written = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=parent)
        try:
            with os.fdopen(written, "wb") as file:
                file.write(data)
            os.replace(beside, name, src_dir_fd=parent, dst_dir_fd=parent)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(beside, dir_fd=parent)
            raise
    return WrittenFile(path, len(data))


def _names(path: str) -> list[str]:
    """The names on the way.

    Raises:
        InvalidRequest: one of them is none, or leads upwards.
    """
    if path.startswith("/") or "\\" in path or "\0" in path:
        raise InvalidRequest("path must be relative, with / between names", param="path")
    names = [name for name in path.split("/") if name not in {"", "."}]
    if ".." in names:
        raise InvalidRequest("path leads out of the workspace's directory", param="path")
    if len(names) > MOST_DEPTH or any(len(name.encode()) > MOST_NAME_BYTES for name in names):
        raise InvalidRequest("path is too deep or has too long a name", param="path")
    return names


@contextlib.contextmanager
def _directory(root: Path, names: list[str], *, make: bool = False) -> Iterator[int]:
    """A directory below the root, open; each step is taken within the one before."""
    steps = contextlib.ExitStack()
    with steps, _refusing("/".join(names)):
        if make:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The root itself is the administrator's word, and may be a link.
        place = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        steps.callback(os.close, place)
        for name in names:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, mode=0o700, dir_fd=place)
            place = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=place)
            steps.callback(os.close, place)
        yield place


@contextlib.contextmanager
def _refusing(path: str) -> Iterator[None]:
    """Tell what the system refuses in words that name no place outside."""
    shown = path[:200]
    try:
        yield
    except FileNotFoundError:
        raise NotFound(f"there is no {shown!r} in this workspace") from None
    except OSError:
        # A link, a file on the way, no permission: nothing that a caller could tell apart.
        raise InvalidRequest(f"{shown!r} cannot be used in this workspace", param="path") from None


def _check_place(parent: int, name: str, path: str) -> None:
    """See that only a plain file is replaced."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            raise InvalidRequest(f"{path[:200]!r} is no file", param="path")


def _content(found: int, path: str) -> FileContent:
    mode = os.fstat(found).st_mode
    if stat.S_ISDIR(mode):
        with os.scandir(found) as entries:
            names = sorted(
                f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name
                for entry in entries
                if not entry.is_symlink()
            )
        return FileContent(path=path, names=names[:MOST_NAMES], truncated=len(names) > MOST_NAMES)
    if not stat.S_ISREG(mode):
        raise InvalidRequest(f"{path[:200]!r} is no file", param="path")
    with os.fdopen(found, "rb", closefd=False) as file:
        data = file.read(MOST_BYTES + 1)
    is_whole = len(data) <= MOST_BYTES
    try:
        text = data[:MOST_BYTES].decode("utf-8", "strict" if is_whole else "ignore")
    except UnicodeDecodeError:
        raise InvalidRequest(f"{path[:200]!r} is no text", param="path") from None
    return FileContent(path=path, text=text, truncated=not is_whole)
