"""The acts that the audit log tells of: what each is done to, and what of it is kept."""

from typing import Any

from headgate.core.budgets import Account, Limit
from headgate.core.money import to_json
from headgate.http import keys, usage, vendor_keys, workspaces
from headgate.http.agents import DecisionBody
from headgate.http.audited import Audited, param
from headgate.http.calls import Call, Reply


def _limit_of(limit: Limit | None) -> Any:
    if limit is None:
        return {"monthlyBudget": None}
    return {
        "monthlyBudget": to_json(limit.amount),
        "hard": limit.hard,
        "alertThresholds": limit.alert_thresholds,
    }


async def _budget_before(call: Call[usage.SetBudget]) -> Reply:
    account = Account(call.body.scope, call.body.id)
    # Whoever may not set it is not shown it either.
    await call.services.delegation.check_limit(call.key, account)
    (budget,) = await call.services.gateway.ledger.budgets((account,))
    return Reply(_limit_of(budget.limit))


def _budget_after(_call: Call[usage.SetBudget], reply: Reply) -> Any:
    item: usage.BudgetItem = reply.body
    return {
        "monthlyBudget": item.monthly_budget,
        "hard": item.hard,
        "alertThresholds": item.alert_thresholds,
    }


async def _in_new(call: Call[keys.CreateKey]) -> str:
    return keys.workspace_of_new(call)


async def _in_that_of_key(call: Call[Any]) -> str:
    return (await call.services.keys.get(call.params["keyId"])).workspace_id


async def _in_that_of_budget(call: Call[usage.SetBudget]) -> str | None:
    body = call.body
    if body.scope == "key":
        return (await call.services.keys.get(body.id)).workspace_id
    return body.id if body.scope == "workspace" else None


async def _in_that_of_run(call: Call[Any]) -> str:
    return (await call.services.runs.get(call.key, call.params["runId"])).workspace_id


async def _in_that_named(call: Call[Any]) -> str:
    return call.params["workspaceId"]


async def _in_own(call: Call[Any]) -> str:
    return call.key.workspace_id


def _decision(call: Call[DecisionBody], _reply: Reply) -> Any:
    # The comment and the run are what people and models wrote.
    return {"approved": call.body.approved}


def _key_id(reply: Reply) -> str:
    item: keys.KeyItem = reply.body
    return item.key_id


_KEY = param("keyId")
_WORKSPACE = param("workspaceId")

KEY_CREATED = Audited("key.create", lambda _: "", made=_key_id, workspace=_in_new)
KEY_CHANGED = Audited("key.change", _KEY, keys.get_key, workspace=_in_that_of_key)
KEY_REVOKED = Audited("key.revoke", _KEY, keys.get_key, workspace=_in_that_of_key)
KEY_ROTATED = Audited("key.rotate", _KEY, keys.get_key, workspace=_in_that_of_key)
VENDOR_KEY_SET = Audited("vendor_key.set", vendor_keys.target, vendor_keys.shown)
VENDOR_KEY_DELETED = Audited("vendor_key.delete", vendor_keys.target, vendor_keys.shown)
BUDGET_SET = Audited(
    "budget.set",
    lambda call: f"{call.body.scope}:{call.body.id}",
    _budget_before,
    _budget_after,
    workspace=_in_that_of_budget,
)
UNCONFIRMED_RELEASED = Audited("unconfirmed.release", param("id"))
WORKSPACE_SET = Audited(
    "workspace.set", _WORKSPACE, workspaces.get_workspace, workspace=_in_that_named
)
WORKSPACE_RESET = Audited(
    "workspace.reset", _WORKSPACE, workspaces.get_workspace, workspace=_in_that_named
)
APPROVAL_DECIDED = Audited(
    "approval.decide",
    lambda call: f"{call.params['runId']}/{call.params['stepId']}",
    after=_decision,
    workspace=_in_that_of_run,
)
USER_DATA_DELETED = Audited("user.delete_data", param("userId"))
# Documents are those of the key's workspace.
DOCUMENT_DELETED = Audited("document.delete", param("id"), workspace=_in_own)
