"""Signing in through an identity provider, as a browser does it."""

from typing import Any

import pytest

from asgi import Client
from headgate.core.sign_on import RoleRules
from headgate.identity.sign_on import SignOn
from headgate.oidc.provider import OidcProvider, ProviderOptions
from headgate.transport.http import HttpClient
from identity_provider import CLIENT, ScriptedProvider, scripted_provider
from platform_in_memory import Platform, platform

HOST = {"host": "ai.example.com"}
PAGE = HOST | {"origin": "https://ai.example.com"}
BEGIN, CALLBACK = "/v1/session/sign-on", "/v1/session/callback"


def set_up(running: Platform, other: ScriptedProvider, client: HttpClient) -> None:
    services = running.services
    provider = OidcProvider(client, ProviderOptions(other.issuer, CLIENT))
    sign_on = SignOn(
        provider,
        services.sessions,
        RoleRules(admin=("ops",), viewer=("staff",)),
        f"https://ai.example.com{CALLBACK}",
        lambda: b"a secret of the tests",
    )
    object.__setattr__(services, "sign_on", sign_on)


async def get(running: Platform, path: str, *, query: str = "", cookie: str = "") -> Client:
    headers = HOST | ({"cookie": cookie} if cookie else {})
    return await running.call("GET", path, key=None, headers=headers, query=query)


def cookies(answer: Client) -> dict[str, str]:
    """The cookies that an answer sets, with what is said of each."""
    found = [
        value.decode() for name, value in answer.messages[0]["headers"] if name == b"set-cookie"
    ]
    return {text.partition("=")[0]: text for text in found}


def kept(answer: Client, name: str) -> str:
    return cookies(answer)[name].partition(";")[0]


async def begun(running: Platform, other: ScriptedProvider) -> tuple[str, str]:
    """The query that leads back, and the cookie that a browser keeps meanwhile."""
    answer = await get(running, BEGIN)
    assert answer.status == 302, answer.data
    code, state = other.visit(answer.headers["location"])
    return f"code={code}&state={state}", kept(answer, "headgate_sign_in")


async def test_somebody_signs_in_and_acts_under_their_own_name() -> None:
    client = HttpClient()
    async with (
        scripted_provider(email="ada@example.com", groups=["ops"]) as other,
        platform() as running,
    ):
        set_up(running, other, client)
        assert (await get(running, "/v1/session")).json == {"session": None, "signOn": True}
        query, flow = await begun(running, other)
        answer = await get(running, CALLBACK, query=query, cookie=flow)
        assert (answer.status, answer.headers["location"]) == (302, "/dashboard")
        assert "HttpOnly; SameSite=Strict" in cookies(answer)["headgate_session"]
        assert "Secure" in cookies(answer)["headgate_session"]
        assert "Max-Age=0" in cookies(answer)["headgate_sign_in"]
        page = PAGE | {"cookie": kept(answer, "headgate_session")}
        who = (await running.call("GET", "/v1/session", key=None, headers=page)).json["session"]
        assert (who["name"], who["userId"]) == ("ada@example.com", "ada@example.com")
        body = {"name": "new", "scopes": ["ai:complete"]}
        created = await running.call("POST", "/v1/auth/keys", body, key=None, headers=page)
        assert created.status == 201
        acts = (await running.call("GET", "/v1/audit")).json["data"]
        assert [act["action"] for act in acts] == ["key.create", "session.open"]
        assert {act["actor"]["userId"] for act in acts} == {"ada@example.com"}
        assert acts[1]["after"] == {"role": "admin"}
    await client.aclose()


async def test_a_viewer_sees_everything_and_changes_nothing() -> None:
    client = HttpClient()
    async with (
        scripted_provider(email="bob@example.com", groups=["staff"]) as other,
        platform() as running,
    ):
        set_up(running, other, client)
        query, flow = await begun(running, other)
        answer = await get(running, CALLBACK, query=query, cookie=flow)
        page = PAGE | {"cookie": kept(answer, "headgate_session")}

        async def status(method: str, path: str, body: dict[str, Any] | bytes = b"") -> int:
            return (await running.call(method, path, body, key=None, headers=page)).status

        for path in (
            *("/v1/auth/keys", "/v1/usage", "/v1/usage/budgets", "/v1/audit", "/v1/live"),
            *("/v1/agents/runs", "/v1/prompts", "/v1/tools", "/v1/documents", "/v1/models"),
        ):
            assert await status("GET", path) == 200
        budget = {"scope": "user", "id": "bob", "monthlyBudget": 5}
        assert await status("PUT", "/v1/usage/budget", budget) == 403
        key = {"name": "x", "scopes": ["admin"]}
        assert await status("POST", "/v1/auth/keys", key) == 403
        assert await status("DELETE", "/v1/users/ada/data") == 403
        assert await status("POST", "/v1/complete", {"messages": []}) == 403
        assert await status("POST", "/v1/agents/run", {"type": "react", "input": "x"}) == 403
        assert await status("POST", "/v1/search", {"query": "x"}) == 403
        own = {"apiKey": "sk-vendor-secret", "userId": "ada"}
        assert await status("PUT", "/v1/providers/sandbox/key", own) == 403
    await client.aclose()


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [
        ("error=access_denied&state=x", 401, "did not sign you in"),
        ("", 401, "did not sign you in"),
        ("code=stolen&state=x", 401, "not begun in this browser"),
    ],
)
async def test_what_goes_wrong_is_told_on_a_page(query: str, status: int, told: str) -> None:
    client = HttpClient()
    async with scripted_provider(email="eve@example.com") as other, platform() as running:
        set_up(running, other, client)
        answer = await get(running, CALLBACK, query=query)
        assert (answer.status, told in answer.data.decode()) == (status, True)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "set-cookie" not in answer.headers
    await client.aclose()


async def test_a_page_says_who_may_not_come_in_and_runs_nothing_of_theirs() -> None:
    client = HttpClient()
    async with scripted_provider(email="<script>eve") as other, platform() as running:
        set_up(running, other, client)
        query, flow = await begun(running, other)
        answer = await get(running, CALLBACK, query=query, cookie=flow)
        page = answer.data.decode()
        assert answer.status == 403
        assert "&lt;script&gt;eve is in no group" in page
        assert "<script>" not in page
        assert (await running.call("GET", "/v1/audit")).json["data"] == []
    await client.aclose()


async def test_a_sign_in_cannot_be_finished_in_another_browser_or_twice() -> None:
    client = HttpClient()
    async with (
        scripted_provider(email="ada@example.com", groups=["ops"]) as other,
        platform() as running,
    ):
        set_up(running, other, client)
        query, flow = await begun(running, other)
        _, flow_of_another = await begun(running, other)
        assert (await get(running, CALLBACK, query=query)).status == 401
        answer = await get(running, CALLBACK, query=query, cookie=flow_of_another)
        assert answer.status == 401
        assert (await get(running, CALLBACK, query=query, cookie=flow)).status == 302
        assert (await get(running, CALLBACK, query=query, cookie=flow)).status == 401
    await client.aclose()


async def test_where_it_is_not_set_up_the_page_says_so() -> None:
    async with platform() as running:
        assert (await get(running, "/v1/session")).json["signOn"] is False
        for path in (BEGIN, CALLBACK):
            answer = await get(running, path)
            assert (answer.status, "[sign_on]" in answer.data.decode()) == (404, True)
