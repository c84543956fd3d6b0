"""Acts of administrators are in the audit log, before they begin and after they have ended."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from asgi import Client
from headgate.core.audit import Act, AuditFilter, AuditRecord, Outcome
from headgate.core.errors import Overloaded
from headgate.http.routes import Route
from headgate.http.table import routes
from headgate.identity.audit import Audit
from headgate.stores.memory_audit import MemoryAudit
from platform_in_memory import ADMIN, Platform, make_key, platform

WRITING = {"POST", "PUT", "PATCH", "DELETE"}

# A body with which each act is asked for. Whoever adds an act adds its body here.
BODIES: dict[str, dict[str, Any]] = {
    "POST /v1/auth/keys": {"name": "ci", "scopes": ["ai:complete"]},
    "PATCH /v1/auth/keys/{keyId}": {"name": "new"},
    "DELETE /v1/auth/keys/{keyId}": {},
    "POST /v1/auth/keys/{keyId}/rotate": {},
    "PUT /v1/providers/{provider}/key": {"apiKey": "sk-vendor-secret", "userId": "ada"},
    "DELETE /v1/providers/{provider}/key": {},
    "PUT /v1/usage/budget": {"scope": "user", "id": "ada", "monthlyBudget": 5},
    "POST /v1/usage/unconfirmed/{id}/release": {},
    "PUT /v1/workspaces/{workspaceId}": {"markup": 0.1},
    "DELETE /v1/workspaces/{workspaceId}": {},
    "POST /v1/agents/runs/{runId}/approvals/{stepId}": {"approved": True},
    "DELETE /v1/documents/{id}": {},
    "DELETE /v1/users/{userId}/data": {},
}
QUERIES = {"DELETE /v1/providers/{provider}/key": "userId=ada"}
# What changes something and is no act of an administrator's, and why.
NO_ACTS = {
    "POST /v1/agents/run": "a caller's work",
    "POST /v1/agents/stream": "a caller's work",
    "POST /v1/agents/runs/{runId}/cancel": "a caller's own work; the run tells of it",
    "POST /v1/agents/runs/{runId}/pause": "a caller's own work; the run tells of it",
    "POST /v1/agents/runs/{runId}/resume": "a caller's own work; the run tells of it",
    "POST /v1/agents/memory": "a caller's own facts",
    "PUT /v1/agents/memory/{id}": "a caller's own facts",
    "DELETE /v1/agents/memory/{id}": "a caller's own facts",
    "DELETE /v1/agents/sessions/{id}": "a caller's own session",
    "POST /v1/messages/count_tokens": "it changes nothing",
    "POST /v1/prompts/{name}/render": "it changes nothing",
    "POST /v1/session": "it tells of itself, since whoever signs in is known only then",
    "DELETE /v1/session": "it tells of itself, where there is a session",
}


def name(row: Route) -> str:
    return f"{row.method} {row.path}"


WRITING_ROWS = [row for row in routes() if row.method in WRITING and not row.metered]


async def acts(running: Platform) -> list[Act]:
    return await running.services.audit.acts(AuditFilter(), limit=100)


@pytest.mark.parametrize("row", WRITING_ROWS, ids=name)
async def test_whatever_writes_is_an_act_in_the_log_or_says_why_not(row: Route) -> None:
    """An administrator's route that wrote none could not be in the table."""
    if name(row) in NO_ACTS:
        assert row.access != "admin"
        assert row.audit is None
        return
    assert row.audit is not None, f"{name(row)} writes no entry"
    async with platform() as running:
        path = row.path.replace("{provider}", "sandbox").replace("{userId}", "ada")
        for part in ("keyId", "id", "workspaceId", "runId", "stepId"):
            path = path.replace(f"{{{part}}}", "one")
        await running.call(row.method, path, BODIES[name(row)], query=QUERIES.get(name(row), ""))
        (act,) = await acts(running)
        assert act.intent.action == row.audit.action
        assert act.result in {"done", "refused"}


def test_no_reason_outlives_its_route() -> None:
    names = {name(row) for row in WRITING_ROWS}
    assert set(BODIES) | set(NO_ACTS) == names


async def test_an_act_says_who_did_what_to_what_and_how_it_was_and_is() -> None:
    async with platform() as running:
        secret = await make_key(running, name="old", userId="ada")
        key_id = secret.rpartition("-")[0]
        client = running.client("PATCH", f"/v1/auth/keys/{key_id}", {"name": "new"})
        client.scope["client"] = ("192.0.2.7", 1234)
        await running.app(client.scope, client.receive, client.send)
        changed, created = await acts(running)
        assert (created.intent.action, created.intent.target) == ("key.create", "")
        assert created.target == key_id
        intent, outcome = changed.intent, changed.outcome
        assert outcome is not None
        assert (intent.action, intent.target, changed.result) == ("key.change", key_id, "done")
        assert (intent.actor.key_id, intent.actor.means) == ("sk-proj-admin", "key")
        assert intent.request_id == client.headers["x-request-id"]
        assert intent.address == "192.0.2.7"
        assert (intent.before["name"], outcome.after["name"]) == ("old", "new")


async def test_no_secret_is_in_the_log() -> None:
    async with platform() as running:
        created = await make_key(running)
        key_id = created.rpartition("-")[0]
        rotated = await running.call("POST", f"/v1/auth/keys/{key_id}/rotate", {})
        body = {"apiKey": "sk-vendor-secret", "userId": "ada"}
        await running.call("PUT", "/v1/providers/sandbox/key", body)
        records = await running.services.audit.store.records(after=0, limit=100)
        text = "".join(record.text for record in records)
        assert len(records) == 6
        assert "vendor_key.set" in text
        for given in (created, rotated.json["apiKey"], "sk-vendor-secret", ADMIN):
            assert given not in text


async def test_a_budget_is_told_by_what_was_set_of_it() -> None:
    async with platform() as running:
        body = {"scope": "user", "id": "ada", "monthlyBudget": 5, "hard": False}
        await running.call("PUT", "/v1/usage/budget", body)
        await running.call("PUT", "/v1/usage/budget", {**body, "monthlyBudget": None})
        removed, was_set = await acts(running)
        assert was_set.target == "user:ada"
        assert was_set.intent.before == {"monthlyBudget": None}
        assert was_set.outcome is not None
        assert (was_set.outcome.after["monthlyBudget"], was_set.outcome.after["hard"]) == (5, False)
        assert removed.intent.before["monthlyBudget"] == 5


async def test_an_act_that_is_refused_says_why() -> None:
    async with platform() as running:
        answer = await running.call("DELETE", "/v1/auth/keys/sk-proj-nobody")
        assert answer.status == 404
        (act,) = await acts(running)
        assert (act.result, act.target) == ("refused", "sk-proj-nobody")
        assert act.outcome is not None
        assert act.outcome.code == "not_found"


async def test_who_may_not_act_at_all_writes_nothing() -> None:
    async with platform() as running:
        caller = await make_key(running)
        before = await acts(running)
        assert (await running.call("DELETE", "/v1/auth/keys/x", key=caller)).status == 403
        assert (await running.call("DELETE", "/v1/auth/keys/x", key="wrong")).status == 401
        assert (await running.call("POST", "/v1/auth/keys", {"name": "x"})).status == 400
        assert await acts(running) == before


@dataclass
class Failing(MemoryAudit):
    """A log that cannot be written, or only with intents."""

    keeps_intents: bool = False

    async def append(self, record: AuditRecord) -> None:
        if isinstance(record, Outcome) or not self.keeps_intents:
            raise Overloaded("the store is away")
        await MemoryAudit.append(self, record)


def with_log(running: Platform, store: MemoryAudit) -> None:
    object.__setattr__(running.services, "audit", Audit(store))


async def test_nothing_is_done_that_cannot_be_told_before() -> None:
    async with platform() as running:
        with_log(running, Failing())
        body = {"scope": "user", "id": "ada", "monthlyBudget": 5}
        assert (await running.call("PUT", "/v1/usage/budget", body)).status == 503
        found = await running.call("GET", "/v1/usage/budget", query="scope=user&id=ada")
        assert found.json["monthlyBudget"] is None


async def test_an_act_whose_end_could_not_be_told_is_answered_and_stays_unknown() -> None:
    """Its answer may hold a secret that is told once."""
    async with platform() as running:
        with_log(running, Failing(keeps_intents=True))
        assert (await make_key(running)).startswith("sk-proj-")
        (act,) = await acts(running)
        assert (act.intent.action, act.result) == ("key.create", "unknown")


@dataclass
class Stuck(MemoryAudit):
    """A log that never gets to keep an outcome."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def append(self, record: AuditRecord) -> None:
        if isinstance(record, Outcome):
            self.asked.set()
            await asyncio.Event().wait()
        await MemoryAudit.append(self, record)


async def test_an_act_that_was_cut_off_is_there_and_unknown() -> None:
    """As it is when a process dies between the act and its end."""
    async with platform() as running:
        stuck = Stuck()
        with_log(running, stuck)
        client: Client = running.client("PUT", "/v1/workspaces/acme", {"markup": 0.5})
        task = asyncio.create_task(running.app(client.scope, client.receive, client.send))
        await stuck.asked.wait()
        task.cancel()
        await asyncio.wait([task])
        (act,) = await acts(running)
        assert (act.target, act.result) == ("acme", "unknown")
        assert (await running.services.workspaces.get("acme")).markup.ppm == 500_000
