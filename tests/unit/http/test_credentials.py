"""What counts as proof of who calls."""

import pytest

from headgate.core.errors import InsufficientScope
from headgate.http.credentials import (
    check_page,
    cookie_name,
    presented_key,
    session_cookie,
    session_token,
)


def headers(**given: str) -> dict[bytes, bytes]:
    return {name.replace("_", "-").encode(): text.encode() for name, text in given.items()}


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"authorization": "Bearer  one "}, "one"),
        ({"authorization": "bearer one", "x_api_key": "two"}, "one"),
        ({"authorization": "Basic one", "x_api_key": " two "}, "two"),
        ({"authorization": "Bearer "}, None),
        ({}, None),
    ],
)
def test_a_key_comes_in_either_header(given: dict[str, str], key: str | None) -> None:
    assert presented_key(headers(**given)) == key


def test_a_cookie_comes_back_as_it_was_set() -> None:
    here = headers(host="127.0.0.1:3000")
    cookie = session_cookie(here, "a.b-c_d.e", seconds=60).decode()
    first, *attributes = cookie.split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=60"} <= set(attributes)
    assert session_token({**here, b"cookie": f"other=1; {first}".encode()}) == "a.b-c_d.e"


def test_platforms_on_two_ports_do_not_read_each_others_cookies() -> None:
    one, other = headers(host="127.0.0.1:3000"), headers(host="127.0.0.1:3001")
    pair = session_cookie(one, "token", seconds=60).split(b";")[0]
    assert session_token({**other, b"cookie": pair}) is None


@pytest.mark.parametrize("cookie", ["", "a=b", "headgate_session", "headgate_session_x=1; ;=;"])
def test_whatever_is_no_session_is_none(cookie: str) -> None:
    assert session_token(headers(host="ai.example.com", cookie=cookie)) is None


def test_over_https_the_cookie_stays_there() -> None:
    secure = headers(host="ai.example.com", origin="https://ai.example.com")
    assert b"; Secure" in session_cookie(secure, "token", seconds=60)
    plain = headers(host="127.0.0.1:3000", origin="http://127.0.0.1:3000")
    assert b"Secure" not in session_cookie(plain, "token", seconds=60)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("ai.example.com", "headgate_session"),
        ("ai.example.com:8443", "headgate_session_8443"),
        ("[::1]:3000", "headgate_session_3000"),
        ("[::1]", "headgate_session"),
        ("", "headgate_session"),
    ],
)
def test_a_cookie_is_named_for_its_port(host: str, name: str) -> None:
    assert cookie_name(headers(host=host)) == name


NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("method", "host", "origin", "local", "hosts"),
    [
        ("GET", "127.0.0.1:3000", "", "127.0.0.1", NONE),
        ("GET", "localhost:3000", "", "127.0.0.1", NONE),
        ("GET", "[::1]:3000", "", "::1", NONE),
        ("POST", "127.0.0.1:3000", "http://127.0.0.1:3000", "127.0.0.1", NONE),
        ("POST", "LOCALHOST:3000", "http://localhost:3000", "127.0.0.1", NONE),
        ("POST", "10.0.0.7:3000", "http://10.0.0.7:3000", "10.0.0.7", NONE),
        ("POST", "ai.example.com", "https://ai.example.com", "10.0.0.7", NONE),
        ("GET", "ai.example.com", "", "127.0.0.1", frozenset({"ai.example.com"})),
        (
            "PUT",
            "127.0.0.1:3000",
            "https://ai.example.com",
            "127.0.0.1",
            frozenset({"ai.example.com"}),
        ),
    ],
)
def test_the_dashboards_own_pages_may_ask(
    method: str, host: str, origin: str, local: str, hosts: frozenset[str]
) -> None:
    given = headers(host=host, origin=origin) if origin else headers(host=host)
    check_page(given, method, local, hosts)


@pytest.mark.parametrize(
    ("method", "host", "origin", "local"),
    [
        # Another site's name that leads to this machine.
        ("GET", "evil.example", "", "127.0.0.1"),
        ("GET", "127.0.0.1.evil.example:3000", "", "127.0.0.1"),
        ("GET", "localhost.evil.example", "", "::1"),
        ("GET", "[bad", "", "127.0.0.1"),
        ("GET", "", "", "127.0.0.1"),
        # Another site's page, or none that says where it comes from.
        ("POST", "127.0.0.1:3000", "http://evil.example", "127.0.0.1"),
        ("POST", "127.0.0.1:3000", "http://127.0.0.1:8080", "127.0.0.1"),
        ("DELETE", "127.0.0.1:3000", "", "127.0.0.1"),
        ("POST", "127.0.0.1:3000", "null", "127.0.0.1"),
        ("PATCH", "ai.example.com", "https://other.example.com", "10.0.0.7"),
    ],
)
def test_other_sites_pages_may_not(method: str, host: str, origin: str, local: str) -> None:
    given = headers(host=host, origin=origin) if origin else headers(host=host)
    with pytest.raises(InsufficientScope, match="dashboard_hosts"):
        check_page(given, method, local, NONE)
