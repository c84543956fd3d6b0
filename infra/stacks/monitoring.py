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
from headgate.core.embedded_metrics import ACTIVE_RUNS, BUDGET_REACHED, NAMESPACE
from headgate.stores.dynamodb.schema import BUDGETS
from stacks.access import SLACK, allow_secrets
from stacks.agents import AgentsStack
from stacks.dashboard import FIVE_MINUTES, MINUTE, Board, OwnMetrics
from stacks.functions import PlatformFunction
from stacks.gateway import GatewayStack
from stacks.security import SecurityStack
from stacks.tools import ToolsStack

# AWS tells of its bill in this region alone.
BILLING_REGION = "us-east-1"
# Where the gateway writes what it has to say, as a function and as tasks.
FUNCTION_LOG, TASK_LOG = f"/{PREFIX}/gateway", f"/{PREFIX}/gateway-tasks"
# What the line of a request in the platform's own log calls its parts.
FIRST_TOKEN, BILLED = "firstTokenMs", "billed"


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
        self._notifier = notifier.function
        allow_secrets(self, notifier.role, [SLACK])
        self.topic.add_subscription(subscriptions.LambdaSubscription(notifier.function))
        self._heard: list[cloudwatch.IAlarm] = []
        self._request_log = FUNCTION_LOG if deployment.gateway == "lambda" else TASK_LOG
        self._own = OwnMetrics(
            budgets=_written(BUDGET_REACHED),
            runs=_written(ACTIVE_RUNS),
            first_tokens=self._of_requests("FirstTokens", "FirstTokenMilliseconds", FIRST_TOKEN),
            spent=self._of_requests("Spent", "BilledDollars", BILLED),
            cold_starts=self._cold_starts(),
        )
        self._alarms()
        self._dashboard()
        cdk.CfnOutput(self, "AlarmTopicArn", value=self.topic.topic_arn)

    def _cold_starts(self) -> cloudwatch.Metric:
        """The milliseconds of each cold start, which Lambda tells in the function's log only."""
        return self._logged(
            "ColdStarts",
            "ColdStartMilliseconds",
            FUNCTION_LOG,
            "$.record.metrics.initDurationMs",
            logs.FilterPattern.string_value("$.type", "=", "platform.report"),
        ).with_(statistic="p99")

    def _of_requests(self, name: str, metric: str, field: str) -> cloudwatch.Metric:
        """What the line of each request says under `field`."""
        is_request = logs.FilterPattern.string_value("$.logger", "=", "headgate.requests")
        return self._logged(name, metric, self._request_log, f"$.{field}", is_request)

    def _logged(
        self, name: str, metric: str, log: str, value: str, pattern: logs.JsonPattern
    ) -> cloudwatch.Metric:
        filtered = logs.MetricFilter(
            self,
            name,
            log_group=logs.LogGroup.from_log_group_name(self, f"{name}Log", log),
            filter_pattern=logs.FilterPattern.all(pattern, logs.FilterPattern.exists(value)),
            metric_namespace=NAMESPACE,
            metric_name=metric,
            metric_value=value,
        )
        return filtered.metric(period=FIVE_MINUTES)

    def _alarms(self) -> None:
        self._gateway_alarms()
        self._agent_alarms()
        for name, queue in self._dead_letters().items():
            self._alarm(
                f"{name}DeadLetters",
                f"Work of {name} was given up; it lies in the queue for 14 days",
                queue,
                threshold=1,
            )
        self._alarm(
            "Budget",
            "A budget of a key, user, workspace or model is spent; the log says which",
            self._own.budgets,
            threshold=100,
        )
        self._alarm(
            "TableThrottles",
            "Spend could not be written down at once: one account has too many calls",
            self._gateway.tables[BUDGETS].metric(
                "WriteThrottleEvents", statistic=cloudwatch.Stats.SUM, period=FIVE_MINUTES
            ),
            threshold=1,
        )
        self._alarm(
            "SlackUntold",
            "Slack was not told of an alarm",
            self._notifier.metric_errors(period=FIVE_MINUTES),
            threshold=1,
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

    def _gateway_alarms(self) -> None:
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

    def _agent_alarms(self) -> None:
        waiting = self._agents.queue.metric_approximate_age_of_oldest_message(period=MINUTE)
        self._alarm("WaitingRuns", "A run has waited for 5 minutes", waiting, threshold=300)
        if self._deployment.tasks_min:
            self._alarm(
                "Tasks",
                "No task works on agent runs",
                self._agents.service.metric_cpu_utilization(
                    period=FIVE_MINUTES, statistic=cloudwatch.Stats.SAMPLE_COUNT
                ),
                threshold=1,
                periods=2,
                comparison=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
                # A task that is not there tells nothing.
                missing=cloudwatch.TreatMissingData.BREACHING,
            )
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
        missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
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
            treat_missing_data=missing,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        alarm.add_ok_action(actions.SnsAction(self.topic))
        self._heard.append(alarm)

    def _dead_letters(self) -> dict[str, cloudwatch.Metric]:
        queues = {
            "Agents": self._agents.dead_letters,
            "Gateway": self._gateway.dead_letters,
            "Tools": self._tools.dead_letters,
        }
        return {
            name: queue.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES)
            for name, queue in queues.items()
        }

    def _dashboard(self) -> None:
        board = Board(
            self._gateway,
            self._tools,
            self._agents,
            self._own,
            self._heard,
            list(self._dead_letters().values()),
            self._request_log,
        )
        shown = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=PREFIX)
        for row in board.rows():
            shown.add_widgets(*row)


def _written(name: str) -> cloudwatch.Metric:
    """A metric that the platform writes itself; where several processes do, the highest counts."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        statistic=cloudwatch.Stats.MAXIMUM,
        period=FIVE_MINUTES,
    )
