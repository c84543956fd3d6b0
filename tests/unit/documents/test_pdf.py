import io

import pytest
from pypdf import PdfReader, PdfWriter

import document_files
from headgate.documents.pdf import _clean, read_pdf
from headgate.documents.readings import Unreadable


def test_each_paragraph_has_its_page() -> None:
    reading = read_pdf(document_files.pdf("Harbour dues\nrise in May.", "Ferries (two) sail."))
    assert reading.pages == 2
    assert [(reading.text[one.start : one.end], one.page) for one in reading.blocks] == [
        ("Harbour dues\nrise in May.", 1),
        ("Ferries (two) sail.", 2),
    ]


def test_what_a_font_calls_half_a_character_is_no_text() -> None:
    assert _clean("a\ud83e\udd8a b\ud800 c\x00") == "a🦊 b\ufffd c"


def encrypted(password: str) -> bytes:
    writer = PdfWriter(PdfReader(io.BytesIO(document_files.pdf("Locked."))))
    writer.encrypt(password, "owner", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_an_encrypted_file_is_read_where_it_opens_without_a_password() -> None:
    assert read_pdf(encrypted("")).text == "Locked."
    with pytest.raises(Unreadable, match="password"):
        read_pdf(encrypted("secret"))


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"%PDF-1.7", b"%PDF-1.4\n1 0 obj\n<< /Type", document_files.pdf("x")[:200]],
)
def test_a_broken_file_is_refused(content: bytes) -> None:
    with pytest.raises(Unreadable):
        read_pdf(content)


def test_a_file_without_text_is_refused_with_advice() -> None:
    with pytest.raises(Unreadable, match="text recognition"):
        read_pdf(document_files.pdf(""))
