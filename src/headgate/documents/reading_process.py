"""The program that reads one file, in a process of its own with little to lose.

Parsers meet whatever strangers send. Here they have bounded memory and processor time, no secrets
in their environment, and no way to write a file; when one of them is led astray, this process ends
and nothing else does. The file comes on standard input, behind a line that says what it is; what
was read goes to standard output.
"""

import contextlib
import importlib
import os
import resource
import sys

import msgspec

from headgate.core.documents import DocumentKind
from headgate.documents.chunking import Cut, cuts
from headgate.documents.readings import Reading, Unreadable

PROCESSOR_SECONDS = 30
MEMORY_BYTES = 2**31
NICENESS = 10

# Loaded for the kind that comes: a parser of PDF takes longer to load than a text to read.
_READERS: dict[DocumentKind, tuple[str, str]] = {
    "txt": ("plain", "read_text"),
    "md": ("plain", "read_markdown"),
    "html": ("html", "read_html"),
    "pdf": ("pdf", "read_pdf"),
    "docx": ("docx", "read_docx"),
}
_EMPTY = "it holds no text"
_TOO_MUCH = "it takes more memory to read than a document may"


class Task(msgspec.Struct, frozen=True):
    """What the file is; `title` is its name as far as that helps to find it."""

    kind: DocumentKind
    title: str


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was read, or the `problem` that kept it from being read."""

    text: str = ""
    cuts: list[Cut] = []
    pages: int | None = None
    problem: str | None = None


def main() -> None:
    """Read the file and tell what it holds."""
    _confine()
    task = msgspec.json.decode(sys.stdin.buffer.readline(), type=Task)
    try:
        outcome = read(task, sys.stdin.buffer.read())
    except Unreadable as error:
        outcome = Outcome(problem=error.message)
    except (MemoryError, RecursionError):
        outcome = Outcome(problem=_TOO_MUCH)
    sys.stdout.buffer.write(msgspec.msgpack.encode(outcome))
    sys.stdout.buffer.flush()


def read(task: Task, content: bytes) -> Outcome:
    """What a file holds.

    Raises:
        Unreadable: it cannot be read.
    """
    module, name = _READERS[task.kind]
    reader = getattr(importlib.import_module(f"headgate.documents.{module}"), name)
    found: Reading = reader(content)
    chunks = list(cuts(found, task.title))
    if not chunks:
        raise Unreadable(_EMPTY)
    return Outcome(found.text, chunks, found.pages)


def _confine() -> None:
    """Give up what reading a file does not need."""
    os.nice(NICENESS)
    limits = {
        resource.RLIMIT_CPU: PROCESSOR_SECONDS,
        resource.RLIMIT_AS: MEMORY_BYTES,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for kind, most in limits.items():
        # macOS knows no limit of memory; the others hold there.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    main()
