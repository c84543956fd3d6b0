import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headgate.core.errors import MethodNotAllowed, NotFound
from headgate.http.calls import Call, Reply
from headgate.http.routes import Access, Method, Route, RouteTable, path_of
from headgate.http.table import routes

PLATFORM = RouteTable(routes())
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW", "")


async def answers(_call: Call[Any]) -> Reply:
    return Reply("")


def row(method: Method, path: str, access: Access = "open", body: Any = None) -> Route:
    return Route(
        method=method,
        path=path,
        access=access,
        handler=answers,
        summary="x",
        answer=str,
        body=body,
    )


def test_a_path_without_placeholders_is_found_as_it_is() -> None:
    plain = row("GET", "/v1/models")
    found = RouteTable([row("GET", "/v1/{rest:path}"), plain]).match("GET", "/v1/models")
    assert found.route is plain
    assert found.params == {}


def test_a_placeholder_stands_for_one_segment() -> None:
    table = RouteTable([row("GET", "/keys/{keyId}"), row("POST", "/keys/{keyId}/rotate")])
    assert table.match("GET", "/keys/a b").params == {"keyId": "a b"}
    assert table.match("POST", "/keys/a/rotate").params == {"keyId": "a"}


@pytest.mark.parametrize("path", ["/keys/", "/keys//", "/keys/a/b", "/keys/a/", "/keys"])
def test_a_placeholder_stands_for_neither_nothing_nor_two_segments(path: str) -> None:
    with pytest.raises(NotFound):
        RouteTable([row("GET", "/keys/{keyId}")]).match("GET", path)


@pytest.mark.parametrize("model", ["gpt-4o", "bedrock/anthropic.claude:0", "a//b/", "a\nb", "é"])
def test_a_placeholder_for_a_rest_may_hold_slashes(model: str) -> None:
    table = RouteTable([row("GET", "/models/{id:path}")])
    assert table.match("GET", f"/models/{model}").params == {"id": model}


def test_several_placeholders_keep_apart() -> None:
    table = RouteTable([row("GET", "/runs/{runId}/files/{name:path}")])
    found = table.match("GET", "/runs/1/files/2/files/3")
    assert found.params == {"runId": "1", "name": "2/files/3"}


def test_a_slash_that_is_written_encoded_separates_nothing() -> None:
    table = RouteTable([row("GET", "/a/{id}"), row("GET", "/a/{id}/b"), row("POST", "/c")])
    whole = path_of({"path": "/a/x/b", "raw_path": b"/a/x%2fb"})
    assert table.match("GET", whole).params == {"id": "x/b"}
    below = path_of({"path": "/a/x/y z/b", "raw_path": b"/a/x%2Fy%20z/b"})
    assert table.match("GET", below).params == {"id": "x/y z"}
    assert path_of({"path": "/a/x%", "raw_path": b"/a/x%25"}) == "/a/x%"
    assert path_of({"path": "/a/x", "raw_path": None}) == "/a/x"


def test_an_encoded_slash_is_told_as_it_was_written() -> None:
    path = path_of({"path": "/a/x/b", "raw_path": b"/a%2Fx/b"})
    with pytest.raises(NotFound, match="'/a%2Fx/b'"):
        RouteTable([row("GET", "/a/{id}/b")]).match("GET", path)
    with pytest.raises(MethodNotAllowed, match="/a%2Fx/b answers"):
        RouteTable([row("GET", "/{id}/b")]).match("PUT", path)


def test_what_a_path_says_is_no_pattern() -> None:
    table = RouteTable([row("GET", "/a.b/{id}")])
    with pytest.raises(NotFound):
        table.match("GET", "/axb/1")


def test_the_matched_row_has_the_decoder_of_its_body() -> None:
    table = RouteTable([row("POST", "/x/{id}", body=list[int]), row("GET", "/x/{id}")])
    decoder = table.match("POST", "/x/1").decoder
    assert decoder is not None
    assert decoder.decode(b"[1]") == [1]
    assert table.match("GET", "/x/1").decoder is None


def test_an_unknown_path_is_not_found_and_named_in_part_only() -> None:
    with pytest.raises(NotFound) as caught:
        PLATFORM.match("GET", "/" + "x" * 5000)
    assert "/xxx" in caught.value.message
    assert len(caught.value.message) < 500


@pytest.mark.parametrize("path", ["/x", "/x/1"])
def test_another_method_is_refused_with_those_that_are_allowed(path: str) -> None:
    rows = [row(method, name) for method in ("PUT", "GET") for name in ("/x", "/x/{id}")]
    with pytest.raises(MethodNotAllowed) as caught:
        RouteTable(rows).match("DELETE", path)
    assert caught.value.allowed == ("GET", "PUT")


def test_head_is_answered_as_get_and_only_there() -> None:
    table = RouteTable([row("GET", "/x"), row("POST", "/y")])
    assert table.match("HEAD", "/x").route.method == "GET"
    with pytest.raises(MethodNotAllowed):
        table.match("HEAD", "/y")


@pytest.mark.parametrize("method", ["get", "Get", " GET", "GET "])
def test_methods_are_compared_as_they_are_written(method: str) -> None:
    with pytest.raises(MethodNotAllowed):
        RouteTable([row("GET", "/x")]).match(method, "/x")


@pytest.mark.parametrize("path", ["/x", "/x/{id}", "/x/{id:path}"])
def test_a_row_that_stands_twice_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="twice"):
        RouteTable([row("GET", path), row("GET", path)])


segments = st.one_of(
    st.sampled_from(["v1", "auth", "keys", "rotate", "usage", "budget", "models"]),
    st.sampled_from(["", ".", "..", "V1", "%2e", "%2f", "keys%2F", "{keyId}", "\x00"]),
    st.sampled_from(["keys ", "keys\n", "keys;", "keys?", "keys#", "k\u0435ys"]),
    st.text(max_size=5),
)
paths = st.one_of(
    st.text(), st.lists(segments, max_size=7).map(lambda parts: "/".join(["", *parts]))
)


@given(method=st.sampled_from(METHODS), path=paths)
@example(method="GET", path="/v1/models/../auth/keys")
@example(method="GET", path="//v1/auth/keys")
@example(method="GET", path="/v1/auth/keys/")
@example(method="POST", path="/v1/auth/keys\n")
@example(method="PUT", path="/v1/usage/%62udget")
def test_no_spelling_of_a_path_reaches_a_row_that_is_not_literally_its_own(
    method: str, path: str
) -> None:
    """What is not found is refused as such; what is found is the row whose path was written."""
    try:
        found = PLATFORM.match(method, path)
    except (NotFound, MethodNotAllowed):
        return
    assert found.route.method == ("GET" if method == "HEAD" else method)
    written = found.route.path
    for name, value in found.params.items():
        assert value
        written = written.replace(f"{{{name}}}", value).replace(f"{{{name}:path}}", value)
        assert "/" not in value or f"{{{name}:path}}" in found.route.path
    assert written == path


def test_no_admin_row_ends_with_a_placeholder_that_takes_slashes() -> None:
    """Such a row would answer for paths of others that are added later."""
    greedy = [row.path for row in PLATFORM.rows if re.search(r"\{\w+:path\}$", row.path)]
    found = {row.access for row in PLATFORM.rows if row.path in greedy}
    assert found == {"any", "open"}


def test_an_unmatched_method_is_told_in_the_words_of_its_path() -> None:
    assert PLATFORM.error_style("/v1/messages") == "anthropic"
    assert PLATFORM.error_style("/v1/complete") == "platform"
    assert PLATFORM.error_style("/v1/messages/nowhere") == "platform"
