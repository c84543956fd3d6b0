"""AIMonitoringStack: one dashboard, and alarms that somebody hears."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from deployment import PREFIX, Deployment
from headgate.stores.dynamodb.schema import BUDGETS, USAGE
from stacks.access import SLACK, allow_secrets
from stacks.agents import AgentsStack
from stacks.functions import PlatformFunction
from stacks.gateway import GatewayStack
from stacks.security import SecurityStack
from stacks.tools import ToolsStack

NAMESPACE = "AIPlatform"
# AWS tells of its bill in this region alone.
BILLING_REGION = "us-east-1"
MINUTE = cdk.Duration.minutes(1)
FIVE_MINUTES = cdk.Duration.minutes(5)


class MonitoringStack(cdk.Stack):
    """What is watched, and who is told."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        deployment: Deployment,
        security: SecurityStack,
        gateway: GatewayStack,
        tools: ToolsStack,
        agents: AgentsStack,
    ) -> None:
        super().__init__(
            scope, name, description="AI platform: dashboard and alarms", env=deployment.environment
        )
        security.bound(self)
        self._gateway, self._tools, self._agents = gateway, tools, agents
        self._deployment = deployment
        self.topic = sns.Topic(
            self,
            "Alarms",
            topic_name=f"{PREFIX}-alarms",
            display_name="AI platform",
            master_key=kms.Key.from_key_arn(self, "Key", security.key_arn),
            enforce_ssl=True,
        )
        if deployment.alarm_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(deployment.alarm_email))
        notifier = PlatformFunction(
            self,
            "Notifier",
            deployment=deployment,
            key_arn=security.key_arn,
            part="notifier",
            description="Tells Slack of alarms, where a webhook is set",
            memory_mb=256,
            timeout=cdk.Duration.seconds(30),
        )
        allow_secrets(self, notifier.role, [SLACK])
        self.topic.add_subscription(subscriptions.LambdaSubscription(notifier.function))
        self.cold_starts = self._cold_starts()
        self._alarms()
        self._dashboard()
        cdk.CfnOutput(self, "AlarmTopicArn", value=self.topic.topic_arn)

    def _cold_starts(self) -> cloudwatch.Metric:
        """The milliseconds of each cold start, which Lambda tells in the function's log only."""
        log_group = logs.LogGroup.from_log_group_name(self, "GatewayLogs", f"/{PREFIX}/gateway")
        filtered = logs.MetricFilter(
            self,
            "ColdStarts",
            log_group=log_group,
            filter_pattern=logs.FilterPattern.all(
                logs.FilterPattern.string_value("$.type", "=", "platform.report"),
                logs.FilterPattern.exists("$.record.metrics.initDurationMs"),
            ),
            metric_namespace=NAMESPACE,
            metric_name="ColdStartMilliseconds",
            metric_value="$.record.metrics.initDurationMs",
        )
        return filtered.metric(statistic="p99", period=FIVE_MINUTES)

    def _alarms(self) -> None:
        function, api = self._gateway.function, self._gateway.api
        self._alarm(
            "GatewayErrors",
            "The gateway failed, other than by an answer",
            function.metric_errors(period=FIVE_MINUTES),
            threshold=5,
        )
        self._alarm(
            "ServerErrors",
            "More than one of a hundred answers is a 5xx",
            api.metric_server_error(period=FIVE_MINUTES, statistic=cloudwatch.Stats.AVERAGE),
            threshold=0.01,
            periods=2,
        )
        self._alarm(
            "Latency",
            "One of a hundred answers takes longer than 30 s",
            api.metric_latency(period=FIVE_MINUTES, statistic="p99"),
            threshold=30_000,
            periods=3,
        )
        self._alarm(
            "Throttles",
            "Calls were turned away because too many functions run at once",
            function.metric_throttles(period=FIVE_MINUTES),
            threshold=1,
        )
        for name, queue in self._dead_letters().items():
            self._alarm(
                f"{name}DeadLetters",
                f"Work of {name} was given up; `docs/runbooks` says how to send it again",
                queue,
                threshold=1,
            )
        waiting = self._agents.queue.metric_approximate_age_of_oldest_message(period=MINUTE)
        self._alarm("WaitingRuns", "A run has waited for 5 minutes", waiting, threshold=300)
        database = self._agents.database
        self._alarm(
            "DatabaseStorage",
            "The engine's database has less than 2 GiB left",
            database.metric_free_storage_space(period=FIVE_MINUTES),
            threshold=2 * 1024**3,
            comparison=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
        )
        self._alarm(
            "DatabaseCpu",
            "The engine's database is busy",
            database.metric_cpu_utilization(period=FIVE_MINUTES),
            threshold=85,
            periods=3,
        )
        if self.region == BILLING_REGION:
            self._alarm(
                "Bill",
                "AWS estimates more for this month than was planned",
                cloudwatch.Metric(
                    namespace="AWS/Billing",
                    metric_name="EstimatedCharges",
                    dimensions_map={"Currency": "USD"},
                    statistic=cloudwatch.Stats.MAXIMUM,
                    period=cdk.Duration.hours(6),
                ),
                threshold=self._deployment.monthly_budget_usd,
            )

    def _alarm(
        self,
        name: str,
        description: str,
        metric: cloudwatch.IMetric,
        *,
        threshold: float,
        periods: int = 1,
        comparison: cloudwatch.ComparisonOperator = (
            cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
        ),
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"{PREFIX}-{name}",
            alarm_description=description,
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=comparison,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        alarm.add_ok_action(actions.SnsAction(self.topic))

    def _dead_letters(self) -> dict[str, cloudwatch.Metric]:
        queues = {"Agents": self._agents.dead_letters, "Gateway": self._gateway.dead_letters}
        queues |= {
            f"Tool{name.title().replace('_', '')}": made.dead_letters
            for name, made in self._tools.functions.items()
        }
        return {
            name: queue.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES)
            for name, queue in queues.items()
        }

    def _dashboard(self) -> None:
        gateway, agents = self._gateway, self._agents
        board = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=PREFIX)
        function, api = gateway.function, gateway.api
        board.add_widgets(
            _graph("Requests", [api.metric_count(period=FIVE_MINUTES)]),
            _graph(
                "Errors",
                [
                    api.metric_client_error(period=FIVE_MINUTES),
                    api.metric_server_error(period=FIVE_MINUTES),
                ],
            ),
            _graph(
                "Latency",
                [
                    api.metric_latency(period=FIVE_MINUTES, statistic=s)
                    for s in ("p50", "p95", "p99")
                ],
            ),
            _graph("Cold starts, ms", [self.cold_starts]),
        )
        board.add_widgets(
            _graph(
                "Functions at once",
                [function.metric("ConcurrentExecutions", statistic="Maximum")],
            ),
            _graph(
                "Tools: calls",
                [made.function.metric_invocations() for made in self._tools.functions.values()],
            ),
            _graph(
                "Tools: errors",
                [made.function.metric_errors() for made in self._tools.functions.values()],
            ),
            _graph(
                "Runs that wait",
                [agents.queue.metric_approximate_number_of_messages_visible(period=MINUTE)],
            ),
        )
        usage, budgets = gateway.tables[USAGE], gateway.tables[BUDGETS]
        board.add_widgets(
            _graph(
                "Tasks",
                [
                    agents.service.metric_cpu_utilization(),
                    agents.service.metric_memory_utilization(),
                ],
            ),
            _graph(
                "Tables: latency of writes, ms",
                [
                    table.metric_successful_request_latency(
                        dimensions_map={"TableName": table.table_name, "Operation": "UpdateItem"},
                        statistic="p99",
                    )
                    for table in (usage, budgets)
                ],
            ),
            _graph(
                "Tables: throttled",
                [table.metric("ThrottledRequests", statistic="Sum") for table in (usage, budgets)],
            ),
            _graph(
                "Database",
                [
                    agents.database.metric_cpu_utilization(),
                    agents.database.metric_database_connections(),
                ],
            ),
        )


def _graph(title: str, metrics: list[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=metrics, width=6, height=6)
