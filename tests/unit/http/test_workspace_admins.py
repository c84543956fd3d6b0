"""What the key of one workspace's administrator may do, walked over the whole route table."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from asgi import Client
from fakes import FakeProvider
from headgate.core.models import Provider
from headgate.http.routes import Route
from headgate.http.table import routes
from headgate.tools.declaration import tool
from platform_in_memory import ADMIN, ADMIN_KEY, Platform, chat, make_key, platform

KEYS = "/v1/auth/keys"
ALL = ["ai:complete", "tools:run", "agent:run", "usage:read"]


@tool(needs_approval=True)
async def wipe(number: int) -> int:
    """Wipe something."""
    return number


class KeyedProvider(FakeProvider):
    """A vendor that takes keys."""

    def with_key(self, api_key: str) -> Provider:
        return FakeProvider(self.provider)


@dataclass
class Scene:
    """Two workspaces with a user, a run and a document each, seen by the administrator of acme."""

    here: Platform
    lead: str
    lead_id: str
    own: dict[str, str]
    others: dict[str, str]

    async def ask(self, method: str, path: str, body: Any = b"", query: str = "") -> Client:
        return await self.here.call(method, path, body, key=self.lead, query=query)


async def people(here: Platform, workspace: str, user: str) -> tuple[str, dict[str, str]]:
    """A key with a user in a workspace; its secret, and what names them."""
    secret = await make_key(
        here, name=f"key of {user}", scopes=ALL, userId=user, workspaceId=workspace
    )
    vendor = {"apiKey": f"sk-of-{user}", "userId": user}
    assert (await here.call("PUT", "/v1/providers/one/key", vendor)).status == 200
    limit = {"scope": "user", "id": user, "monthlyBudget": 5}
    assert (await here.call("PUT", "/v1/usage/budget", limit)).status == 200
    return secret, {"workspace": workspace, "user": user, "key": secret.rpartition("-")[0]}


async def work(here: Platform, secret: str, user: str) -> dict[str, str]:
    """Has a user's key leave something everywhere; the ids of that."""
    order = {"type": "react", "model": "sandbox", "tools": ["wipe"], "waitSeconds": 0}
    order["input"] = f'{user} says [[call wipe {{"number": 4}}]]'
    run = await here.call("POST", "/v1/agents/run", order, key=secret)
    step = await step_that_waits(here, run.json["runId"])
    document = await here.call(
        "POST", "/v1/documents", {"name": f"{user}.txt", "text": "words"}, key=secret
    )
    await here.call("POST", "/v1/complete", chat(f"{user} asks", tags=[user]), key=secret)
    await here.call("POST", "/v1/agents/memory", {"text": f"{user} likes tea"}, key=secret)
    return {"run": run.json["runId"], "step": step, "document": document.json["data"][0]["id"]}


async def step_that_waits(here: Platform, run_id: str) -> str:
    """The step of a run that waits for approval, once it does."""
    runs = here.services.runs
    run = await runs.get(ADMIN_KEY, run_id)
    async with contextlib.aclosing(runs.follow(run)) as pages:
        async for page in pages:
            for event in page:
                if event.type == "approval.requested":
                    return str(event.step_id)
    raise AssertionError("the run has ended")


@contextlib.asynccontextmanager
async def scene(*, at_work: bool = False) -> AsyncIterator[Scene]:
    async with platform(KeyedProvider("one"), tools=[wipe]) as here:
        adas, own = await people(here, "acme", "ada")
        bobs, others = await people(here, "beta", "bob")
        if at_work:
            own |= await work(here, adas, "ada")
            others |= await work(here, bobs, "bob")
        lead = await make_key(here, name="lead", scopes=["workspace:admin"], workspaceId="acme")
        yield Scene(here, lead, lead.rpartition("-")[0], own, others)


class Case(NamedTuple):
    """A request whose `{names}` are filled in once with what is acme's, once with beta's.

    `refused` is the status for beta's; None where the answer must merely not tell of it.
    """

    body: Any = b""
    query: str = ""
    status: int = 200
    refused: int | None = None


NEW = {"name": "new", "scopes": ["ai:complete"], "workspaceId": "{workspace}"}
# In an order in which they can all be done: what ends something comes last.
CASES = {
    "GET /v1/agents/runs": Case(),
    "GET /v1/agents/runs/{runId}": Case(refused=404),
    "POST /v1/agents/runs/{runId}/pause": Case(refused=404),
    "POST /v1/agents/runs/{runId}/resume": Case(refused=404),
    "POST /v1/agents/runs/{runId}/approvals/{stepId}": Case({"approved": True}, refused=404),
    "GET /v1/agents/runs/{runId}/events": Case(refused=404),
    "POST /v1/agents/runs/{runId}/cancel": Case(refused=404),
    "GET /v1/agents/memory": Case(),
    "GET /v1/documents": Case(),
    "GET /v1/documents/{id}": Case(refused=404),
    "POST /v1/search": Case({"query": "words"}),
    "POST /v1/documents/ask": Case({"question": "words?"}),
    "DELETE /v1/documents/{id}": Case(refused=404),
    "GET /v1/usage": Case(query="groupBy=user&userId={user}"),
    "GET /v1/usage/events": Case(query="userId={user}"),
    "GET /v1/usage/budget": Case(query="scope=user&id={user}", refused=403),
    "PUT /v1/usage/budget": Case(
        {"scope": "user", "id": "{user}", "monthlyBudget": 7}, refused=403
    ),
    "GET /v1/usage/budgets": Case(),
    "GET /v1/usage/projection": Case(),
    "GET /v1/usage/latency": Case(),
    "GET /v1/live": Case(),
    "GET /v1/workspaces": Case(),
    "GET /v1/workspaces/{workspaceId}": Case(refused=403),
    "GET /v1/audit": Case(),
    "GET /v1/audit/export": Case(),
    "PUT /v1/providers/{provider}/key": Case(
        {"apiKey": "sk-of-the-lead", "userId": "{user}"}, status=403, refused=403
    ),
    "GET /v1/providers/{provider}/key": Case(query="userId={user}", status=403, refused=403),
    "DELETE /v1/providers/{provider}/key": Case(query="userId={user}", status=403, refused=403),
    "POST /v1/auth/keys": Case(NEW, status=201, refused=403),
    "GET /v1/auth/keys": Case(),
    "GET /v1/auth/keys/{keyId}": Case(refused=404),
    "PATCH /v1/auth/keys/{keyId}": Case({"name": "other", "monthlyBudget": 5}, refused=404),
    "POST /v1/auth/keys/{keyId}/rotate": Case({}, refused=404),
    "DELETE /v1/auth/keys/{keyId}": Case(refused=404),
}
# What names nobody: it is done for the key itself, in its own workspace, or is the same for all.
FOR_ITSELF = {
    *("POST /v1/complete", "POST /v1/stream", "GET /v1/stream/{requestId}", "POST /v1/embed"),
    *("POST /v1/classify", "POST /v1/chat/completions", "POST /v1/responses"),
    *("POST /v1/embeddings", "GET /v1/models", "GET /v1/models/{id:path}", "POST /v1/messages"),
    *("POST /v1/messages/count_tokens", "GET /v1/tools", "POST /v1/tools/{name}", "POST /mcp"),
    *("POST /v1/documents", "POST /v1/agents/run", "POST /v1/agents/stream"),
    *("POST /v1/agents/memory", "PUT /v1/agents/memory/{id}", "DELETE /v1/agents/memory/{id}"),
    *("GET /v1/agents/sessions/{id}", "DELETE /v1/agents/sessions/{id}", "GET /v1/prompts"),
    *("GET /v1/prompts/{name}", "POST /v1/prompts/{name}/render", "GET /v1/prompts/{name}/diff"),
}
ROWS = [row for row in routes() if row.access not in {"open", "local"}]


def name(row: Route) -> str:
    return f"{row.method} {row.path}"


def filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: filled(each, names) for key, each in value.items()}
    return value.format(**names) if isinstance(value, str) else value


def path_of(path: str, names: dict[str, str]) -> str:
    return path.format(
        runId=names["run"],
        stepId=names["step"],
        id=names["document"],
        keyId=names["key"],
        workspaceId=names["workspace"],
        provider="one",
    )


def test_the_walk_has_every_route() -> None:
    """A new route is the platform's, or says here what it is to a workspace's administrator."""
    platforms = {name(row) for row in ROWS if row.access == "admin"}
    assert {name(row) for row in ROWS} - platforms == set(CASES) | FOR_ITSELF
    assert platforms.isdisjoint(set(CASES) | FOR_ITSELF)


async def test_what_is_the_platforms_is_refused_to_a_workspaces_administrator() -> None:
    async with scene() as acme:
        for row in ROWS:
            if row.access == "admin":
                path = row.path
                for part in ("keyId", "id", "workspaceId", "userId"):
                    path = path.replace(f"{{{part}}}", "acme")
                answer = await acme.ask(row.method, path)
                assert (answer.status, name(row)) == (403, name(row))
                assert answer.json["error"]["code"] == "insufficient_scope"


async def test_a_workspaces_administrator_reaches_nothing_of_another() -> None:
    """Whatever it asks for by the names of another workspace tells and changes nothing there."""
    async with scene(at_work=True) as acme:
        before = await beta(acme)
        # What is not refused first: what is stands in the audit log with the names it was asked by.
        for called, case in sorted(CASES.items(), key=lambda item: item[1].refused or 0):
            answer = await acme.ask(*request_of(called, case, acme.others))
            if case.refused is not None:
                assert (called, answer.status) == (called, case.refused)
            else:
                told = answer.data.decode()
                found = {each for each in acme.others.values() if each in told}
                # The number of a step may stand anywhere.
                assert (called, found - {acme.others["step"]}) == (called, set())
            assert (called, await beta(acme)) == (called, before)


async def test_a_workspaces_administrator_does_in_its_own_what_the_routes_are_for() -> None:
    async with scene(at_work=True) as acme:
        for called, case in CASES.items():
            answer = await acme.ask(*request_of(called, case, acme.own))
            assert (called, answer.status) == (called, case.status), answer.data


def request_of(called: str, case: Case, names: dict[str, str]) -> tuple[str, str, Any, str]:
    method, _, path = called.partition(" ")
    body, query = filled(case.body, names), filled(case.query, names)
    return method, path_of(path, names), body, query


async def beta(acme: Scene) -> list[Any]:
    """Everything of the other workspace that stands still, as the platform's administrator sees it.

    What the spend is projected to moves with the clock.
    """
    here, others = acme.here, acme.others
    paths = [
        (f"{KEYS}/{others['key']}", ""),
        ("/v1/providers/one/key", "userId=bob"),
        ("/v1/usage", "userId=bob&groupBy=key"),
        ("/v1/usage/budget", "scope=user&id=bob"),
        (f"/v1/agents/runs/{others['run']}", ""),
        ("/v1/workspaces/beta", ""),
    ]
    told = [(await here.call("GET", path, query=query)).json for path, query in paths]
    return [
        {field: value for field, value in each.items() if not field.startswith("projected")}
        for each in told
    ]


async def test_a_workspaces_administrator_sees_the_calls_of_its_workspace_alone() -> None:
    async with scene() as acme:
        adas = await make_key(acme.here, userId="ada", workspaceId="acme")
        bobs = await make_key(acme.here, userId="bob", workspaceId="beta")
        for secret, times in ((adas, 2), (bobs, 3)):
            for _ in range(times):
                await acme.here.call("POST", "/v1/complete", chat("hi", tags=["t"]), key=secret)
        everything = (await acme.ask("GET", "/v1/usage", query="groupBy=workspace")).json
        tags = (await acme.ask("GET", "/v1/usage", query="groupBy=tag")).json["rows"]
        events = (await acme.ask("GET", "/v1/usage/events")).json["data"]
        others = (await acme.ask("GET", "/v1/usage/events", query="userId=bob")).json["data"]
        live = (await acme.ask("GET", "/v1/live")).json
        latency = (await acme.ask("GET", "/v1/usage/latency")).json
        projection = (await acme.ask("GET", "/v1/usage/projection")).json
        own = (await acme.here.call("GET", "/v1/usage", query="userId=ada")).json["totals"]
    assert [row["workspace"] for row in everything["rows"]] == ["acme"]
    assert (everything["totals"]["requests"], tags[0]["requests"]) == (2, 2)
    assert {event["workspaceId"] for event in events} == {"acme"}
    assert (len(events), others) == (2, [])
    assert live["newest"] == events[0]["id"]
    assert latency["calls"] == 2
    assert projection["billed"] == own["billed"] > 0


async def test_no_key_is_issued_that_reaches_further_than_its_issuer() -> None:
    async with scene() as acme:
        for change in (
            {"workspaceId": "beta"},
            {"workspaceId": "default"},
            {"userId": "bob"},
            {"userId": "nobody-yet"},
            {"userId": "beta:cy"},
            {"userId": "acme:"},
            {"userId": "acme:beta:cy"},
            {"scopes": ["admin"]},
            {"scopes": ["ai:complete", "admin:read"]},
            {"scopes": ["workspace:admin"]},
        ):
            body = {"name": "x", "scopes": ["ai:complete"], "monthlyBudget": 1} | change
            answer = await acme.ask("POST", KEYS, body)
            assert (change, answer.status) == (change, 403)
            assert answer.json["error"]["code"] == "insufficient_scope"
        assert len((await acme.here.call("GET", KEYS)).json["data"]) == 3
        assert len(await acme.here.services.limited()) == 2


async def test_a_key_is_issued_in_the_administrators_own_workspace() -> None:
    async with scene() as acme:
        for user in (None, "ada", "acme:cy"):
            body = {"name": "x", "scopes": ["ai:complete"], "userId": user}
            answer = await acme.ask("POST", KEYS, body)
            assert (answer.status, answer.json["workspaceId"]) == (201, "acme")
        listed = (await acme.ask("GET", KEYS, query="limit=2")).json
        rest = await acme.ask("GET", KEYS, query=f"limit=3&cursor={listed['nextCursor']}")
    assert [key["userId"] for key in listed["data"]] == ["acme:cy", "ada"]
    assert {key["workspaceId"] for key in rest.json["data"]} == {"acme"}
    assert (len(rest.json["data"]), rest.json["nextCursor"]) == (3, None)


async def test_a_user_of_two_workspaces_is_in_no_ones_hands() -> None:
    """Who acts as ada reaches her memories and vendor keys, which are the same everywhere."""
    async with scene() as acme:
        await make_key(acme.here, userId="ada", workspaceId="beta")
        body = {"name": "x", "scopes": ["ai:complete"], "userId": "ada"}
        assert (await acme.ask("POST", KEYS, body)).status == 403
        rotated = await acme.ask("POST", f"{KEYS}/{acme.own['key']}/rotate", {})
        assert rotated.status == 403
        limit = {"scope": "user", "id": "ada", "monthlyBudget": 9}
        assert (await acme.ask("PUT", "/v1/usage/budget", limit)).status == 403
        asked = await acme.ask("GET", "/v1/usage/budget", query="scope=user&id=ada")
        assert asked.status == 403
        assert (await acme.ask("GET", "/v1/usage/budgets")).json["data"] == []
        assert (await acme.ask("DELETE", f"{KEYS}/{acme.own['key']}")).status == 200


async def test_other_administrators_keys_are_seen_and_not_touched() -> None:
    async with scene() as acme:
        for scope in ("admin", "admin:read", "workspace:admin"):
            boss = await make_key(acme.here, scopes=[scope], workspaceId="acme")
            path = f"{KEYS}/{boss.rpartition('-')[0]}"
            assert (await acme.ask("GET", path)).status == 200
            assert (await acme.ask("PATCH", path, {"name": "x"})).status == 403
            assert (await acme.ask("POST", f"{path}/rotate", {})).status == 403
            assert (await acme.ask("DELETE", path)).status == 403
            limit = {"scope": "key", "id": boss.rpartition("-")[0], "monthlyBudget": 9}
            assert (await acme.ask("PUT", "/v1/usage/budget", limit)).status == 403


async def test_no_administrator_of_a_workspace_raises_its_own_limits() -> None:
    async with platform() as here:
        lead = await make_key(
            here, scopes=["workspace:admin"], workspaceId="acme", userId="ada", monthlyBudget=1
        )
        key_id = lead.rpartition("-")[0]
        for scope, of in [
            ("key", key_id),
            ("user", "ada"),
            ("workspace", "acme"),
            ("model", "sandbox"),
        ]:
            limit = {"scope": scope, "id": of, "monthlyBudget": 1000}
            answer = await here.call("PUT", "/v1/usage/budget", limit, key=lead)
            assert (answer.status, scope) == (403, scope)
        path = f"{KEYS}/{key_id}"
        for change in ({"monthlyBudget": None}, {"models": None}, {"scopes": ["admin"]}):
            assert (await here.call("PATCH", path, change, key=lead)).status == 403
        rotated = await here.call("POST", f"{path}/rotate", {}, key=lead)
        assert rotated.status == 200
        lead = rotated.json["apiKey"]
        assert (await here.call("DELETE", path, key=lead)).status == 200


async def test_no_key_may_use_models_that_its_issuer_may_not() -> None:
    async with platform() as here:
        lead = await make_key(
            here, scopes=["workspace:admin"], workspaceId="acme", models=["sandbox", "small"]
        )
        body = {"name": "x", "scopes": ["ai:complete"]}
        for models in (None, ["large"], ["sandbox", "large"]):
            answer = await here.call("POST", KEYS, body | {"models": models}, key=lead)
            assert answer.status == 403
            assert "sandbox, small" in answer.json["error"]["message"]
        made = await here.call("POST", KEYS, body | {"models": ["small"]}, key=lead)
        assert made.status == 201
        path = f"{KEYS}/{made.json['keyId']}"
        assert (await here.call("PATCH", path, {"models": None}, key=lead)).status == 403
        assert (await here.call("PATCH", path, {"scopes": ["admin"]}, key=lead)).status == 403
        assert (await here.call("PATCH", path, {"name": "y"}, key=lead)).status == 200


async def test_the_log_of_a_workspace_has_what_was_done_to_it_by_whomever() -> None:
    async with scene() as acme:
        await acme.ask("POST", KEYS, {"name": "x", "scopes": ["ai:complete"]})
        refused = {"scope": "user", "id": "bob", "monthlyBudget": 7}
        await acme.ask("PUT", "/v1/usage/budget", refused)
        await acme.here.call("PUT", "/v1/workspaces/acme", {"markup": 0.1})
        await acme.here.call("PUT", "/v1/workspaces/beta", {"markup": 0.1})
        await acme.here.call("PATCH", f"{KEYS}/{acme.own['key']}", {"name": "y"})
        key = {"scope": "key", "id": acme.own["key"], "monthlyBudget": 7}
        await acme.here.call("PUT", "/v1/usage/budget", key)
        listed = (await acme.ask("GET", "/v1/audit")).json["data"]
        everything = (await acme.here.call("GET", "/v1/audit")).json["data"]
        found = [(act["action"], act["actor"]["keyId"], act["result"]) for act in listed]
    assert {act["workspaceId"] for act in listed} == {"acme"}
    assert found == [
        ("budget.set", ADMIN_KEY.key_id, "done"),
        ("key.change", ADMIN_KEY.key_id, "done"),
        ("workspace.set", ADMIN_KEY.key_id, "done"),
        ("budget.set", acme.lead_id, "refused"),
        ("key.create", acme.lead_id, "done"),
        ("key.create", ADMIN_KEY.key_id, "done"),
        ("key.create", ADMIN_KEY.key_id, "done"),
    ]
    assert listed[3]["before"] is None
    assert "beta" in {act["workspaceId"] for act in everything}


async def test_whoever_looks_at_everything_looks_at_all_workspaces() -> None:
    async with scene() as acme:
        viewer = await make_key(acme.here, scopes=["admin:read"], workspaceId="acme")
        for path in (KEYS, "/v1/usage/budgets", "/v1/audit", "/v1/workspaces"):
            told = await acme.here.call("GET", path, key=viewer)
            assert told.data == (await acme.here.call("GET", path, key=ADMIN)).data
        assert (await acme.here.call("POST", KEYS, NEW, key=viewer)).status == 403
