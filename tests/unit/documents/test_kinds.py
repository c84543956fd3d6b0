import pytest

import document_files
from headgate.documents.kinds import kind_of, kind_of_text
from headgate.documents.readings import Unreadable


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.TXT", b"x", "txt"),
        ("notes.v2.md", b"x", "md"),
        ("C:\\temp\\page.htm", b"x", "html"),
        ("a.pdf", b"x", "pdf"),
        ("a.docx", b"x", "docx"),
        ("upload", b"%PDF-1.7 ...", "pdf"),
        ("upload", b" <!DOCTYPE html><p>x", "html"),
        ("upload.bin", document_files.word("x"), "docx"),
    ],
)
def test_a_name_tells_the_kind_or_else_the_beginning(name: str, content: bytes, kind: str) -> None:
    assert kind_of(name, content) == kind


@pytest.mark.parametrize("content", [b"", b"MZ\x90", b"PK\x03\x04 a zip", b"words"])
def test_what_is_of_no_known_kind_is_refused(content: bytes) -> None:
    with pytest.raises(Unreadable, match="txt, md, html, pdf, docx"):
        kind_of("program.exe", content)


@pytest.mark.parametrize(
    ("name", "kind"), [("a", "txt"), ("a.md", "md"), ("a.html", "html"), ("a.pdf", "txt")]
)
def test_a_text_without_a_file_is_a_text(name: str, kind: str) -> None:
    assert kind_of_text(name) == kind
