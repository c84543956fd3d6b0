"""CloudWatch's embedded metric format: lines of a log that become numbers, by AWS's specification.

The stacks name the metrics too, in an environment that has nothing but the standard library.
"""

import json
from collections.abc import Mapping

NAMESPACE = "AIPlatform"
BUDGET_REACHED = "BudgetReachedPercent"
"""A budget's share of its limit, when it has reached a threshold."""
ACTIVE_RUNS = "ActiveRuns"
"""Agent runs that have not ended, told by each process that could work on them."""


def metric_line(
    name: str, unit: str, value: float, *, now: float, said: Mapping[str, str] | None = None
) -> str:
    """One number at a moment in Unix seconds, with what else the log's reader should know.

    It has no dimension: each value of one would be a metric of its own, with its own price.
    """
    metric = {"Name": name, "Unit": unit}
    told = {"Namespace": NAMESPACE, "Dimensions": [[]], "Metrics": [metric]}
    directive = {"Timestamp": int(now * 1000), "CloudWatchMetrics": [told]}
    return json.dumps({"_aws": directive, name: value, **(said or {})})
