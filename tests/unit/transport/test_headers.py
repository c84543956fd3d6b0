"""Headers are told as they came, whenever they are asked for."""

from headgate.transport.headers import RawHeaders

CAME = [(b"Retry-After", b"1"), (b"X-Odd", b"\xe9"), (b"retry-after", b"2")]


def test_headers_are_found_by_their_names_in_lower_case_and_the_last_counts() -> None:
    headers = RawHeaders(CAME)
    assert headers["retry-after"] == "2"
    assert headers == {"retry-after": "2", "x-odd": "é"}


def test_a_header_that_did_not_come_is_not_there() -> None:
    headers = RawHeaders(CAME)
    assert headers.get("location") is None
    assert len(headers) == 2
    assert list(headers) == ["retry-after", "x-odd"]
