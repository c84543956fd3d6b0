"""Calls from web pages of other origins."""

from asgi import Client
from headgate.http.cors import with_cors
from platform_in_memory import ADMIN, platform

PAGE = {"origin": "https://page.example", "authorization": f"Bearer {ADMIN}"}
PREFLIGHT = PAGE | {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,idempotency-key",
}


async def call(origins: tuple[str, ...], method: str, headers: dict[str, str]) -> Client:
    async with platform() as running:
        client = Client(method, "/v1/models", b"", headers)
        client.scope["query_string"] = b""
        await with_cors(running.app, origins)(client.scope, client.receive, client.send)
    return client


async def test_a_page_may_ask_first_and_is_told_what_it_may_send() -> None:
    answer = await call(("*",), "OPTIONS", PREFLIGHT)
    assert answer.status == 200
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "idempotency-key" in answer.headers["access-control-allow-headers"]
    assert answer.headers["x-request-id"]


async def test_a_page_may_read_the_answer_and_its_headers() -> None:
    answer = await call(("*",), "GET", PAGE)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    shown = answer.headers["access-control-expose-headers"].split(", ")
    assert {"x-cost", "x-request-id", "idempotency-replayed"} <= set(shown)


async def test_a_page_of_an_origin_that_is_not_listed_is_not_let_in() -> None:
    answer = await call(("https://own.example",), "OPTIONS", PREFLIGHT)
    assert answer.status == 400
    assert "access-control-allow-origin" not in answer.headers


async def test_a_caller_that_is_no_page_is_answered_as_ever() -> None:
    answer = await call((), "GET", {"authorization": f"Bearer {ADMIN}"})
    assert answer.status == 200
    assert "access-control-allow-origin" not in answer.headers


async def test_options_without_a_page_is_405_in_our_own_shape() -> None:
    answer = await call(("*",), "OPTIONS", {})
    assert (answer.status, answer.json["error"]["code"]) == (405, "method_not_allowed")
