"""What was used, summed: the rows carry the dimension by which they are summed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from headgate_sdk.types import UsageTotals

Dimension: TypeAlias = Literal[
    "day", "hour", "key", "model", "provider", "tag", "user", "workspace"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRow(UsageTotals):
    """Sums over the calls of one model, or one day, or whatever was asked for; the rest is None."""

    day: str | None = None
    hour: str | None = None
    key: str | None = None
    model: str | None = None
    provider: str | None = None
    tag: str | None = None
    user: str | None = None
    workspace: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Sums over all calls of a range of time, and by a dimension where one was named."""

    totals: UsageTotals
    rows: list[UsageRow]
