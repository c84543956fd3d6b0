"""AIGatewayStack: the way in over HTTP and WebSocket, and the tables that the books are kept in."""

import json

import aws_cdk as cdk
import jsii
from aws_cdk import aws_apigateway as rest
from aws_cdk import aws_apigatewayv2 as websocket
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as balancing
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from deployment import PREFIX, Deployment
from headgate.stores.dynamodb.schema import TABLES, Index, Table
from stacks.access import acknowledge, allow_platform
from stacks.agents import AgentsStack, image
from stacks.functions import PlatformFunction, environment, retention
from stacks.security import SecurityStack
from stacks.tools import ToolsStack

STAGE = "prod"
# The longest that API Gateway lets a stream last, and Lambda a function run.
LONGEST = cdk.Duration.minutes(15)
# The platform's default for one key: what a company's whole traffic is held to is its account's.
SUSTAINED_RPS = 50
BURST = 200
PORT = 3000


class GatewayStack(cdk.Stack):
    """The gateway, by its REST and WebSocket interfaces."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        deployment: Deployment,
        security: SecurityStack,
        tools: ToolsStack,
        agents: AgentsStack,
    ) -> None:
        super().__init__(
            scope, name, description="AI platform: gateway", env=deployment.environment
        )
        self._deployment = deployment
        self._security = security
        self._agents = agents
        self._key = kms.Key.from_key_arn(self, "Key", security.key_arn)
        self.tables = {table.name: self._table(table) for table in TABLES}
        made = self._function()
        self.function, self.dead_letters = made.function, made.dead_letters
        self.alias = lambda_.Alias(
            self,
            "Live",
            alias_name="live",
            version=self.function.current_version,
            provisioned_concurrent_executions=deployment.provisioned or None,
        )
        for tool in tools.functions.values():
            tool.function.grant_invoke(self.function)
        agents.queue.grant_send_messages(self.function)
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
            function_name=f"{PREFIX}-gateway",
            extra={
                "HEADGATE_AGENT_QUEUE": self._agents.queue.queue_url,
                "HEADGATE_TOOL_FUNCTIONS": f"{PREFIX}-tool-",
            },
            reserved_concurrent_executions=deployment.reserved or None,
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
        access = self._access_log("SocketAccess")
        stage = websocket.WebSocketStage(
            self,
            "Stage",
            web_socket_api=api,
            stage_name=STAGE,
            auto_deploy=True,
            throttle=websocket.ThrottleSettings(rate_limit=SUSTAINED_RPS, burst_limit=BURST),
            access_log_settings=_SocketLog(access),
        )
        stage.grant_management_api_access(self.function)
        acknowledge(
            api,
            APIG4="Keys are checked by the platform, in the head or in the first message.",
        )
        acknowledge(
            self.function,
            IAM5="A connection's name is not known before it is there.",
        )
        return api

    def _rest(self) -> rest.RestApi:
        access = self._access_log("RestAccess")
        api = rest.RestApi(
            self,
            "Api",
            rest_api_name="AI Platform API",
            description="The platform's HTTP interface; every path is the application's own",
            # An edge-optimised one cuts a stream that is silent for 30 s.
            endpoint_types=[rest.EndpointType.REGIONAL],
            # Answers that are images or gzip pass as they are.
            binary_media_types=["*/*"],
            cloud_watch_role=True,
            cloud_watch_role_removal_policy=cdk.RemovalPolicy.RETAIN,
            deploy_options=rest.StageOptions(
                stage_name=STAGE,
                throttling_rate_limit=SUSTAINED_RPS,
                throttling_burst_limit=BURST,
                metrics_enabled=True,
                tracing_enabled=True,
                logging_level=rest.MethodLoggingLevel.ERROR,
                access_log_destination=rest.LogGroupLogDestination(access),
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
            ),
        )
        integration = self._integration()
        for resource in (api.root, api.root.add_resource("{proxy+}")):
            resource.add_method("ANY", integration, **self._method_options())
        plan = api.add_usage_plan(
            "Plan",
            name=PREFIX,
            description="Holds callers who are given a key of API Gateway's own, beside the platform's",
            throttle=rest.ThrottleSettings(rate_limit=SUSTAINED_RPS, burst_limit=BURST),
        )
        plan.add_api_stage(stage=api.deployment_stage)
        acknowledge(
            api,
            APIG2="The application decodes strictly and answers what is wrong.",
            APIG4="Keys are checked by the platform; the health check and the documents are open.",
            COG4="Keys are checked by the platform.",
            IAM4="API Gateway's own role to write logs is AWS's.",
        )
        acknowledge(
            api.deployment_stage,
            APIG3="A web ACL costs as much as a database; `docs/guides/aws.md` says how to add one.",
        )
        return api

    def _method_options(self) -> dict[str, object]:
        if self._deployment.gateway == "lambda":
            return {}
        return {"request_parameters": {"method.request.path.proxy": False}}

    def _integration(self) -> rest.Integration:
        if self._deployment.gateway == "lambda":
            return rest.LambdaIntegration(
                self.alias,
                proxy=True,
                timeout=LONGEST,
                response_transfer_mode=rest.ResponseTransferMode.STREAM,
            )
        balancer = self._tasks()
        link = rest.VpcLink(self, "Link", targets=[balancer])
        return rest.Integration(
            type=rest.IntegrationType.HTTP_PROXY,
            integration_http_method="ANY",
            uri=f"http://{balancer.load_balancer_dns_name}:{PORT}/{{proxy}}",
            options=rest.IntegrationOptions(
                connection_type=rest.ConnectionType.VPC_LINK,
                vpc_link=link,
                timeout=LONGEST,
                response_transfer_mode=rest.ResponseTransferMode.STREAM,
                request_parameters={"integration.request.path.proxy": "method.request.path.proxy"},
            ),
        )

    def _tasks(self) -> balancing.NetworkLoadBalancer:
        """The gateway as tasks, behind a balancer that only API Gateway reaches."""
        deployment, security = self._deployment, self._security
        task = ecs.FargateTaskDefinition(
            self,
            "Task",
            family=f"{PREFIX}-gateway",
            cpu=deployment.task_cpu,
            memory_limit_mib=deployment.task_memory_mb,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64,
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
        )
        log_group = logs.LogGroup(
            self,
            "TaskLogs",
            log_group_name=f"/{PREFIX}/gateway-tasks",
            encryption_key=self._key,
            retention=retention(deployment.log_days),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        task.add_container(
            "gateway",
            image=image(self, deployment),
            command=["serve", "--role", "gateway", "--host", "0.0.0.0", "--port", str(PORT)],
            port_mappings=[ecs.PortMapping(container_port=PORT)],
            logging=ecs.LogDriver.aws_logs(stream_prefix="gateway", log_group=log_group),
            readonly_root_filesystem=True,
            stop_timeout=cdk.Duration.seconds(120),
            environment={
                **environment(deployment, security.key_arn),
                "HEADGATE_AGENT_QUEUE": self._agents.queue.queue_url,
            },
        )
        allow_platform(self, task.task_role, security.key_arn)
        self._agents.queue.grant_send_messages(task.task_role)
        acknowledge(task, ECS2="What is said there is public: names and addresses.")
        acknowledge(
            task.task_role, IAM5="Bedrock's models and keys for data are not known before."
        )
        if task.execution_role is not None:
            acknowledge(task.execution_role, IAM5="`ecr:GetAuthorizationToken` knows no resources.")
        group = ec2.SecurityGroup(
            self,
            "GatewaySecurityGroup",
            vpc=security.vpc,
            description="The gateway's tasks: only the balancer comes in",
        )
        service = ecs.FargateService(
            self,
            "Service",
            cluster=self._agents.cluster,
            service_name=f"{PREFIX}-gateway",
            task_definition=task,
            desired_count=deployment.tasks_min,
            min_healthy_percent=100,
            max_healthy_percent=200,
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
            assign_public_ip=deployment.egress == "public",
            vpc_subnets=security.task_subnets(deployment),
            security_groups=[group],
        )
        behind = ec2.SecurityGroup(
            self,
            "BalancerSecurityGroup",
            vpc=security.vpc,
            description="The gateway's balancer: API Gateway's link comes in",
        )
        group.add_ingress_rule(behind, ec2.Port.tcp(PORT), "Balancer")
        balancer = balancing.NetworkLoadBalancer(
            self,
            "Balancer",
            vpc=security.vpc,
            internet_facing=False,
            cross_zone_enabled=True,
            security_groups=[behind],
            # Traffic of a link comes from addresses that no rule can name.
            enforce_security_group_inbound_rules_on_private_link_traffic=False,
        )
        acknowledge(
            balancer, ELB2="API Gateway logs each request; the balancer sees nothing else."
        )
        balancer.add_listener("Listener", port=PORT).add_targets(
            "Gateway",
            port=PORT,
            targets=[service],
            deregistration_delay=cdk.Duration.seconds(120),
            health_check=balancing.HealthCheck(
                protocol=balancing.Protocol.HTTP, path="/health", port=str(PORT)
            ),
        )
        return balancer

    def _access_log(self, name: str) -> logs.LogGroup:
        return logs.LogGroup(
            self,
            name,
            encryption_key=self._key,
            retention=retention(self._deployment.log_days),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )

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
