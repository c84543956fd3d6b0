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
    (budget,) = await call.services.gateway.ledger.budgets((account,))
    return Reply(_limit_of(budget.limit))


def _budget_after(_call: Call[usage.SetBudget], reply: Reply) -> Any:
    item: usage.BudgetItem = reply.body
    return {
        "monthlyBudget": item.monthly_budget,
        "hard": item.hard,
        "alertThresholds": item.alert_thresholds,
    }


def _decision(call: Call[DecisionBody], _reply: Reply) -> Any:
    # The comment and the run are what people and models wrote.
    return {"approved": call.body.approved}


def _key_id(reply: Reply) -> str:
    item: keys.KeyItem = reply.body
    return item.key_id


_KEY = param("keyId")
_WORKSPACE = param("workspaceId")

KEY_CREATED = Audited("key.create", lambda _: "", made=_key_id)
KEY_CHANGED = Audited("key.change", _KEY, keys.get_key)
KEY_REVOKED = Audited("key.revoke", _KEY, keys.get_key)
KEY_ROTATED = Audited("key.rotate", _KEY, keys.get_key)
VENDOR_KEY_SET = Audited("vendor_key.set", vendor_keys.target, vendor_keys.shown)
VENDOR_KEY_DELETED = Audited("vendor_key.delete", vendor_keys.target, vendor_keys.shown)
BUDGET_SET = Audited(
    "budget.set",
    lambda call: f"{call.body.scope}:{call.body.id}",
    _budget_before,
    _budget_after,
)
UNCONFIRMED_RELEASED = Audited("unconfirmed.release", param("id"))
WORKSPACE_SET = Audited("workspace.set", _WORKSPACE, workspaces.get_workspace)
WORKSPACE_RESET = Audited("workspace.reset", _WORKSPACE, workspaces.get_workspace)
APPROVAL_DECIDED = Audited(
    "approval.decide",
    lambda call: f"{call.params['runId']}/{call.params['stepId']}",
    after=_decision,
)
USER_DATA_DELETED = Audited("user.delete_data", param("userId"))
DOCUMENT_DELETED = Audited("document.delete", param("id"))
