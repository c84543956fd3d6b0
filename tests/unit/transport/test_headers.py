"""Headers are told as they came, whenever they are asked for."""

from headgate.transport.headers import RawHeaders, only_head

CAME = b"HTTP/1.1 200 OK\r\nRetry-After: 1\r\nX-Odd: \xe9\r\nretry-after: 2\r\n\r\n"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\n"


def test_headers_are_found_by_their_names_in_lower_case_and_the_last_counts() -> None:
    headers = RawHeaders(CAME)
    assert headers["retry-after"] == "2"
    assert headers == {"retry-after": "2", "x-odd": "é"}


def test_a_header_that_did_not_come_is_not_there() -> None:
    headers = RawHeaders(CAME)
    assert headers.get("location") is None
    assert len(headers) == 2
    assert list(headers) == ["retry-after", "x-odd"]


def test_headers_of_interim_answers_are_none() -> None:
    assert RawHeaders(INTERIM + CAME) == RawHeaders(CAME)


def test_what_follows_a_head_is_no_header() -> None:
    """A trailer of a body in chunks has the form of a header."""
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    assert RawHeaders(chunked + b"0\r\nx-late: 1\r\n\r\n") == {"transfer-encoding": "chunked"}
    assert RawHeaders(CAME + b"whatever") == RawHeaders(CAME)


def test_a_head_is_kept_without_its_body() -> None:
    assert only_head(CAME + b"a body\r\n\r\nof two parts") == CAME
    assert only_head(CAME[:-2]) == CAME[:-2]
