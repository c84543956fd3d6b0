"""The routes by which an administrator manages keys."""

import asyncio
import datetime as dt
import time
from typing import Annotated, Any, TypeAlias

import msgspec

from headgate.core.budgets import Account, Limit
from headgate.core.errors import InvalidRequest
from headgate.core.keys import (
    DEFAULT_WORKSPACE,
    KEY_PREFIX,
    RateLimit,
    Scope,
    VirtualKey,
    new_key_id,
)
from headgate.core.money import MAX_DOLLARS, Dollars, NanoUSD, from_dollars, to_json
from headgate.core.times import iso, parse_iso
from headgate.core.usage import UsageFilter
from headgate.http.calls import Call, Reply
from headgate.http.lists import PageQuery, behind, page
from headgate.http.services import Services
from headgate.identity.keys import MAX_GRACE_SECONDS

Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
Budget: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=MAX_DOLLARS)]
Positive: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=10**12)]
Scopes: TypeAlias = Annotated[list[Scope], msgspec.Meta(min_length=1)]
Models: TypeAlias = Annotated[list[Name], msgspec.Meta(min_length=1, max_length=1000)]


class RateLimitItem(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Limits of a key; what is left out follows the platform's default."""

    requests_per_minute: Positive | None = None
    tokens_per_minute: Positive | None = None
    concurrency: Positive | None = None


class CreateKey(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """The body of `POST /v1/auth/keys`; `monthlyBudget` is in US dollars."""

    name: Name
    scopes: Scopes
    monthly_budget: Budget | None = None
    user_id: Name | None = None
    workspace_id: Name | None = None
    rate_limit: RateLimitItem | None = None
    models: Models | None = None
    expires_at: str | None = None


class ChangeKey(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """The body of `PATCH /v1/auth/keys/{keyId}`; null removes a limit."""

    name: Name | msgspec.UnsetType = msgspec.UNSET
    scopes: Scopes | msgspec.UnsetType = msgspec.UNSET
    monthly_budget: Budget | msgspec.UnsetType | None = msgspec.UNSET
    rate_limit: RateLimitItem | msgspec.UnsetType | None = msgspec.UNSET
    models: Models | msgspec.UnsetType | None = msgspec.UNSET
    expires_at: str | msgspec.UnsetType | None = msgspec.UNSET


class RotateKey(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """The body of `POST …/rotate`: how long the old secret works beside the new one."""

    grace_seconds: Annotated[float, msgspec.Meta(ge=0, le=MAX_GRACE_SECONDS)] = 0


class KeysQuery(PageQuery, rename="camel"):
    """Which page of the keys, and whether to look up when each was last used."""

    with_last_use: bool = False


class KeyItem(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A key; its secret is not kept and cannot be shown again.

    `rotationDue` says that the secret is older than `[keys] rotate_after_days` allows.
    """

    key_id: str
    name: str
    scopes: list[str]
    monthly_budget: Dollars | None
    user_id: str | None
    workspace_id: str
    rate_limit: RateLimit
    models: tuple[str, ...] | None
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    rotated_at: str | None
    rotation_due: bool
    last_used_at: str | msgspec.UnsetType | None = msgspec.UNSET
    api_key: str | msgspec.UnsetType = msgspec.UNSET


class KeyPage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of keys, newest first."""

    data: list[KeyItem]
    next_cursor: str | None


async def create_key(call: Call[CreateKey]) -> Reply:
    """`POST /v1/auth/keys`."""
    body = call.body
    key = VirtualKey(
        key_id=new_key_id(),
        name=body.name,
        scopes=frozenset(body.scopes),
        workspace_id=workspace_of_new(call),
        user_id=body.user_id,
        rate_limit=_rate_limit(body.rate_limit),
        models=None if body.models is None else tuple(body.models),
        created_at=time.time(),
        expires_at=_expiry(body.expires_at),
    )
    limit = _limit(body.monthly_budget)
    await call.services.delegation.check_new(call.key, key)
    if limit is not None:
        # Before the key exists, so that no call can come in between.
        await call.services.gateway.ledger.set_limit(Account("key", key.key_id), limit)
    issued = await call.services.keys.create(key)
    amount = None if limit is None else limit.amount
    return Reply(_item(key, amount, issued.api_key, is_due=False), 201)


def workspace_of_new(call: Call[CreateKey]) -> str:
    """The workspace of the key that is asked for: where none is named, its administrator's."""
    return call.body.workspace_id or call.key.changes_within or DEFAULT_WORKSPACE


async def list_keys(call: Call[None]) -> Reply:
    """`GET /v1/auth/keys`."""
    query: KeysQuery = call.query
    after = behind(query.cursor, KEY_PREFIX)
    keys = await call.services.keys.list(
        limit=query.limit + 1, after=after, workspace_id=call.key.looks_within
    )
    items = await _items(call.services, keys)
    if query.with_last_use:
        used = await asyncio.gather(*(_last_used(call.services, key) for key in keys))
        items = [
            msgspec.structs.replace(item, last_used_at=at)
            for item, at in zip(items, used, strict=True)
        ]
    return Reply(page(items, query.limit, [key.key_id for key in keys]))


async def get_key(call: Call[None]) -> Reply:
    """`GET /v1/auth/keys/{keyId}`."""
    key = await call.services.delegation.shown(call.key, call.params["keyId"])
    return Reply((await _items(call.services, [key]))[0])


async def change_key(call: Call[ChangeKey]) -> Reply:
    """`PATCH /v1/auth/keys/{keyId}`."""
    body, services = call.body, call.services
    key = await services.delegation.changed(call.key, call.params["keyId"])
    changes: dict[str, Any] = {}
    if body.name is not msgspec.UNSET:
        changes["name"] = body.name
    if body.scopes is not msgspec.UNSET:
        services.delegation.check_scopes(call.key, body.scopes)
        changes["scopes"] = frozenset(body.scopes)
    if body.rate_limit is not msgspec.UNSET:
        changes["rate_limit"] = _rate_limit(body.rate_limit)
    if body.models is not msgspec.UNSET:
        services.delegation.check_models(call.key, body.models)
        changes["models"] = None if body.models is None else tuple(body.models)
    if body.expires_at is not msgspec.UNSET:
        changes["expires_at"] = _expiry(body.expires_at)
    if body.monthly_budget is not msgspec.UNSET:
        await _change_limit(services, key.key_id, _limit(body.monthly_budget))
    if changes:
        key = await services.keys.change(key.key_id, changes)
    return Reply((await _items(services, [key]))[0])


async def _change_limit(services: Services, key_id: str, limit: Limit | None) -> None:
    """Set the amount of a key's budget; what else was set with it stays."""
    ledger, account = services.gateway.ledger, Account("key", key_id)
    if limit is not None:
        (budget,) = await ledger.budgets((account,))
        if budget.limit is not None:
            limit = msgspec.structs.replace(budget.limit, amount=limit.amount)
    await ledger.set_limit(account, limit)


async def revoke_key(call: Call[None]) -> Reply:
    """`DELETE /v1/auth/keys/{keyId}`."""
    ended = await call.services.delegation.ended(call.key, call.params["keyId"])
    key = await call.services.keys.revoke(ended.key_id)
    return Reply((await _items(call.services, [key]))[0])


async def rotate_key(call: Call[RotateKey]) -> Reply:
    """`POST /v1/auth/keys/{keyId}/rotate`."""
    key = await call.services.delegation.rotated(call.key, call.params["keyId"])
    issued = await call.services.keys.rotate(key.key_id, grace_seconds=call.body.grace_seconds)
    item = (await _items(call.services, [issued.key]))[0]
    return Reply(msgspec.structs.replace(item, api_key=issued.api_key))


async def _last_used(services: Services, key: VirtualKey) -> str | None:
    """When the last call with a key ended, of those that the ledger still lists."""
    where = UsageFilter(
        dt.datetime.fromtimestamp(int(key.created_at), dt.UTC),
        dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5),
        key_id=key.key_id,
    )
    events = await services.usage.events(where, limit=1, before=None)
    return iso(events[0].timestamp / 1000) if events else None


async def _items(services: Services, keys: list[VirtualKey]) -> list[KeyItem]:
    accounts = [Account("key", key.key_id) for key in keys]
    budgets = await services.gateway.ledger.budgets(accounts)
    return [
        _item(
            key,
            None if budget.limit is None else budget.limit.amount,
            is_due=services.keys.is_due(key),
        )
        for key, budget in zip(keys, budgets, strict=True)
    ]


def _item(
    key: VirtualKey, monthly_budget: NanoUSD | None, api_key: str | None = None, *, is_due: bool
) -> KeyItem:
    return KeyItem(
        key_id=key.key_id,
        name=key.name,
        scopes=sorted(key.scopes),
        monthly_budget=None if monthly_budget is None else to_json(monthly_budget),
        user_id=key.user_id,
        workspace_id=key.workspace_id,
        rate_limit=key.rate_limit,
        models=key.models,
        created_at=iso(key.created_at),
        expires_at=None if key.expires_at is None else iso(key.expires_at),
        revoked_at=None if key.revoked_at is None else iso(key.revoked_at),
        rotated_at=None if key.rotated_at is None else iso(key.rotated_at),
        rotation_due=is_due,
        api_key=msgspec.UNSET if api_key is None else api_key,
    )


def _limit(dollars: float | None) -> Limit | None:
    try:
        return None if dollars is None else Limit(amount=from_dollars(dollars))
    except ValueError as error:
        raise InvalidRequest(f"monthlyBudget: {error}", param="monthlyBudget") from error


def _rate_limit(item: RateLimitItem | None) -> RateLimit:
    if item is None:
        return RateLimit()
    return RateLimit(item.requests_per_minute, item.tokens_per_minute, item.concurrency)


def _expiry(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return parse_iso(text).timestamp()
    except ValueError as error:
        raise InvalidRequest(
            f"expiresAt is not an ISO 8601 time: {text[:64]!r}", param="expiresAt"
        ) from error
