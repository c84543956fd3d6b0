import pytest

from headgate.core.errors import InvalidRequest
from headgate.http.uploads import MOST_FILES, UploadedFile, is_multipart, uploaded_files
from multipart import CONTENT_TYPE, multipart


@pytest.mark.parametrize(
    ("content_type", "files"),
    [
        (CONTENT_TYPE, True),
        ("Multipart/Form-Data;boundary=x", True),
        ("multipart/mixed", False),
        ("application/json", False),
        ("", False),
    ],
)
def test_files_come_under_their_own_content_type(content_type: str, *, files: bool) -> None:
    assert is_multipart(content_type) == files


def test_files_keep_their_order_their_bytes_and_their_names_without_folders() -> None:
    awkward = b"\r\n--edg\r\n--\x00\xff\r\n-" * 1000
    body = multipart(
        ("a.txt", b"one"), ("../../etc/gr\u00f6\u00dfe.md", awkward), ("C:\\t\\c.pdf", b"")
    )
    assert uploaded_files(CONTENT_TYPE, body) == [
        UploadedFile("a.txt", b"one"),
        UploadedFile("gr\u00f6\u00dfe.md", awkward),
        UploadedFile("c.pdf", b""),
    ]


@pytest.mark.parametrize(
    ("content_type", "body", "told"),
    [
        ("multipart/form-data", multipart(("a", b"x")), "boundary"),
        (CONTENT_TYPE, b"", "not what"),
        (CONTENT_TYPE, b"no parts at all", "not what"),
        (CONTENT_TYPE, multipart(("a", b"x"))[:-4], "not what"),
        (CONTENT_TYPE, b"--edge--\r\n", "no file"),
        (CONTENT_TYPE, multipart(("a", b"x"), field="document"), "field `file`"),
        (CONTENT_TYPE, multipart(("", b"x")), "name"),
        (CONTENT_TYPE, multipart(("n" * 256, b"x")), "name"),
        (CONTENT_TYPE, multipart(*[("a", b"x")] * (MOST_FILES + 1)), "at most"),
        (f"{CONTENT_TYPE}{'e' * 9000}", multipart(("a", b"x")), "not what"),
        (CONTENT_TYPE, b"--edge\r\n" + b"x: y\r\n" * 100_000, "not what"),
    ],
)
def test_what_is_broken_or_too_much_is_refused(content_type: str, body: bytes, told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        uploaded_files(content_type, body)
