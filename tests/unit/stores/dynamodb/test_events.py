"""Usage events as items."""

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from headgate.core.usage import UsageEvent
from headgate.stores.dynamodb import events
from usage_events import NOON, usage_event

texts = st.text(max_size=20)
counts = st.integers(0, 10**15)

any_event = st.builds(
    UsageEvent,
    id=st.text(min_size=1, max_size=40),
    request_id=texts,
    timestamp=st.integers(0, 10**14),
    key_id=texts,
    workspace_id=texts,
    user_id=st.none() | texts,
    provider=texts,
    model=texts,
    request_type=st.sampled_from(["completion", "agent"]),
    status=st.sampled_from(["ok", "error"]),
    cost=counts,
    billed=counts,
    price_version=texts,
    use_case=st.none() | texts,
    input_tokens=counts,
    cached_input_tokens=counts,
    cache_write_tokens=counts,
    output_tokens=counts,
    reasoning_tokens=counts,
    saved_cost=counts,
    byok=st.booleans(),
    cache=st.sampled_from(["hit", "miss", "bypass"]),
    latency_ms=counts,
    first_token_ms=st.none() | counts,
    run_id=st.none() | texts,
    tags=st.lists(texts, max_size=4).map(tuple),
    estimated=st.booleans(),
    overrun=st.booleans(),
    auto_saved=counts,
    prompt=st.none() | texts,
    prompt_version=st.none() | counts,
)


@given(event=any_event, slot=st.integers(0, events.SLOTS - 1))
def test_an_event_comes_back_from_its_item(event: UsageEvent, slot: int) -> None:
    assert events.from_item(events.to_item(event, slot=slot, shard=0)) == event


def test_an_item_has_the_keys_that_users_know() -> None:
    item = events.to_item(usage_event(user_id="ada"), slot=7, shard=2)
    assert item["userId"] == {"S": "ada"}
    assert item["timestamp"] == {"N": str(NOON * 1_000_000 + 7)}
    assert item["hourShard"] == {"S": "2026-11-23T12#2"}


def test_an_event_without_a_user_is_kept_under_its_key() -> None:
    item = events.to_item(usage_event(user_id=None), slot=0, shard=0)
    assert item["userId"] == {"S": "key#sk-proj-one"}


def test_what_is_not_there_takes_no_room() -> None:
    item = events.to_item(usage_event(user_id=None), slot=0, shard=0)
    assert not {"user", "runId", "byok", "tags", "outputTokens", "ttl"} & set(item)


def test_moments_sort_by_time_and_then_by_id() -> None:
    moments = [events.moment(9, "b"), events.moment(10, "a"), events.moment(10, "b")]
    assert moments == sorted(moments)
    assert moments[0] < events.moment(10) < moments[1]


def test_an_event_expires_a_day_after_it_may() -> None:
    """Whole hours count as one, so an event stays until its whole hour is too old."""
    item = events.to_item(usage_event(timestamp=NOON + 1), slot=0, shard=0, retention_days=30)
    assert item["ttl"] == {"N": str(NOON // 1000 + 3600 + 31 * 86_400)}
    assert events.from_item(item) == usage_event(id=events.id_of(item), timestamp=NOON + 1)


def size_of(attribute: Mapping[str, Any]) -> int:
    """How many bytes an attribute's value takes, at most, by DynamoDB's rules."""
    ((kind, value),) = attribute.items()
    if kind == "L":
        return 3 + sum(1 + size_of(each) for each in value)
    return 1 if kind == "BOOL" else len(str(value).encode())


def test_a_row_takes_one_write_unit_and_not_two() -> None:
    """It is written three times, with its indexes, so the second kilobyte would cost four units."""
    full = usage_event(
        user_id="ada.lovelace@example.com",
        workspace_id="marketing-department",
        model="claude-sonnet-4-5-20250929",
        use_case="summarization",
        run_id="run_0123456789abcdef01234567",
        tags=("project-analytical-engine", "team-blue", "campaign-2026"),
        prompt="summarize",
        prompt_version=12,
        input_tokens=123_456,
        cached_input_tokens=100_000,
        cache_write_tokens=20_000,
        output_tokens=12_345,
        reasoning_tokens=10_000,
        saved_cost=10**9,
        auto_saved=10**9,
        latency_ms=60_000,
        first_token_ms=1_000,
        byok=True,
        cache="miss",
        estimated=True,
        overrun=True,
    )
    row = events.to_item(full, slot=999_999, shard=3, retention_days=400)
    assert sum(len(name) + size_of(value) for name, value in row.items()) < 1024
