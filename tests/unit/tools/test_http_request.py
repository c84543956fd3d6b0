"""Requests of callers: judged at every hop, told whole and bounded."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import pytest

from gateway_desk import KEY
from headgate.core.errors import InvalidRequest
from headgate.core.fetching import Fetched
from headgate.core.tools import ToolContext
from headgate.tools.declaration import declared
from headgate.tools.http_request import MOST_REDIRECTS, HttpAnswer, HttpRequests
from no_models import NO_MODELS

CONTEXT = ToolContext(key=KEY, models=NO_MODELS)
OK = Fetched(status=200, headers={"content-type": "text/plain"}, body=b"hello", is_whole=True)


class Sent(NamedTuple):
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


class Hosts:
    """Answers in order; remembers what it was sent."""

    def __init__(self, *answers: Fetched) -> None:
        self.answers = list(answers or (OK,))
        self.sent: list[Sent] = []

    async def fetch(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, most_bytes: int
    ) -> Fetched:
        self.sent.append(Sent(method, url, headers, body))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def to(location: str, status: int = 302) -> Fetched:
    return Fetched(status=status, headers={"location": location}, body=b"", is_whole=True)


async def ask(hosts: Hosts, allowed: Sequence[str] | None = None, **arguments: Any) -> HttpAnswer:
    async def allowed_hosts(workspace: str) -> Sequence[str] | None:
        return allowed if workspace == "acme" else ()

    requests = HttpRequests(hosts, allowed_hosts)
    given = {"url": "https://api.example.com/v1?q=1", **arguments}
    answer = await declared(requests.http_request).run(CONTEXT, given)
    assert isinstance(answer, HttpAnswer)
    return answer


async def test_a_request_is_sent_as_it_is_meant() -> None:
    hosts = Hosts()
    answer = await ask(hosts, method="POST", headers={"X-Token": "t"}, body={"a": [1]})
    assert answer == HttpAnswer(
        status=200,
        url="https://api.example.com/v1?q=1",
        headers={"content-type": "text/plain"},
        body="hello",
    )
    assert hosts.sent == [
        Sent(
            "POST",
            "https://api.example.com/v1?q=1",
            {"x-token": "t", "content-type": "application/json"},
            b'{"a":[1]}',
        )
    ]


async def test_a_text_is_sent_as_it_is() -> None:
    hosts = Hosts()
    await ask(hosts, method="PUT", body="ä", headers={"Content-Type": "text/csv"})
    assert hosts.sent[0].body == "ä".encode()
    assert hosts.sent[0].headers == {"content-type": "text/csv"}


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("file:///etc/passwd", "not an http"),
        ("gopher://example.com/", "not an http"),
        ("ftp://example.com/", "not an http"),
        ("data:text/plain,hello", "not an http"),
        ("//example.com/", "not an http"),
        ("/etc/passwd", "not an http"),
        ("http://", "not an http"),
        ("", "not an http"),
        ("http://user:secret@example.com/", "user name"),
        ("http://good.example@10.0.0.1/", "user name"),
        ("http://good.example\\@10.0.0.1/", "characters"),
        ("http://example.com/\r\nx-injected: 1", "characters"),
        ("http://example.com/a b", "characters"),
        ("http://\u0661\u0662\u0667.0.0.1/", "characters"),
        ("http://ex\u00e4mple.com/", "characters"),
        ("http://example.com:port/", "no address"),
        ("http://example.com:99999/", "no address"),
        ("http://[::1/", "no address"),
    ],
)
async def test_what_is_no_plain_address_is_refused_before_anything_is_sent(
    url: str, said: str
) -> None:
    hosts = Hosts()
    with pytest.raises(InvalidRequest, match=said) as caught:
        await ask(hosts, url=url)
    assert caught.value.param == "url"
    assert not hosts.sent


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "10.0.0.1"},
        {"content-length": "5"},
        {"Transfer-Encoding": "chunked"},
        {"Connection": "upgrade"},
        {"Proxy-Authorization": "x"},
        {"x bad": "1"},
        {"": "1"},
        {"x": "1\r\nx-injected: 2"},
        {"x": "\u00e4"},
        {f"x-{number}": "1" for number in range(51)},
    ],
)
async def test_a_header_that_could_change_the_request_itself_is_refused(
    headers: dict[str, str],
) -> None:
    hosts = Hosts()
    with pytest.raises(InvalidRequest):
        await ask(hosts, headers=headers)
    assert not hosts.sent


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "get", "GET / HTTP/1.1"])
async def test_only_these_methods_are_sent(method: str) -> None:
    with pytest.raises(InvalidRequest):
        await ask(Hosts(), method=method)


@pytest.mark.parametrize(
    ("url", "is_allowed"),
    [
        ("https://api.example.com/", True),
        ("https://API.Example.com./", True),
        ("http://api.example.com:8080/", True),
        ("https://eu.cdn.example.net/", True),
        ("https://cdn.example.net/", False),
        ("https://evilcdn.example.net/", False),
        ("https://api.example.com.evil.example/", False),
        ("https://evilapi.example.com/", False),
        ("https://example.com/", False),
        ("https://8.8.8.8/", False),
    ],
)
async def test_a_workspace_with_a_list_reaches_those_hosts_alone(
    url: str, is_allowed: bool
) -> None:
    hosts = Hosts()
    allowed = ["api.example.com", "*.cdn.example.net"]
    if is_allowed:
        await ask(hosts, allowed, url=url)
    else:
        with pytest.raises(InvalidRequest, match="workspace may reach"):
            await ask(hosts, allowed, url=url)
    assert bool(hosts.sent) == is_allowed


async def test_an_empty_list_allows_nothing() -> None:
    with pytest.raises(InvalidRequest):
        await ask(Hosts(), [])


async def test_a_redirect_is_followed_and_told() -> None:
    hosts = Hosts(to("/v2"), to("https://www.example.com/v3"), OK)
    answer = await ask(hosts)
    assert answer.url == "https://www.example.com/v3"
    assert [sent.url for sent in hosts.sent] == [
        "https://api.example.com/v1?q=1",
        "https://api.example.com/v2",
        "https://www.example.com/v3",
    ]


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "http://a@10.0.0.1/", "https://other.example/", "http://[::1/", "\\\\x"],
)
async def test_each_redirect_is_judged_anew(location: str) -> None:
    hosts = Hosts(to(location), OK)
    with pytest.raises(InvalidRequest):
        await ask(hosts, ["api.example.com"])
    assert len(hosts.sent) == 1


async def test_redirects_without_end_are_refused() -> None:
    hosts = Hosts(to("/again"))
    with pytest.raises(InvalidRequest, match="redirects more than"):
        await ask(hosts)
    assert len(hosts.sent) == MOST_REDIRECTS + 1


@pytest.mark.parametrize(
    ("status", "method", "sent_method", "sent_body"),
    [
        (301, "POST", "GET", b""),
        (302, "POST", "GET", b""),
        (303, "PUT", "GET", b""),
        (307, "POST", "POST", b"data"),
        (308, "PUT", "PUT", b"data"),
    ],
)
async def test_a_redirect_keeps_the_method_where_it_says_so(
    status: int, method: str, sent_method: str, sent_body: bytes
) -> None:
    hosts = Hosts(to("/v2", status), OK)
    await ask(hosts, method=method, body="data")
    assert (hosts.sent[1].method, hosts.sent[1].body) == (sent_method, sent_body)
    assert ("content-type" in hosts.sent[1].headers) == bool(sent_body)


@pytest.mark.parametrize(
    ("location", "is_kept"),
    [
        ("/v2", True),
        ("https://other.example/", False),
        ("http://api.example.com/", False),
        ("https://api.example.com:8443/", False),
    ],
)
async def test_another_host_is_told_none_of_the_callers_headers(
    location: str, is_kept: bool
) -> None:
    hosts = Hosts(to(location), OK)
    await ask(hosts, headers={"Authorization": "Bearer secret", "X-Api-Key": "secret"})
    assert ("secret" in str(hosts.sent[1].headers)) == is_kept


@pytest.mark.parametrize("status", [304, 404, 500])
async def test_any_other_status_is_an_answer(status: int) -> None:
    answer = await ask(Hosts(msgspec.structs.replace(OK, status=status)))
    assert answer.status == status


async def test_a_redirect_to_nowhere_is_an_answer() -> None:
    answer = await ask(Hosts(Fetched(status=302, headers={}, body=b"", is_whole=True)))
    assert answer.status == 302


@pytest.mark.parametrize(
    ("kind", "body", "text", "encoded"),
    [
        ("text/html; charset=iso-8859-1", b"caf\xe9", "café", None),
        ("application/json", b"{}", "{}", None),
        ("text/plain; charset=nonsense", b"abc", None, "YWJj"),
        ("image/png", b"\x89PNG\x00", None, "iVBORwA="),
        ("text/plain", b"a\x00b", None, "YQBi"),
    ],
)
async def test_a_body_is_told_as_text_where_it_is_text(
    kind: str, body: bytes, text: str | None, encoded: str | None
) -> None:
    found = Fetched(status=200, headers={"content-type": kind}, body=body, is_whole=True)
    answer = await ask(Hosts(found))
    assert (answer.body or None) == text
    assert (answer.body_base64 or None) == encoded


async def test_a_text_that_was_cut_within_a_character_says_that_it_was_cut() -> None:
    found = Fetched(status=200, headers={}, body="né".encode()[:-1], is_whole=False)
    answer = await ask(Hosts(found))
    assert (answer.body, answer.truncated) == ("n", True)
    assert msgspec.to_builtins(answer)["truncated"] is True
