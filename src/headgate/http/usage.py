"""The routes that tell what was used and what is left."""

import datetime as dt
import time
from collections.abc import Sequence
from typing import Annotated, Any, TypeAlias

import msgspec

from headgate.core.budgets import (
    DEFAULT_ALERT_THRESHOLDS,
    Account,
    Budget,
    BudgetScope,
    Limit,
    Unconfirmed,
    period_bounds,
    period_of,
)
from headgate.core.errors import InsufficientScope, InvalidRequest
from headgate.core.money import MAX_DOLLARS, Dollars, NanoUSD, from_dollars, to_json
from headgate.core.times import iso, parse_iso
from headgate.core.usage import Dimension, UsageFilter, UsageStore, UsageTotals, total
from headgate.http.calls import Call, Reply
from headgate.http.lists import PageQuery, behind, page
from headgate.usage.projection import days_before, projection

Threshold: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=10)]
Id: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class RangeQuery(msgspec.Struct, rename="camel"):
    """A range of time (this month by default) and, for administrators, whose usage."""

    from_: str | None = msgspec.field(default=None, name="from")
    to: str | None = None
    user_id: Id | None = None
    key_id: Id | None = None


class UsageQuery(RangeQuery, rename="camel"):
    """A range of time, whose usage, and by what it is summed."""

    group_by: Dimension | None = None


class BudgetQuery(msgspec.Struct):
    """Whose budget; the caller's own by default."""

    scope: BudgetScope | None = None
    id: Id | None = None


class SetBudget(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """The body of `PUT /v1/usage/budget`; a `monthlyBudget` of null removes the limit."""

    scope: BudgetScope
    id: Id
    monthly_budget: Annotated[float, msgspec.Meta(ge=0, le=MAX_DOLLARS)] | None
    hard: bool = True
    alert_thresholds: Annotated[list[Threshold], msgspec.Meta(max_length=10)] | None = None


class TotalsItem(msgspec.Struct, frozen=True, rename="camel"):
    """Sums over calls; `ownCost` is the part of `cost` that users' own vendor keys paid."""

    requests: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost: Dollars
    billed: Dollars
    cache_hits: int
    saved_cost: Dollars
    auto_saved: Dollars
    own_cost: Dollars


_NAMES = tuple(field.encode_name for field in msgspec.structs.fields(TotalsItem))


class UsageAnswer(msgspec.Struct, frozen=True):
    """The answer of `GET /v1/usage`: a row per value of the dimension that was asked for."""

    totals: TotalsItem
    rows: list[dict[str, Any]]


class BudgetName(msgspec.Struct, frozen=True):
    """Whose budget."""

    scope: str
    id: str


class BudgetItem(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """An account's budget in its period; without a limit `monthlyBudget` is null.

    `projected` is the spend at the period's end if it goes on as it did since its first day. Four
    times in five it lies between `projectedLow` and `projectedHigh`, as the last 30 days varied.
    """

    scope: str
    id: str
    monthly_budget: Dollars | None
    spent: Dollars
    reserved: Dollars
    remaining: Dollars | None
    projected: Dollars
    projected_low: Dollars
    projected_high: Dollars
    unconfirmed: Dollars
    period_start: str
    resets_at: str
    alert_thresholds: tuple[float, ...]
    hard: bool


class UnconfirmedItem(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What a process that died may have spent of one budget; `releasedAt` once it is released."""

    id: str
    budget: BudgetName
    period: str
    amount: Dollars
    lease_id: str
    created_at: str
    released_at: str | None


class UnconfirmedPage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of unconfirmed entries, newest first."""

    data: list[UnconfirmedItem]
    next_cursor: str | None


class OwnBudgets(BudgetItem, frozen=True, rename="camel", kw_only=True):
    """The caller's tightest budget, and all that hold for its calls."""

    budgets: list[BudgetItem]


async def usage(call: Call[None]) -> Reply:
    """`GET /v1/usage`."""
    query: UsageQuery = call.query
    where, by = events_that_count(call, query), query.group_by
    store = call.services.usage
    if by is None:
        return Reply(UsageAnswer(_totals(await store.totals(where)), []))
    found = await store.rows(where, by)
    # A call has any number of tags, and one value of everything else.
    sums = await store.totals(where) if by == "tag" else total(sums for _, sums in found)
    rows: list[dict[str, Any]] = [
        {by: value or None, **dict(zip(_NAMES, msgspec.structs.astuple(_totals(row)), strict=True))}
        for value, row in found
    ]
    return Reply(UsageAnswer(_totals(sums), rows))


async def get_budget(call: Call[None]) -> Reply:
    """`GET /v1/usage/budget`; readable when it is exhausted."""
    query: BudgetQuery = call.query
    ledger = call.services.gateway.ledger
    own = _own_accounts(call)
    if query.scope is None and query.id is None:
        budgets = await ledger.budgets(own)
        tightest = min(
            (budget for budget in budgets if budget.limit is not None),
            key=lambda budget: budget.remaining or 0,
            default=budgets[0],
        )
        items = [await budget_item(call.services.usage, budget) for budget in budgets]
        first = items[budgets.index(tightest)]
        return Reply(OwnBudgets(**msgspec.structs.asdict(first), budgets=items))
    if query.scope is None or query.id is None:
        raise InvalidRequest("give both `scope` and `id`, or neither", param="scope")
    account = Account(query.scope, query.id)
    if account not in own and not await _may_see(call, account):
        raise InsufficientScope("another's budget needs the scope `admin`, which the key has not")
    (budget,) = await ledger.budgets((account,))
    return Reply(await budget_item(call.services.usage, budget))


async def set_budget(call: Call[SetBudget]) -> Reply:
    """`PUT /v1/usage/budget`."""
    body = call.body
    limit = None
    if body.monthly_budget is not None:
        try:
            amount = from_dollars(body.monthly_budget)
        except ValueError as error:
            raise InvalidRequest(f"monthlyBudget: {error}", param="monthlyBudget") from error
        thresholds = body.alert_thresholds
        limit = Limit(
            amount=amount,
            hard=body.hard,
            alert_thresholds=(
                DEFAULT_ALERT_THRESHOLDS if thresholds is None else tuple(sorted(set(thresholds)))
            ),
        )
    account = Account(body.scope, body.id)
    await call.services.delegation.check_limit(call.key, account)
    await call.services.gateway.ledger.set_limit(account, limit)
    (budget,) = await call.services.gateway.ledger.budgets((account,))
    return Reply(await budget_item(call.services.usage, budget))


async def unconfirmed(call: Call[None]) -> Reply:
    """`GET /v1/usage/unconfirmed`."""
    query: PageQuery = call.query
    entries = await call.services.gateway.ledger.unconfirmed(
        limit=query.limit + 1, after=behind(query.cursor, "unc_")
    )
    items = [_unconfirmed(entry) for entry in entries]
    return Reply(page(items, query.limit, [entry.id for entry in entries]))


async def release_unconfirmed(call: Call[None]) -> Reply:
    """`POST /v1/usage/unconfirmed/{id}/release`."""
    entry = await call.services.gateway.ledger.release_unconfirmed(call.params["id"])
    return Reply(_unconfirmed(entry))


async def _may_see(call: Call[None], account: Account) -> bool:
    if not (call.key.may("admin:read") or call.key.may("workspace:admin")):
        return False
    return bool(await call.services.delegation.seen(call.key, [account]))


def _own_accounts(call: Call[None]) -> list[Account]:
    key = call.key
    own = [Account("key", key.key_id)]
    if key.user_id is not None:
        own.append(Account("user", key.user_id))
    return [*own, Account("workspace", key.workspace_id)]


def events_that_count(call: Call[None], query: RangeQuery) -> UsageFilter:
    """Which events the caller asks for, and may see.

    An administrator sees all, or those of its workspace; a user's key the user's; any other its
    own.
    """
    month_start, month_end = period_bounds(period_of(time.time()))
    start = moment(query.from_, "from") or month_start
    end = moment(query.to, "to") or month_end
    if start >= end:
        raise InvalidRequest("`from` must be before `to`", param="from")
    key = call.key
    if key.may("admin:read"):
        return UsageFilter(start, end, query.user_id, query.key_id)
    if key.may("workspace:admin"):
        return UsageFilter(start, end, query.user_id, query.key_id, key.workspace_id)
    if key.user_id is not None:
        return UsageFilter(start, end, key.user_id, query.key_id)
    return UsageFilter(start, end, None, key.key_id)


def moment(text: str | None, name: str) -> dt.datetime | None:
    """The moment that a query names; None where it names none.

    Raises:
        InvalidRequest: it is no time.
    """
    if text is None:
        return None
    try:
        # In a query a plus sign is a space.
        return parse_iso(text.replace(" ", "+"))
    except ValueError as error:
        raise InvalidRequest(
            f"`{name}` is not an ISO 8601 time: {text[:64]!r}", param=name
        ) from error


def _totals(sums: UsageTotals) -> TotalsItem:
    return TotalsItem(
        sums.requests,
        sums.errors,
        sums.input_tokens,
        sums.output_tokens,
        to_json(sums.cost),
        to_json(sums.billed),
        sums.cache_hits,
        to_json(sums.saved_cost),
        to_json(sums.auto_saved),
        to_json(sums.own_cost),
    )


async def budget_item(usage: UsageStore, budget: Budget) -> BudgetItem:
    """A budget as it is told, with where its spend is heading."""
    now = time.time()
    return told_budget(budget, await days_before(usage, budget.account, now), now)


def told_budget(budget: Budget, days: Sequence[NanoUSD], now: float) -> BudgetItem:
    """A budget as it is told, where the whole days before `now` were billed so much."""
    low, likely, high = projection(budget.spent, budget.period, now, days)
    start, end = period_bounds(budget.period)
    limit = budget.limit
    remaining = budget.remaining
    return BudgetItem(
        scope=budget.account.scope,
        id=budget.account.id,
        monthly_budget=None if limit is None else to_json(limit.amount),
        spent=to_json(budget.spent),
        reserved=to_json(budget.reserved),
        remaining=None if remaining is None else to_json(remaining),
        projected=to_json(likely),
        projected_low=to_json(low),
        projected_high=to_json(high),
        unconfirmed=to_json(budget.unconfirmed),
        period_start=iso(start),
        resets_at=iso(end),
        alert_thresholds=() if limit is None else limit.alert_thresholds,
        hard=limit is not None and limit.hard,
    )


def _unconfirmed(entry: Unconfirmed) -> UnconfirmedItem:
    owner, account, period = entry.lease
    return UnconfirmedItem(
        id=entry.id,
        budget=BudgetName(*account),
        period=period,
        amount=to_json(entry.amount),
        lease_id=owner,
        created_at=iso(entry.created_at),
        released_at=None if entry.released_at is None else iso(entry.released_at),
    )
