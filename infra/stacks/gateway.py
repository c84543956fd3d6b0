"""AIGatewayStack: the way in over HTTP and WebSocket, and the tables that the books are kept in."""

import json
from typing import cast

import aws_cdk as cdk
import jsii
from aws_cdk import aws_apigateway as rest
from aws_cdk import aws_apigatewayv2 as websocket
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_elasticloadbalancingv2 as balancing
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from deployment import PREFIX, Deployment
from headgate.stores.dynamodb.schema import TABLES, Index, Table
from stacks.access import acknowledge, allow, allow_platform, allow_sealing
from stacks.agents import RUN_QUEUE, AgentsStack
from stacks.functions import PlatformFunction
from stacks.gateway_tasks import PORT, GatewayTasks
from stacks.records import log_group
from stacks.security import SecurityStack

STAGE = "prod"
# The longest that API Gateway lets a stream last, and Lambda a function run.
LONGEST = cdk.Duration.minutes(15)
# The platform's default for one key: what a company's whole traffic is held to is its account's.
SUSTAINED_RPS = 50
BURST = 200


class GatewayStack(cdk.Stack):
    """The gateway, by its REST and WebSocket interfaces."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        deployment: Deployment,
        security: SecurityStack,
        agents: AgentsStack,
    ) -> None:
        super().__init__(
            scope, name, description="AI platform: gateway", env=deployment.environment
        )
        security.bound(self)
        self._deployment = deployment
        self._security = security
        self._agents = agents
        self._key = kms.Key.from_key_arn(self, "Key", security.key_arn)
        self.tables = {table.name: self._table(table) for table in TABLES}
        made = self._function()
        self.function, self.dead_letters = made.function, made.dead_letters
        self._role = made.role
        made.function.add_environment(RUN_QUEUE, agents.queue.queue_url)
        self.alias = lambda_.Alias(
            self,
            "Live",
            alias_name="live",
            version=self.function.current_version,
            provisioned_concurrent_executions=deployment.provisioned or None,
        )
        self._link: rest.VpcLink | None = None
        allow(made.role, "Runs", ["sqs:SendMessage"], [agents.queue.queue_arn])
        allow_platform(self, made.role)
        allow_sealing(made.role, security.key_arn)
        self.sockets = self._websocket()
        self.api = self._rest()
        self._keep_warm()
        cdk.CfnOutput(self, "APIEndpoint", value=self.api.url)
        cdk.CfnOutput(
            self,
            "WebSocketEndpoint",
            value=f"{self.sockets.api_endpoint}/{STAGE}",
        )

    def _table(self, table: Table) -> dynamodb.TableV2:
        return dynamodb.TableV2(
            self,
            "".join(word.capitalize() for word in table.name.removeprefix(PREFIX).split("-")),
            table_name=table.name,
            partition_key=_attribute(table, table.partition),
            sort_key=None if table.sort is None else _attribute(table, table.sort),
            global_secondary_indexes=[_index(table, index) for index in table.indexes],
            billing=dynamodb.Billing.on_demand(),
            encryption=dynamodb.TableEncryptionV2.customer_managed_key(self._key),
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute=table.ttl,
            deletion_protection=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )

    def _function(self) -> PlatformFunction:
        deployment = self._deployment
        return PlatformFunction(
            self,
            "Gateway",
            deployment=deployment,
            key_arn=self._security.key_arn,
            part="gateway",
            description="The gateway: HTTP, WebSocket and its own warming",
            memory_mb=deployment.gateway_memory_mb,
            timeout=LONGEST,
            reserved=deployment.reserved or None,
        )

    def _websocket(self) -> websocket.WebSocketApi:
        api = websocket.WebSocketApi(
            self,
            "Streaming",
            api_name="AI Platform Streaming",
            description="The messages of /ws",
        )
        for route in ("$connect", "$disconnect", "$default"):
            api.add_route(
                route,
                integration=integrations.WebSocketLambdaIntegration(
                    f"Integration{route.strip('$').capitalize()}", self.alias
                ),
            )
        websocket.WebSocketStage(
            self,
            "Stage",
            web_socket_api=api,
            stage_name=STAGE,
            auto_deploy=True,
            throttle=websocket.ThrottleSettings(rate_limit=SUSTAINED_RPS, burst_limit=BURST),
            access_log_settings=_SocketLog(self._access_log("SocketAccess")),
        )
        connections = f"{STAGE}/POST/@connections/*"
        pushing = self.format_arn(
            service="execute-api", resource=api.api_id, resource_name=connections
        )
        allow(self._role, "Push", ["execute-api:ManageConnections"], [pushing])
        api_id = f"<{self.get_logical_id(cast('websocket.CfnApi', api.node.default_child))}>"
        acknowledge(
            self._role,
            {
                f"IAM5[Resource::arn:<AWS::Partition>:execute-api:{self.region}:"
                f"<AWS::AccountId>:{api_id}/{connections}]": (
                    "The name of a connection is not known before it is there."
                )
            },
        )
        acknowledge(
            api,
            {"APIG4": "The platform checks its keys, in the head or in the first message."},
        )
        return api

    def _rest(self) -> rest.RestApi:
        api = rest.RestApi(
            self,
            "Api",
            rest_api_name="AI Platform API",
            description="The HTTP interface of the platform; every path is the application's own",
            # An edge-optimised one cuts a stream that is silent for 30 s.
            endpoint_types=[rest.EndpointType.REGIONAL],
            # Bodies pass as the bytes that they are.
            binary_media_types=["*/*"],
            cloud_watch_role=True,
            cloud_watch_role_removal_policy=cdk.RemovalPolicy.RETAIN,
            deploy_options=self._stage(),
        )
        balancer = self._balancer()
        api.root.add_method("ANY", self._integration(balancer))
        api.root.add_resource("{proxy+}").add_method(
            "ANY",
            self._integration(balancer, "{proxy}"),
            request_parameters=None if balancer is None else {"method.request.path.proxy": True},
        )
        plan = api.add_usage_plan(
            "Plan",
            name=PREFIX,
            description="Limits of all callers together; a key of the platform has its own",
            throttle=rest.ThrottleSettings(rate_limit=SUSTAINED_RPS, burst_limit=BURST),
        )
        plan.add_api_stage(stage=api.deployment_stage)
        acknowledge(
            api,
            {
                "APIG2": "The application decodes strictly and answers what is wrong.",
                "APIG3": "A web ACL has a fixed price a month; who wants one attaches it.",
                "APIG4": "The platform checks its keys; its health and documents are open.",
                "COG4": "The platform checks its keys.",
                "IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
                "AmazonAPIGatewayPushToCloudWatchLogs]": "API Gateway's own role is AWS's.",
            },
        )
        return api

    def _stage(self) -> rest.StageOptions:
        return rest.StageOptions(
            stage_name=STAGE,
            throttling_rate_limit=SUSTAINED_RPS,
            throttling_burst_limit=BURST,
            metrics_enabled=True,
            tracing_enabled=True,
            logging_level=rest.MethodLoggingLevel.ERROR,
            access_log_destination=rest.LogGroupLogDestination(self._access_log("RestAccess")),
            access_log_format=rest.AccessLogFormat.json_with_standard_fields(
                caller=False,
                http_method=True,
                ip=True,
                protocol=True,
                request_time=True,
                resource_path=True,
                response_length=True,
                status=True,
                user=False,
            ),
        )

    def _integration(
        self, balancer: balancing.NetworkLoadBalancer | None, path: str = ""
    ) -> rest.Integration:
        """What answers at `path`: the function, or the tasks behind `balancer`."""
        if balancer is None or self._link is None:
            return rest.LambdaIntegration(
                self.alias,
                proxy=True,
                timeout=LONGEST,
                response_transfer_mode=rest.ResponseTransferMode.STREAM,
                # One permission for the whole interface, not one for each method and path.
                scope_permission_to_method=False,
            )
        forwarded = {"integration.request.path.proxy": "method.request.path.proxy"}
        return rest.Integration(
            type=rest.IntegrationType.HTTP_PROXY,
            integration_http_method="ANY",
            uri=f"http://{balancer.load_balancer_dns_name}:{PORT}/{path}",
            options=rest.IntegrationOptions(
                connection_type=rest.ConnectionType.VPC_LINK,
                vpc_link=self._link,
                timeout=LONGEST,
                response_transfer_mode=rest.ResponseTransferMode.STREAM,
                request_parameters=forwarded if path else None,
            ),
        )

    def _balancer(self) -> balancing.NetworkLoadBalancer | None:
        if self._deployment.gateway == "lambda":
            return None
        tasks = GatewayTasks(
            self,
            "Tasks",
            deployment=self._deployment,
            security=self._security,
            agents=self._agents,
            key=self._key,
        )
        self._link = rest.VpcLink(self, "Link", targets=[tasks.balancer])
        return tasks.balancer

    def _access_log(self, name: str) -> logs.LogGroup:
        return log_group(self, name, self._key, self._deployment, name=None)

    def _keep_warm(self) -> None:
        events.Rule(
            self,
            "KeepWarm",
            description="Calls the gateway so that it is never cold",
            schedule=events.Schedule.rate(cdk.Duration.minutes(5)),
            targets=[
                targets.LambdaFunction(
                    self.alias, event=events.RuleTargetInput.from_object({"warmup": True})
                )
            ],
        )


@jsii.implements(websocket.IAccessLogSettings)
class _SocketLog:
    """What is logged of each message: never what it says."""

    def __init__(self, log_group: logs.ILogGroup) -> None:
        self._log_group = log_group

    @property
    def destination(self) -> websocket.IAccessLogDestination:
        return websocket.LogGroupLogDestination(self._log_group)

    @property
    def format(self) -> rest.AccessLogFormat:
        return rest.AccessLogFormat.custom(
            json.dumps(
                {
                    "requestId": rest.AccessLogField.context_request_id(),
                    "at": rest.AccessLogField.context_request_time(),
                    "event": rest.AccessLogField.context_event_type(),
                    "connection": rest.AccessLogField.context_connection_id(),
                    "status": rest.AccessLogField.context_status(),
                }
            )
        )


def _attribute(table: Table, name: str) -> dynamodb.Attribute:
    kind = dynamodb.AttributeType.NUMBER if name in table.numbers else dynamodb.AttributeType.STRING
    return dynamodb.Attribute(name=name, type=kind)


def _index(table: Table, index: Index) -> dynamodb.GlobalSecondaryIndexPropsV2:
    return dynamodb.GlobalSecondaryIndexPropsV2(
        index_name=index.name,
        partition_key=_attribute(table, index.partition),
        sort_key=None if index.sort is None else _attribute(table, index.sort),
        projection_type=(
            dynamodb.ProjectionType.ALL if index.whole else dynamodb.ProjectionType.KEYS_ONLY
        ),
    )
