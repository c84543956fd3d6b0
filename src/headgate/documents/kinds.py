"""What kind of document a file is, by its name or else by how it begins."""

from pathlib import PurePosixPath
from types import MappingProxyType

from headgate.core.documents import DocumentKind
from headgate.documents.readings import Unreadable

KINDS: MappingProxyType[str, DocumentKind] = MappingProxyType(
    {
        ".txt": "txt",
        ".text": "txt",
        ".md": "md",
        ".markdown": "md",
        ".html": "html",
        ".htm": "html",
        ".xhtml": "html",
        ".pdf": "pdf",
        ".docx": "docx",
    }
)
"""What each suffix of a name stands for."""

_LOOKED_AT = 1024


def kind_of(name: str, content: bytes) -> DocumentKind:
    """The kind of a file.

    Raises:
        Unreadable: it is none of those that can be read.
    """
    kind = KINDS.get(suffix(name)) or _by_content(content)
    if kind is None:
        raise Unreadable("it is of no kind that can be read: txt, md, html, pdf, docx")
    return kind


def kind_of_text(name: str) -> DocumentKind:
    """The kind of a text that came without a file."""
    kind = KINDS.get(suffix(name), "txt")
    return kind if kind in {"md", "html"} else "txt"


def suffix(name: str) -> str:
    """The end of a name that tells its kind, in lower case: `.pdf`."""
    return PurePosixPath(name.replace("\\", "/")).suffix.lower()


def _by_content(content: bytes) -> DocumentKind | None:
    beginning = content[:_LOOKED_AT].lstrip().lower()
    if beginning.startswith(b"%pdf-"):
        return "pdf"
    if beginning.startswith(b"pk\x03\x04") and b"word/document.xml" in content:
        return "docx"
    if beginning.startswith((b"<!doctype html", b"<html")):
        return "html"
    return None
