"""Requests to the tables are counted, with what came of them and how long they took."""

import pytest

from headgate.stores.dynamodb.table_counts import KEPT, TableCounts


def numbers(counts: TableCounts) -> dict[tuple[str, ...], float]:
    return {(one.name, *one.labels.values()): one.value for one in counts.measurements()}


def test_nothing_is_told_of_tables_that_nobody_asked() -> None:
    assert numbers(TableCounts()) == {}


def test_each_operation_has_its_outcomes_and_its_time() -> None:
    counts = TableCounts()
    for number in range(1, 101):
        counts.count("Query", "ok", number / 1000)
    counts.count("Query", "throttled", 0.001)
    counts.count("PutItem", "refused", 0.25)
    found = numbers(counts)
    assert found["headgate_table_calls", "Query", "ok"] == 100
    assert found["headgate_table_calls", "Query", "throttled"] == 1
    assert found["headgate_table_seconds", "Query"] == pytest.approx(5.051)
    assert found["headgate_table_p95_seconds", "Query"] == 0.095
    assert found["headgate_table_p95_seconds", "PutItem"] == 0.25


def test_percentiles_are_of_the_last_requests_alone() -> None:
    counts = TableCounts()
    counts.count("Query", "ok", 60.0)
    for _ in range(KEPT):
        counts.count("Query", "ok", 0.01)
    assert numbers(counts)["headgate_table_p95_seconds", "Query"] == 0.01
