import pytest

from headgate.documents.plain import decoded, read_markdown, read_text
from headgate.documents.readings import Unreadable


def test_the_text_is_the_files_own_to_the_letter() -> None:
    text = "First… line.\r\n\r\nSecond. 🦊\t"
    reading = read_text(text.encode())
    assert reading.text == text
    assert [text[block.start : block.end] for block in reading.blocks] == [
        "First… line.",
        "Second. 🦊",
    ]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Größe".encode(), "Größe"),
        ("Größe".encode("utf-8-sig"), "Größe"),
        ("Größe".encode("utf-16"), "Größe"),
        ("Größe “5”".encode("cp1252"), "Größe “5”"),
    ],
)
def test_encodings_are_recognised(content: bytes, text: str) -> None:
    assert decoded(content) == text


@pytest.mark.parametrize(
    "content", [b"\x00\x01\x02", b"text\x00", b"\x81\x8d\xff", b"\xff\xfe\x00", bytes(range(256))]
)
def test_what_is_no_text_is_refused(content: bytes) -> None:
    with pytest.raises(Unreadable, match="not a text"):
        decoded(content)


def test_markdown_has_headings_with_levels() -> None:
    text = "intro\n# One\nbody\nmore\n\n### Three ###\n#hashtag\n\n```\n# no heading\n```\n"
    reading = read_markdown(text.encode())
    assert reading.text == text
    assert [(text[one.start : one.end], one.level) for one in reading.blocks] == [
        ("intro", 0),
        ("# One", 1),
        ("body\nmore", 0),
        ("### Three ###", 3),
        ("#hashtag", 0),
        ("```\n# no heading\n```", 0),
    ]
