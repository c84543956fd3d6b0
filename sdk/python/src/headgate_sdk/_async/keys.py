"""Keys of the platform, and users' own keys for vendors."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

from headgate_sdk._async.connection import Connection
from headgate_sdk._async.pages import Page
from headgate_sdk.decoding import dollars, given, moment
from headgate_sdk.requests import UNSET, Request, Unset, read
from headgate_sdk.types import Key, Provider, ProviderKey, RateLimitParam

Scope: TypeAlias = Literal[
    "admin", "agent:run", "ai:complete", "ai:embed", "tools:run", "usage:read"
]
_KEYS = "/v1/auth/keys"


class Keys:
    """Keys; needs the scope `admin`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(
        self,
        *,
        name: str,
        scopes: Sequence[Scope],
        monthly_budget: float | None = None,
        user_id: str | None = None,
        workspace_id: str | None = None,
        rate_limit: RateLimitParam | None = None,
        models: Sequence[str] | None = None,
        expires_at: str | dt.datetime | None = None,
    ) -> Key:
        """A new key; its `api_key` is shown this once.

        Args:
            monthly_budget: US dollars.
            models: the only models that it may use.
        """
        body = {
            "name": name,
            "scopes": scopes,
            "monthlyBudget": dollars(monthly_budget),
            "userId": user_id,
            "workspaceId": workspace_id,
            "rateLimit": rate_limit,
            "models": models,
            "expiresAt": moment(expires_at),
        }
        return await self._connection.ask(Key, Request(method="POST", path=_KEYS, body=given(body)))

    async def get(self, key_id: str) -> Key:
        """A key, without its secret."""
        return await self._connection.ask(Key, read(_path(key_id)))

    async def update(
        self,
        key_id: str,
        *,
        name: str | Unset = UNSET,
        scopes: Sequence[Scope] | Unset = UNSET,
        monthly_budget: float | Unset | None = UNSET,
        rate_limit: RateLimitParam | Unset | None = UNSET,
        models: Sequence[str] | Unset | None = UNSET,
        expires_at: str | dt.datetime | Unset | None = UNSET,
    ) -> Key:
        """Change what is named, and nothing else; None removes a limit."""
        body: dict[str, Any] = {
            "name": name,
            "scopes": scopes,
            "monthlyBudget": UNSET if monthly_budget is UNSET else dollars(monthly_budget),
            "rateLimit": rate_limit,
            "models": models,
            "expiresAt": expires_at,
        }
        changes = {field: value for field, value in body.items() if value is not UNSET}
        request = Request(method="PATCH", path=_path(key_id), body=changes, repeatable=True)
        return await self._connection.ask(Key, request)

    async def revoke(self, key_id: str) -> Key:
        """End a key; within a second it works on no process."""
        request = Request(method="DELETE", path=_path(key_id), repeatable=True)
        return await self._connection.ask(Key, request)

    async def rotate(self, key_id: str, *, grace_seconds: float | None = None) -> Key:
        """A new secret for a key; the old one works for `grace_seconds` more."""
        body = given({"graceSeconds": grace_seconds})
        request = Request(method="POST", path=f"{_path(key_id)}/rotate", body=body)
        return await self._connection.ask(Key, request)

    async def list(
        self,
        *,
        with_last_use: bool | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[Key]:
        """All keys, newest first."""
        query = {"withLastUse": with_last_use, "limit": limit, "cursor": cursor}
        return await self._connection.ask_page(Key, read(_KEYS, query))


def _path(key_id: str) -> str:
    return f"{_KEYS}/{quote(key_id, safe='')}"


class Providers:
    """Vendors, and users' own keys for them: a key with a user sets that user's, an admin any."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list(self, *, user_id: str | None = None) -> list[Provider]:
        """The vendors, how they are, and which have a key of the user."""
        request = read("/v1/providers", {"userId": user_id})
        return await self._connection.ask_all(Provider, request)

    async def set_key(
        self, provider: str, api_key: str, *, user_id: str | None = None
    ) -> ProviderKey:
        """Have the user's calls to a vendor made with this key; it is never shown again."""
        body = given({"apiKey": api_key, "userId": user_id})
        request = Request(method="PUT", path=_key_of(provider), body=body, repeatable=True)
        return await self._connection.ask(ProviderKey, request)

    async def get_key(self, provider: str, *, user_id: str | None = None) -> ProviderKey:
        """The last four characters of a user's key for a vendor, and when it was set."""
        return await self._connection.ask(ProviderKey, read(_key_of(provider), {"userId": user_id}))

    async def delete_key(self, provider: str, *, user_id: str | None = None) -> ProviderKey:
        """Forget a user's key for a vendor."""
        query = {"userId": user_id}
        request = Request(method="DELETE", path=_key_of(provider), query=query)
        return await self._connection.ask(ProviderKey, request)


def _key_of(provider: str) -> str:
    return f"/v1/providers/{quote(provider, safe='')}/key"
