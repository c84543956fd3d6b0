"""Calls to models, counted as they are settled: by vendor and model, and nothing that grows."""

from collections import Counter
from collections.abc import Iterable, Mapping

from headgate.core.measurements import Measurement, Metric
from headgate.core.money import NANO_PER_USD
from headgate.core.service_levels import Counts
from headgate.core.usage import UsageEvent
from headgate.telemetry.histogram import Latencies

MOST_MODELS = 200
"""Callers may name models that nobody heard of: further ones are counted as `other`."""
OTHER = "other"

_MODEL = ("provider", "model")
CALLS = Metric(
    "headgate_model_calls",
    "counter",
    "Calls to models that have ended, every try of every route and every hit in the cache.",
    (*_MODEL, "status"),
)
FAILURES = Metric(
    "headgate_model_failures",
    "counter",
    "Calls to models that failed, by the kind of failure.",
    (*_MODEL, "error"),
)
SECONDS = Metric(
    "headgate_model_call_seconds",
    "histogram",
    "How long vendors took for whole answers; calls that were not answered well are left out.",
    _MODEL,
)
FIRST_TOKEN = Metric(
    "headgate_model_first_token_seconds",
    "histogram",
    "How long vendors took to the first piece of a streamed answer.",
    _MODEL,
)
TOKENS = Metric(
    "headgate_model_tokens",
    "counter",
    "Tokens, by `kind`: `input` and `output`, and of these `cached_input` and `reasoning`.",
    (*_MODEL, "kind"),
)
COST = Metric(
    "headgate_model_cost_dollars", "counter", "What calls cost at their vendors' prices.", _MODEL
)
BILLED = Metric(
    "headgate_model_billed_dollars", "counter", "What callers were charged for calls.", _MODEL
)
CACHE = Metric(
    "headgate_cache_answers",
    "counter",
    "Calls by what the cache had for them: `hit`, `miss`, or `bypass` where it was not asked.",
    ("result",),
)
SAVED = Metric(
    "headgate_cache_saved_dollars", "counter", "What answers from the cache would have cost."
)
OVERRUNS = Metric(
    "headgate_budget_overruns",
    "counter",
    "Calls that a vendor charged more for than was held for them in a budget.",
)


class _Model:
    """What is known of the calls to one model."""

    __slots__ = (
        *("statuses", "hits", "failures", "whole", "first", "input", "cached_input"),
        *("output", "reasoning", "cost", "billed", "overruns", "told"),
    )

    def __init__(self) -> None:
        self.statuses: dict[str, int] = {}
        self.hits: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.whole = Latencies()
        self.first = Latencies()
        self.input = self.cached_input = self.output = self.reasoning = 0
        self.cost = self.billed = self.overruns = 0
        self.told: Counter[str] = Counter()

    def add(self, event: UsageEvent, failure: str | None) -> None:
        status = event.status
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.input += event.input_tokens
        self.output += event.output_tokens
        self.cost += event.cost
        self.billed += event.billed
        if event.cached_input_tokens:
            self.cached_input += event.cached_input_tokens
        if event.reasoning_tokens:
            self.reasoning += event.reasoning_tokens
        if event.overrun:
            self.overruns += 1
        if event.cache == "hit":
            self.hits[status] += 1
        elif status == "ok":
            self.whole.add(event.latency_ms)
            if event.first_token_ms is not None:
                self.first.add(event.first_token_ms)
        elif status != "cancelled":
            self.failures[failure or "internal"] += 1

    def untold(self) -> Counts:
        """What was counted since it was told last.

        An answer from the cache, or one that nobody waited for, says nothing of the service.
        """
        asked = {
            status: count - self.hits[status]
            for status, count in self.statuses.items()
            if status != "cancelled"
        }
        calls = sum(asked.values())
        if calls == self.told["calls"]:
            return {}
        errors = calls - asked.get("ok", 0)
        now = Counter(calls=calls, errors=errors, overruns=self.overruns)
        for kind, times in (("whole", self.whole), ("first", self.first)):
            now |= {f"{kind} {place}": count for place, count in enumerate(times.classes)}
        untold, self.told = now - self.told, now
        return untold


class CallCounts:
    """`Measured` that counts the calls of this process, as `CallEnded`."""

    metrics = (
        *(CALLS, FAILURES, SECONDS, FIRST_TOKEN, TOKENS, COST, BILLED),
        *(CACHE, SAVED, OVERRUNS),
    )

    def __init__(self) -> None:
        """Begin with no call."""
        self._models: dict[tuple[str, str], _Model] = {}
        self._cache = {"hit": 0, "miss": 0, "bypass": 0}
        self._saved = 0

    def count(self, event: UsageEvent, failure: str | None) -> None:
        """Count a call that was settled."""
        name = (event.provider, event.model)
        model = self._models.get(name)
        if model is None:
            if len(self._models) >= MOST_MODELS:
                name = (OTHER, OTHER)
            model = self._models.setdefault(name, _Model())
        model.add(event, failure)
        self._cache[event.cache] += 1
        if event.saved_cost:
            self._saved += event.saved_cost

    def measurements(self) -> Iterable[Measurement]:
        """See `Measured.measurements`."""
        for name, model in sorted(self._models.items()):
            yield from _told(name, model)
        for result, count in self._cache.items():
            yield CACHE.at(count, result)
        yield SAVED.at(self._saved / NANO_PER_USD)
        yield OVERRUNS.at(sum(model.overruns for model in self._models.values()))

    def untold(self) -> Mapping[str, Counts]:
        """See `Untold`: the calls to each model."""
        found = {_series(name): model.untold() for name, model in self._models.items()}
        return {series: counts for series, counts in found.items() if counts}


def _series(name: tuple[str, str]) -> str:
    return OTHER if name == (OTHER, OTHER) else "/".join(name)


def _told(name: tuple[str, str], model: _Model) -> Iterable[Measurement]:
    for status, count in sorted(model.statuses.items()):
        yield CALLS.at(count, *name, status)
    for error, count in sorted(model.failures.items()):
        yield FAILURES.at(count, *name, error)
    yield model.whole.measured(SECONDS, *name)
    yield model.first.measured(FIRST_TOKEN, *name)
    for kind in ("input", "cached_input", "output", "reasoning"):
        yield TOKENS.at(getattr(model, kind), *name, kind)
    yield COST.at(model.cost / NANO_PER_USD, *name)
    yield BILLED.at(model.billed / NANO_PER_USD, *name)
