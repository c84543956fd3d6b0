"""The page about metrics, written from what the parts of the platform say they measure."""

from collections.abc import Sequence

from headgate.agents import run_counts
from headgate.core.measurements import Metric
from headgate.gateway import breakers
from headgate.http import activity
from headgate.stores.dynamodb.table_counts import TableCounts
from headgate.telemetry import call_counts, process, request_counts
from headgate.tools import toolbox

AREAS: Sequence[tuple[str, Sequence[Metric]]] = (
    ("Requests", (*request_counts.RequestCounts.metrics, activity.UNDER_WAY, activity.SOCKETS)),
    ("Calls to models", call_counts.CallCounts.metrics),
    ("Vendors", (breakers.CIRCUITS, breakers.VENDORS)),
    ("Tools", (toolbox.QUEUE_DEPTH, toolbox.RUNNING, toolbox.SECONDS, toolbox.CALLS)),
    ("Agent runs", (run_counts.RUNS, run_counts.ENDED, run_counts.STEPS)),
    ("Tables in DynamoDB", TableCounts.metrics),
    ("Processes", (process.CPU, process.MEMORY, process.LAG)),
)

_HEAD = """# Metrics

<!-- Written from the code by `make reference`. -->

`GET /metrics` tells these to Prometheus: without a key on the machine itself, else with one that
has the scope `admin`. Labels have few values, whatever callers do: users and keys are never among
them, models beyond the first 200 are counted as `other`, and paths are those of the route table.

With `--workers` every worker tells the sum over all of them, at most a second old; what a worker
that died had counted stays counted. How late the event loop is, the state of vendors and runs are
the highest of theirs. The `process_` numbers of the client library are of the worker that answers
alone.
"""


def reference() -> str:
    """The page."""
    parts = [_HEAD]
    for title, metrics in AREAS:
        parts.append(f"## {title}\n")
        parts.append("| metric | kind | labels | meaning |\n|---|---|---|---|")
        parts += [_row(metric) for metric in metrics]
        parts.append("")
    return "\n".join(parts)


def told_names(metric: Metric) -> tuple[str, ...]:
    """The names under which Prometheus stores a metric."""
    if metric.kind == "counter":
        return (f"{metric.name}_total",)
    if metric.kind == "histogram":
        return tuple(f"{metric.name}_{part}" for part in ("bucket", "count", "sum"))
    return (metric.name,)


def _row(metric: Metric) -> str:
    name = f"{metric.name}_total" if metric.kind == "counter" else metric.name
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{name}` | {metric.kind} | {labels} | {metric.meaning} |"
