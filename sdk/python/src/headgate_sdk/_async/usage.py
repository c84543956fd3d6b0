"""What was used and what is left."""

import datetime as dt
from collections.abc import Sequence
from typing import Literal, TypeAlias, overload
from urllib.parse import quote

from headgate_sdk._async.connection import Connection
from headgate_sdk._async.pages import Page
from headgate_sdk.decoding import dollars, moment
from headgate_sdk.reports import Dimension, Usage
from headgate_sdk.requests import Request, read
from headgate_sdk.types import (
    Budget,
    BudgetList,
    Latency,
    OwnBudgets,
    Projection,
    ServiceLevels,
    Unconfirmed,
    UsageEvent,
)

BudgetScope: TypeAlias = Literal["key", "model", "user", "workspace"]
SloWindow: TypeAlias = Literal["1h", "6h", "24h", "7d", "30d"]
Time: TypeAlias = str | dt.datetime


class UsageReports:
    """Usage and budgets; needs `usage:read`, for others' usage and for changes `admin`.

    Ranges of time begin at `from_` and end before `to`; the default is this month, in UTC.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def get(
        self,
        *,
        from_: Time | None = None,
        to: Time | None = None,
        group_by: Dimension | None = None,
        user_id: str | None = None,
        key_id: str | None = None,
    ) -> Usage:
        """Sums over calls."""
        query = {
            "from": moment(from_),
            "to": moment(to),
            "groupBy": group_by,
            "userId": user_id,
            "keyId": key_id,
        }
        return await self._connection.ask(Usage, read("/v1/usage", query))

    async def events(
        self,
        *,
        from_: Time | None = None,
        to: Time | None = None,
        user_id: str | None = None,
        key_id: str | None = None,
        model: str | None = None,
        provider: str | None = None,
        status: Literal["cancelled", "error", "incomplete", "ok"] | None = None,
        cache: Literal["bypass", "hit", "miss"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[UsageEvent]:
        """The ledger, newest first."""
        query = {
            "from": moment(from_),
            "to": moment(to),
            "userId": user_id,
            "keyId": key_id,
            "model": model,
            "provider": provider,
            "status": status,
            "cache": cache,
            "limit": limit,
            "cursor": cursor,
        }
        return await self._connection.ask_page(UsageEvent, read("/v1/usage/events", query))

    @overload
    async def budget(self) -> OwnBudgets: ...

    @overload
    async def budget(self, *, scope: BudgetScope, id: str) -> Budget: ...

    async def budget(
        self,
        *,
        scope: BudgetScope | None = None,
        id: str | None = None,  # noqa: A002 - as the interface names it
    ) -> OwnBudgets | Budget:
        """The key's own budgets, the tightest first; or, for an admin, anyone's."""
        query = {"scope": scope, "id": id}
        request = read("/v1/usage/budget", query)
        if scope is None:
            return await self._connection.ask(OwnBudgets, request)
        return await self._connection.ask(Budget, request)

    async def set_budget(
        self,
        *,
        scope: BudgetScope,
        id: str,  # noqa: A002 - as the interface names it
        monthly_budget: float | None,
        hard: bool = True,
        alert_thresholds: Sequence[float] | None = None,
    ) -> Budget:
        """Limit what may be spent in a month, in US dollars; None removes the limit.

        Args:
            hard: whether calls that the budget cannot cover are refused.
            alert_thresholds: shares of the limit at which people are told.
        """
        body = {
            "scope": scope,
            "id": id,
            "monthlyBudget": dollars(monthly_budget),
            "hard": hard,
            "alertThresholds": alert_thresholds,
        }
        request = Request(method="PUT", path="/v1/usage/budget", body=body, repeatable=True)
        return await self._connection.ask(Budget, request)

    async def budgets(self) -> BudgetList:
        """All budgets that have a limit, for an admin."""
        return await self._connection.ask(BudgetList, read("/v1/usage/budgets"))

    async def projection(self) -> Projection:
        """What will have been spent at the month's end if it goes on like this."""
        return await self._connection.ask(Projection, read("/v1/usage/projection"))

    async def latency(
        self,
        *,
        from_: Time | None = None,
        to: Time | None = None,
        bucket_seconds: int | None = None,
    ) -> Latency:
        """How long calls took, piece of time by piece of time."""
        query = {"from": moment(from_), "to": moment(to), "bucketSeconds": bucket_seconds}
        return await self._connection.ask(Latency, read("/v1/usage/latency", query))

    async def service_levels(self, window: SloWindow = "24h") -> ServiceLevels:
        """How well the platform served, against its targets."""
        return await self._connection.ask(ServiceLevels, read("/v1/slo", {"window": window}))

    async def unconfirmed(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> Page[Unconfirmed]:
        """What processes that died may have spent, newest first."""
        query = {"limit": limit, "cursor": cursor}
        return await self._connection.ask_page(Unconfirmed, read("/v1/usage/unconfirmed", query))

    async def release_unconfirmed(self, unconfirmed_id: str) -> Unconfirmed:
        """Take such an amount off its budget's spend."""
        path = f"/v1/usage/unconfirmed/{quote(unconfirmed_id, safe='')}/release"
        request = Request(method="POST", path=path)
        return await self._connection.ask(Unconfirmed, request)
