import pytest

import document_files
from headgate.documents.docx import read_docx
from headgate.documents.readings import Unreadable


def test_headings_paragraphs_and_tables_come_in_their_order() -> None:
    content = document_files.word(
        "# Fees", "They are due in May.", [["City", "Fee"], ["Oslo", "7"]], "## Late", "Pay more."
    )
    reading = read_docx(content)
    assert [(reading.text[one.start : one.end], one.level) for one in reading.blocks] == [
        ("Fees", 1),
        ("They are due in May.", 0),
        ("City | Fee\nOslo | 7", 0),
        ("Late", 2),
        ("Pay more.", 0),
    ]


def test_a_merged_cell_is_read_once() -> None:
    import io

    import docx

    document = docx.Document()
    table = document.add_table(1, 3)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "wide"
    table.cell(0, 2).text = "end"
    out = io.BytesIO()
    document.save(out)
    assert read_docx(out.getvalue()).text == "wide | end"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04 nonsense",
        document_files.word("x")[:500],
        document_files.word_with("word/document.xml", b"<w:document"),
        document_files.word_with("word/document.xml", b"<a/>"),
        document_files.word_with("[Content_Types].xml", b"no"),
    ],
)
def test_a_broken_file_is_refused(content: bytes) -> None:
    with pytest.raises(Unreadable, match="not a Word document"):
        read_docx(content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused_before_anything_is_parsed(encoding: str) -> None:
    xml = document_files.ENTITIES.decode().encode(encoding)
    with pytest.raises(Unreadable, match="entities"):
        read_docx(document_files.word_with("word/document.xml", xml))


def test_a_part_that_only_grows_is_refused() -> None:
    """Two megabytes of spaces become two kilobytes, which no text does."""
    bomb = b"<a>" + b" " * 20_000_000 + b"</a>"
    with pytest.raises(Unreadable, match="larger inside"):
        read_docx(document_files.word_with("word/document.xml", bomb))


def test_a_size_that_the_archive_lies_about_is_refused() -> None:
    content = bytearray(document_files.word_with("word/extra.xml", b"<a>" + b"x" * 5000 + b"</a>"))
    place = content.rindex(b"word/extra.xml") - 46
    content[place + 24 : place + 28] = (10).to_bytes(4, "little")
    with pytest.raises(Unreadable):
        read_docx(bytes(content))
