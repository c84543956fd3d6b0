"""The page of metrics is what the platform tells, no more and no less."""

from headgate.agents.run_counts import RunCounts
from headgate.bootstrap.metrics_page import AREAS, reference, told_names
from headgate.core.measurements import Measured, Metric
from headgate.gateway.breakers import Breakers
from headgate.http.activity import Activity
from headgate.stores.dynamodb.table_counts import TableCounts
from headgate.stores.memory_runs import MemoryRuns
from headgate.telemetry.call_counts import CallCounts
from headgate.telemetry.process import ProcessWatch
from headgate.telemetry.request_counts import RequestCounts
from headgate.tools.toolbox import ProcessTools

DOCUMENTED = [metric for _, metrics in AREAS for metric in metrics]


def parts() -> list[Measured]:
    runs = RunCounts(MemoryRuns())
    return [
        *(CallCounts(), RequestCounts(), ProcessTools([]), runs, Breakers()),
        *(ProcessWatch(), Activity(), TableCounts()),
    ]


def test_every_metric_of_every_part_is_on_the_page() -> None:
    assert {metric for part in parts() for metric in part.metrics} == set(DOCUMENTED)
    assert len({metric.name for metric in DOCUMENTED}) == len(DOCUMENTED)
    assert all(f"`{metric.name}" in reference() for metric in DOCUMENTED)


def test_names_are_those_under_which_prometheus_stores_them() -> None:
    assert told_names(Metric("a", "counter", "")) == ("a_total",)
    assert told_names(Metric("a", "gauge", "")) == ("a",)
    assert told_names(Metric("a", "histogram", "")) == ("a_bucket", "a_count", "a_sum")
