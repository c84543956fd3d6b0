"""Calls are counted as the ledger has them, under few names."""

from collections.abc import Mapping
from typing import Any

from headgate.telemetry.call_counts import MOST_MODELS, CallCounts
from usage_events import usage_event


def told(counts: CallCounts) -> Mapping[tuple[str, ...], float]:
    return {
        (one.name.removeprefix("headgate_"), *one.labels.values()): one.value
        for one in counts.measurements()
    }


def counted(*events: tuple[dict[str, Any], str | None]) -> CallCounts:
    counts = CallCounts()
    for fields, failure in events:
        counts.count(usage_event(**fields), failure)
    return counts


def test_a_call_counts_with_its_tokens_its_time_and_its_money() -> None:
    tokens = {"input_tokens": 9, "cached_input_tokens": 4, "output_tokens": 5}
    money = {"cost": 2_000_000_000, "billed": 3_000_000_000}
    counts = counted(({**tokens, **money, "latency_ms": 300, "first_token_ms": 20}, None))
    found = told(counts)
    name = ("openai", "gpt-4o")
    assert found["model_calls", *name, "ok"] == 1
    assert found["model_tokens", *name, "input"] == 9
    assert found["model_tokens", *name, "cached_input"] == 4
    assert found["model_cost_dollars", *name] == 2.0
    assert found["model_billed_dollars", *name] == 3.0
    (seconds,) = [x for x in counts.measurements() if x.name == "headgate_model_call_seconds"]
    assert (seconds.value, sum(seconds.counts)) == (0.3, 1)
    assert found["model_first_token_seconds", *name] == 0.02


def test_failures_count_by_their_kind_and_not_as_times() -> None:
    counts = counted(
        ({"status": "error"}, "rate_limited"),
        ({"status": "incomplete"}, None),
        ({"status": "cancelled"}, None),
    )
    found = told(counts)
    assert found["model_failures", "openai", "gpt-4o", "rate_limited"] == 1
    assert found["model_failures", "openai", "gpt-4o", "internal"] == 1
    assert sum(value for key, value in found.items() if key[0] == "model_failures") == 2
    assert found["model_calls", "openai", "gpt-4o", "cancelled"] == 1
    times = [x for x in counts.measurements() if x.name == "headgate_model_call_seconds"]
    assert sum(times[0].counts) == 0


def test_the_cache_and_budgets_are_counted_over_all_models() -> None:
    hit = {"cache": "hit", "cost": 0, "billed": 0, "saved_cost": 500_000_000, "latency_ms": 1}
    found = told(counted((hit, None), ({"cache": "miss", "overrun": True}, None)))
    assert (found["cache_answers", "hit"], found["cache_answers", "miss"]) == (1, 1)
    assert found["cache_saved_dollars",] == 0.5
    assert found["budget_overruns",] == 1


def test_callers_who_make_names_up_make_no_more_series() -> None:
    counts = counted(*(({"model": f"m{n}"}, None) for n in range(MOST_MODELS + 50)))
    found = told(counts)
    names = {key[1:3] for key in found if key[0] == "model_calls"}
    assert len(names) == MOST_MODELS + 1
    assert found["model_calls", "other", "other", "ok"] == 50
