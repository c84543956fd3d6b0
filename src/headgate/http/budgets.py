"""All budgets with a limit, and what the platform as a whole is heading for."""

import datetime as dt
import time

import msgspec

from headgate.core.budgets import Budget, period_bounds, period_of
from headgate.core.money import Dollars, to_json
from headgate.core.times import iso
from headgate.core.usage import UsageFilter
from headgate.http.calls import Call, Reply
from headgate.http.usage import BudgetItem, told_budget
from headgate.usage.projection import DAY, HISTORY_DAYS, days_before_of_all, projection

MOST_BUDGETS = 1000


class BudgetList(msgspec.Struct, frozen=True, rename="camel"):
    """Budgets by how much of them is used, the fullest first; `isComplete` says whether all."""

    data: list[BudgetItem]
    is_complete: bool


class ProjectionItem(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What everybody who is looked at was billed this month, and where that is heading."""

    billed: Dollars
    projected: Dollars
    projected_low: Dollars
    projected_high: Dollars
    period_start: str
    resets_at: str


async def list_budgets(call: Call[None]) -> Reply:
    """`GET /v1/usage/budgets`."""
    services = call.services
    accounts = sorted(await services.delegation.seen(call.key, await services.limited()))
    shown = accounts[:MOST_BUDGETS]
    budgets = await services.gateway.ledger.budgets(shown)
    budgets.sort(key=_used, reverse=True)
    now = time.time()
    days = await days_before_of_all(services.usage, [budget.account for budget in budgets], now)
    items = [told_budget(*each, now) for each in zip(budgets, days, strict=True)]
    return Reply(BudgetList(items, is_complete=len(shown) == len(accounts)))


async def usage_projection(call: Call[None]) -> Reply:
    """`GET /v1/usage/projection`."""
    now = time.time()
    period = period_of(now)
    start, end = period_bounds(period)
    usage, workspace = call.services.usage, call.key.looks_within
    month = UsageFilter(start, end, workspace_id=workspace)
    billed = (await usage.totals(month)).billed
    today = dt.datetime.fromtimestamp(now, dt.UTC).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    first = today - HISTORY_DAYS * DAY
    by_day = dict(await usage.rows(month._replace(start=first, end=today), "day"))
    names = [(first + number * DAY).strftime("%Y-%m-%d") for number in range(HISTORY_DAYS)]
    used = next((number for number, name in enumerate(names) if name in by_day), len(names))
    days = [by_day[name].billed if name in by_day else 0 for name in names[used:]]
    low, likely, high = projection(billed, period, now, days)
    return Reply(
        ProjectionItem(
            billed=to_json(billed),
            projected=to_json(likely),
            projected_low=to_json(low),
            projected_high=to_json(high),
            period_start=iso(start),
            resets_at=iso(end),
        )
    )


def _used(budget: Budget) -> float:
    if budget.limit is None or budget.limit.amount == 0:
        return float("inf")
    return budget.spent / budget.limit.amount
