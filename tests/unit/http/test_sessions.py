"""Signing in, being there, signing out."""

from typing import Any

import pytest

from asgi import Client
from platform_in_memory import ADMIN, ADMIN_KEY, Platform, platform

HOST = {"host": "127.0.0.1:3000"}
PAGE = {**HOST, "origin": "http://127.0.0.1:3000"}


async def sign_in(running: Platform, **proof: Any) -> Client:
    return await running.call("POST", "/v1/session", proof, key=None, headers=PAGE)


def cookie(answer: Client) -> dict[str, str]:
    return {"cookie": answer.headers["set-cookie"].split(";")[0]}


async def test_an_admin_key_becomes_a_cookie_that_acts_for_it() -> None:
    async with platform() as running:
        answer = await sign_in(running, apiKey=ADMIN)
        keys = await running.call("GET", "/v1/auth/keys", key=None, headers=HOST | cookie(answer))
    assert (answer.status, answer.json["keyId"]) == (201, ADMIN_KEY.key_id)
    assert "HttpOnly; SameSite=Strict" in answer.headers["set-cookie"]
    assert ADMIN not in answer.headers["set-cookie"]
    assert keys.status == 200


async def test_calls_with_the_cookie_are_the_keys_own() -> None:
    body = {"model": "sandbox", "messages": [{"role": "user", "content": "Hello"}]}
    async with platform() as running:
        page = PAGE | cookie(await sign_in(running, apiKey=ADMIN))
        assert (await running.call("POST", "/v1/complete", body, key=None, headers=page)).status
        (event,) = running.ledger._events.values()
    assert event.key_id == ADMIN_KEY.key_id


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"origin": ""}, 403),
        ({"cookie": "headgate_session_3000=made.up.token"}, 401),
        ({"cookie": ""}, 401),
        ({}, 201),
    ],
)
async def test_a_write_with_the_cookie_must_come_from_the_dashboards_pages(
    changed: dict[str, str], status: int
) -> None:
    body = {"name": "new", "scopes": ["ai:complete"]}
    async with platform() as running:
        page = PAGE | cookie(await sign_in(running, apiKey=ADMIN)) | changed
        page = {name: text for name, text in page.items() if text}
        answer = await running.call("POST", "/v1/auth/keys", body, key=None, headers=page)
    assert answer.status == status


async def test_on_this_machine_no_other_name_is_served() -> None:
    async with platform() as running:
        signed = cookie(await sign_in(running, apiKey=ADMIN))
        client = running.client(
            "GET", "/v1/usage", key=None, headers={"host": "evil.example:3000"} | signed
        )
        client.scope["server"] = ("127.0.0.1", 3000)
        await running.app(client.scope, client.receive, client.send)
    assert client.status == 403
    assert "evil.example" in client.json["error"]["message"]


async def test_a_key_beside_the_cookie_decides() -> None:
    async with platform() as running:
        signed = HOST | cookie(await sign_in(running, apiKey=ADMIN))
        answer = await running.call("GET", "/v1/usage", key="sk-proj-wrong", headers=signed)
    assert answer.status == 401


@pytest.mark.parametrize(
    ("proof", "status"),
    [
        ({"apiKey": "sk-proj-wrong"}, 401),
        ({"ticket": "used"}, 401),
        ({"apiKey": ADMIN, "ticket": "both"}, 400),
        ({}, 401),
    ],
)
async def test_without_proof_nobody_signs_in(proof: dict[str, str], status: int) -> None:
    async with platform() as running:
        answer = await sign_in(running, **proof)
    assert answer.status == status
    assert "set-cookie" not in answer.headers


async def test_another_sites_page_cannot_sign_anybody_in() -> None:
    """It would have a visitor work on the attacker's behalf without noticing."""
    async with platform() as running:
        foreign = {**HOST, "origin": "http://evil.example"}
        answer = await running.call(
            "POST", "/v1/session", {"apiKey": ADMIN}, key=None, headers=foreign
        )
    assert answer.status == 403


async def test_whoever_is_there_is_told_who_they_are_and_stays() -> None:
    async with platform() as running:
        signed = cookie(await sign_in(running, apiKey=ADMIN))
        who = await running.call("GET", "/v1/session", key=None, headers=HOST | signed)
        renewed = await running.call("POST", "/v1/session", {}, key=None, headers=PAGE | signed)
        by_key = await running.call("GET", "/v1/session")
    assert who.json["session"]["name"] == "admin"
    assert renewed.json["expiresAt"] >= who.json["session"]["expiresAt"]
    assert "set-cookie" in renewed.headers
    assert by_key.json["session"]["expiresAt"] is None


@pytest.mark.parametrize("given", [{}, {"cookie": "headgate_session_3000=a.b.c"}])
async def test_nobody_is_told_so_without_an_error(given: dict[str, str]) -> None:
    """A page that only asks whether somebody is there has nothing to complain of."""
    async with platform() as running:
        answer = await running.call("GET", "/v1/session", key=None, headers=HOST | given)
    assert (answer.status, answer.json) == (
        200,
        {"session": None, "signOn": False},
    )


async def test_signing_out_has_the_browser_forget() -> None:
    async with platform() as running:
        signed = PAGE | cookie(await sign_in(running, apiKey=ADMIN))
        answer = await running.call("DELETE", "/v1/session", key=None, headers=signed)
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert answer.headers["set-cookie"].startswith("headgate_session_3000=;")
