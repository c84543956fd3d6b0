"""The dashboard: what is promised, what is spent, what is under way, and the machines below it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from headgate.stores.dynamodb.schema import BUDGETS, ROLLUPS, USAGE
from stacks.agents import AgentsStack
from stacks.gateway import GatewayStack
from stacks.tools import ToolsStack

MINUTE = cdk.Duration.minutes(1)
FIVE_MINUTES = cdk.Duration.minutes(5)


@dataclass(frozen=True, slots=True)
class OwnMetrics:
    """What the platform writes itself, in the embedded format or in its log."""

    budgets: cloudwatch.Metric
    runs: cloudwatch.Metric
    first_tokens: cloudwatch.Metric
    spent: cloudwatch.Metric
    cold_starts: cloudwatch.Metric


@dataclass(frozen=True, slots=True)
class Board:
    """The widgets, row by row.

    Attributes:
        request_log: where each request is a line of JSON.
        dead_letters: how much work was given up, by queue.
    """

    gateway: GatewayStack
    tools: ToolsStack
    agents: AgentsStack
    own: OwnMetrics
    alarms: Sequence[cloudwatch.IAlarm]
    dead_letters: Sequence[cloudwatch.Metric]
    request_log: str

    def rows(self) -> Iterator[list[cloudwatch.IWidget]]:
        """The rows, from what is promised to the machines that keep it."""
        yield self._promises()
        yield self._calls()
        yield self._spending()
        yield self._work()
        yield self._tables()
        yield self._machines()

    def _promises(self) -> list[cloudwatch.IWidget]:
        """What an SLO is held against, over the time that is shown; and what is wrong now."""
        api = self.gateway.api
        asked = api.metric_count(period=FIVE_MINUTES)
        failed = api.metric_server_error(period=FIVE_MINUTES, statistic=cloudwatch.Stats.SUM)
        refused = api.metric_client_error(period=FIVE_MINUTES, statistic=cloudwatch.Stats.SUM)
        return [
            cloudwatch.SingleValueWidget(
                title="Over the time that is shown",
                metrics=[
                    _share("Available, %", "100 * (1 - failed / asked)", asked, failed=failed),
                    _share(
                        "Errors, %",
                        "100 * (failed + refused) / asked",
                        asked,
                        failed=failed,
                        refused=refused,
                    ),
                    api.metric_latency(statistic="p95", label="P95, ms"),
                    api.metric_latency(statistic="p99", label="P99, ms"),
                ],
                set_period_to_time_range=True,
                width=12,
                height=6,
            ),
            cloudwatch.AlarmStatusWidget(title="Alarms", alarms=self.alarms, width=12, height=6),
        ]

    def _calls(self) -> list[cloudwatch.IWidget]:
        api = self.gateway.api
        return [
            _graph("Requests", [api.metric_count(period=FIVE_MINUTES)]),
            _graph(
                "Errors",
                [
                    api.metric_client_error(period=FIVE_MINUTES),
                    api.metric_server_error(period=FIVE_MINUTES),
                ],
            ),
            _graph(
                "Latency, ms",
                [
                    api.metric_latency(period=FIVE_MINUTES, statistic=s)
                    for s in ("p50", "p95", "p99")
                ],
            ),
            _graph("Budgets that reached a threshold, %", [self.own.budgets]),
        ]

    def _spending(self) -> list[cloudwatch.IWidget]:
        statistics = ("p50", "p95", "p99")
        spent = "sum(billed) as dollars, sum(inputTokens) as input, sum(outputTokens) as output"
        return [
            _graph(
                "First token, ms", [self.own.first_tokens.with_(statistic=s) for s in statistics]
            ),
            _graph("Spent, $", [self.own.spent.with_(statistic=cloudwatch.Stats.SUM)]),
            *(
                cloudwatch.LogQueryWidget(
                    title=f"Tokens and cost by {what}",
                    log_group_names=[self.request_log],
                    query_lines=[
                        "filter logger = 'headgate.requests' and ispresent(billed)",
                        f"stats count(*) as requests, {spent} by {field}",
                        "sort dollars desc",
                        "limit 20",
                    ],
                    view=cloudwatch.LogQueryVisualizationType.TABLE,
                    width=6,
                    height=6,
                )
                for what, field in (("model", "model"), ("key", "keyId"))
            ),
        ]

    def _work(self) -> list[cloudwatch.IWidget]:
        tools = self.tools.functions.values()
        return [
            _graph("Tools: calls", [made.function.metric_invocations() for made in tools]),
            _graph("Tools: errors", [made.function.metric_errors() for made in tools]),
            _graph(
                "Runs that are under way, and that wait",
                [
                    self.own.runs,
                    self.agents.queue.metric_approximate_number_of_messages_visible(period=MINUTE),
                ],
            ),
            _graph("Work that was given up", list(self.dead_letters)),
        ]

    def _tables(self) -> list[cloudwatch.IWidget]:
        tables = [self.gateway.tables[name] for name in (USAGE, BUDGETS, ROLLUPS)]
        return [
            _graph(
                f"Tables: {operation}, ms",
                [
                    table.metric_successful_request_latency(
                        dimensions_map={"TableName": table.table_name, "Operation": operation},
                        statistic="p99",
                    )
                    for table in tables
                ],
            )
            for operation in ("TransactWriteItems", "Query")
        ] + [
            _graph(f"Tables: {what}", [table.metric(name, statistic="Sum") for table in tables])
            for what, name in (
                ("units written", "ConsumedWriteCapacityUnits"),
                ("writes throttled", "WriteThrottleEvents"),
            )
        ]

    def _machines(self) -> list[cloudwatch.IWidget]:
        agents, function = self.agents, self.gateway.function
        return [
            _graph("Cold starts, ms", [self.own.cold_starts]),
            _graph(
                "Functions at once",
                [function.metric("ConcurrentExecutions", statistic="Maximum")],
            ),
            _graph(
                "Tasks, %",
                [
                    agents.service.metric_cpu_utilization(),
                    agents.service.metric_memory_utilization(),
                ],
            ),
            _graph(
                "Database",
                [
                    agents.database.metric_cpu_utilization(),
                    agents.database.metric_database_connections(),
                ],
            ),
        ]


def _graph(title: str, metrics: list[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=metrics, width=6, height=6)


def _share(
    label: str, expression: str, asked: cloudwatch.IMetric, **parts: cloudwatch.IMetric
) -> cloudwatch.MathExpression:
    return cloudwatch.MathExpression(
        label=label, expression=expression, using_metrics={"asked": asked, **parts}
    )
