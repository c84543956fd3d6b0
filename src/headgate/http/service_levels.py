"""How well the platform serves, against its targets."""

from typing import Literal, TypeAlias

import msgspec

from headgate.core.times import iso
from headgate.http.calls import Call, Reply
from headgate.usage.service_levels import WINDOWS, Figures, Objective

WindowName: TypeAlias = Literal["1h", "6h", "24h", "7d", "30d"]


class SloQuery(msgspec.Struct, rename="camel"):
    """How long a time is looked back on."""

    window: WindowName = "24h"


class ObjectiveItem(msgspec.Struct, frozen=True, rename="camel"):
    """A target and what was reached; times are milliseconds, the others shares of 1.

    `isMet` is null where there were no calls to judge by.
    """

    name: Literal["p95", "p99", "firstTokenP95", "errorRate", "availability", "budgetAccuracy"]
    target: float
    value: float | None
    is_met: bool | None


class ServiceFigures(msgspec.Struct, frozen=True, rename="camel"):
    """How well calls to models were served; null where there were none."""

    calls: int
    p50_ms: int | None
    p95_ms: int | None
    p99_ms: int | None
    first_token_p95_ms: int | None
    error_rate: float | None
    budget_accuracy: float | None


class ModelFigures(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The same of one vendor's model; models beyond the first 200 are `other`."""

    provider: str
    model: str
    calls: int
    p50_ms: int | None
    p95_ms: int | None
    p99_ms: int | None
    first_token_p95_ms: int | None
    error_rate: float | None
    budget_accuracy: float | None


class SloAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """How well the platform served from `from` to `to`, over all its processes."""

    window: WindowName
    from_: str = msgspec.field(name="from")
    to: str
    requests: int
    failed: int
    availability: float | None
    whole: ServiceFigures
    objectives: list[ObjectiveItem]
    models: list[ModelFigures]


async def slo(call: Call[None]) -> Reply:
    """`GET /v1/slo`."""
    query: SloQuery = call.query
    report = await call.services.service_levels.report(WINDOWS[query.window])
    return Reply(
        SloAnswer(
            window=query.window,
            from_=iso(report.start),
            to=iso(report.end),
            requests=report.requests,
            failed=report.failed,
            availability=report.availability,
            whole=ServiceFigures(*report.whole),
            objectives=[_objective(each) for each in report.objectives],
            models=[_model(series, found) for series, found in report.models.items()],
        )
    )


def _objective(objective: Objective) -> ObjectiveItem:
    # The names of objectives are those of the answer.
    return msgspec.convert(
        {
            "name": objective.name,
            "target": objective.target,
            "value": objective.value,
            "isMet": objective.is_met,
        },
        ObjectiveItem,
    )


def _model(series: str, found: Figures) -> ModelFigures:
    provider, _, model = series.partition("/")
    return ModelFigures(provider=provider, model=model or provider, **found._asdict())
