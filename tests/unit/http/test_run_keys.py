"""Runs of people who came in by single sign-on: under which key they act, and how they end."""

from typing import Any

import pytest

from asgi import Client
from headgate.core.sign_on import Grant, Identity
from platform_in_memory import ADMIN, Platform, make_key, platform

RUN = {"type": "react", "model": "sandbox", "input": "Hi", "waitSeconds": 30}
PAGE = {"host": "ai.example.com", "origin": "https://ai.example.com"}
ACME = Grant("workspace_admin", "acme")


async def asks(
    here: Platform, method: str, path: str, body: Any = b"", *, grant: Grant, name: str = "Ada"
) -> Client:
    """What somebody at the dashboard is answered."""
    person = Identity(
        subject="person-1", name=name, user_id=f"{name.lower()}@example.com", groups=()
    )
    token = here.services.sessions.open_for(person, grant)
    headers = PAGE | {"cookie": f"headgate_session={token}"}
    return await here.call(method, path, body, key=None, headers=headers)


@pytest.mark.parametrize("grant", [Grant("admin"), ACME])
async def test_a_person_starts_runs_that_act_under_a_key_of_their_own(grant: Grant) -> None:
    async with platform() as here:
        runs = [
            (await asks(here, "POST", "/v1/agents/run", RUN, grant=grant)).json for _ in range(2)
        ]
        keys = (await here.call("GET", "/v1/auth/keys")).json["data"]
        seen = await asks(here, "GET", f"/v1/agents/runs/{runs[0]['runId']}", grant=grant)
        acts = (await here.call("GET", "/v1/audit")).json["data"]
    assert [run["status"] for run in runs] == ["succeeded", "succeeded"]
    assert seen.json["output"] == {"text": "You said: Hi"}
    (key,) = keys
    assert {run["keyId"] for run in runs} == {key["keyId"]}
    assert (key["name"], key["userId"], key["workspaceId"]) == (
        *("Ada", "ada@example.com"),
        grant.workspace_id,
    )
    assert key["scopes"] == ["agent:run", "ai:complete", "ai:embed", "tools:run"]
    (act,) = acts
    assert (act["action"], act["target"], act["workspaceId"]) == (
        *("key.create", key["keyId"]),
        grant.workspace_id,
    )
    assert act["actor"]["means"] == "session"


async def test_no_secret_opens_the_key_of_a_person() -> None:
    async with platform() as here:
        run = (await asks(here, "POST", "/v1/agents/run", RUN, grant=ACME)).json
        key_id = run["keyId"]
        for guess in (key_id, f"none:{key_id}", f"{key_id}-"):
            assert (await here.call("GET", "/v1/models", key=guess)).status == 401
        rotated = await here.call("POST", f"/v1/auth/keys/{key_id}/rotate", {}, key=ADMIN)
        assert rotated.status == 400
        assert "has no secret" in rotated.json["error"]["message"]


async def test_who_is_shut_out_by_revoking_that_key_is_told_what_to_do() -> None:
    async with platform() as here:
        key_id = (await asks(here, "POST", "/v1/agents/run", RUN, grant=ACME)).json["keyId"]
        assert (await here.call("DELETE", f"/v1/auth/keys/{key_id}")).status == 200
        refused = await asks(here, "POST", "/v1/agents/run", RUN, grant=ACME)
    assert (refused.status, refused.json["error"]["code"]) == (403, "insufficient_scope")
    assert "start them with a key of your own" in refused.json["error"]["message"]


async def test_the_key_has_the_user_that_the_identity_provider_tells_now() -> None:
    async with platform() as here:
        await asks(here, "POST", "/v1/agents/run", RUN, grant=ACME)
        renamed = await asks(here, "POST", "/v1/agents/run", RUN, grant=ACME, name="Augusta")
        (key,) = (await here.call("GET", "/v1/auth/keys")).json["data"]
    assert renamed.json["userId"] == "augusta@example.com"
    assert (key["name"], key["userId"]) == ("Augusta", "augusta@example.com")


async def test_a_viewer_starts_no_run() -> None:
    async with platform() as here:
        refused = await asks(here, "POST", "/v1/agents/run", RUN, grant=Grant("viewer"))
    assert refused.status == 403
    assert "agent:run" in refused.json["error"]["message"]


async def test_a_person_is_in_the_hands_of_no_workspaces_administrator() -> None:
    async with platform() as here:
        lead = await make_key(here, scopes=["workspace:admin"], workspaceId="acme")
        key_id = (await asks(here, "POST", "/v1/agents/run", RUN, grant=ACME)).json["keyId"]
        path = f"/v1/auth/keys/{key_id}"
        user = "ada@example.com"
        body = {"name": "x", "scopes": ["ai:complete"], "userId": user}
        limit = {"scope": "user", "id": user, "monthlyBudget": 5}
        answers = [
            await here.call("POST", "/v1/auth/keys", body, key=lead),
            await here.call("POST", f"{path}/rotate", {}, key=lead),
            await here.call("PATCH", path, {"name": "x"}, key=lead),
            await here.call("DELETE", path, key=lead),
            await here.call("PUT", "/v1/usage/budget", limit, key=lead),
        ]
    assert [answer.status for answer in answers] == [403] * 5
