"""What is deployed where nothing is chosen."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3
from cdk_nag import AwsSolutionsChecks
from templates import STACKS, Stacks, complaints, listed, write

from headgate.core.embedded_metrics import BUDGET_REACHED, NAMESPACE
from headgate.stores.dynamodb import schema
from headgate.stores.dynamodb.schema import TABLES, Table
from stacks.tools import ALONE, ASK_MODELS

TOOLS = (*ASK_MODELS, *ALONE)
# Only these know no resources, so that they are allowed for all of them.
WITHOUT_RESOURCES = {
    "ecr:GetAuthorizationToken",
    "logs:CreateLogStream",
    "logs:DescribeLogStreams",
    "logs:PutLogEvents",
}
OPERATION = re.compile(
    r'"((?:BatchGet|BatchWrite|Delete|Get|Put|Update)Item|DescribeTable|Query|Scan)"'
)
SECRET_NAME = re.compile(r"KEY$|SECRET|TOKEN|PASSWORD|SALT|WEBHOOK")
SECRET_TEXT = re.compile(r"\bsk-[A-Za-z0-9-]{8}|\bAKIA[A-Z0-9]{12}|hooks\.slack\.com|-----BEGIN")


@pytest.fixture(scope="module")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> Stacks:
    return write(tmp_path_factory.mktemp("stacks"))


def test_the_five_stacks_have_their_names_and_come_in_an_order(stacks: Stacks) -> None:
    assert set(stacks.templates) == set(STACKS)
    manifest = json.loads((stacks.directory / "manifest.json").read_text())["artifacts"]
    for place, stack in enumerate(STACKS):
        needed = set(manifest[stack]["dependencies"]) & set(STACKS)
        assert needed <= set(STACKS[:place])


def test_each_stack_says_what_its_users_need(stacks: Stacks) -> None:
    gateway = stacks.outputs("AIGatewayStack")
    assert {"APIEndpoint", "WebSocketEndpoint"} <= set(gateway)
    assert "execute-api" in json.dumps(gateway["APIEndpoint"])
    assert json.dumps(gateway["WebSocketEndpoint"]).rstrip('"]}').endswith("/prod")
    agents = stacks.outputs("AIAgentsStack")
    assert agents["ClusterName"]["Ref"] in stacks.templates["AIAgentsStack"]["Resources"]
    assert stacks.one("AWS::ECS::Cluster")["ClusterName"] == "ai-platform-agents"
    arns = set(stacks.outputs("AIToolsStack"))
    assert "SummarizeFunctionArn" in arns
    assert len(arns) == len(TOOLS)
    assert {"VpcId", "LambdaSecurityGroupId", "EcsSecurityGroupId"} <= set(
        stacks.outputs("AISecurityStack")
    )


def keys(schema: list[Mapping[str, str]]) -> dict[str, str]:
    return {one["KeyType"]: one["AttributeName"] for one in schema}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_table_is_as_the_platform_expects_it(stacks: Stacks, table: Table) -> None:
    (made,) = [
        one
        for one in stacks.of("AWS::DynamoDB::GlobalTable")
        if one.properties["TableName"] == table.name
    ]
    is_like = made.properties
    order = {"HASH": table.partition} | ({} if table.sort is None else {"RANGE": table.sort})
    assert keys(is_like["KeySchema"]) == order
    types = {one["AttributeName"]: one["AttributeType"] for one in is_like["AttributeDefinitions"]}
    named = {table.partition, table.sort} | {
        name for index in table.indexes for name in (index.partition, index.sort)
    }
    assert types == {name: "N" if name in table.numbers else "S" for name in named if name}
    indexes = {
        one["IndexName"]: (keys(one["KeySchema"]), one["Projection"]["ProjectionType"])
        for one in is_like.get("GlobalSecondaryIndexes", ())
    }
    assert indexes == {
        index.name: (
            {"HASH": index.partition} | ({} if index.sort is None else {"RANGE": index.sort}),
            "ALL" if index.whole else "KEYS_ONLY",
        )
        for index in table.indexes
    }
    assert is_like["BillingMode"] == "PAY_PER_REQUEST"
    assert is_like.get("TimeToLiveSpecification", {}).get("AttributeName") == table.ttl
    assert is_like["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}
    (replica,) = is_like["Replicas"]
    assert replica["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert replica["DeletionProtectionEnabled"] is True
    assert made.content["DeletionPolicy"] == made.content["UpdateReplacePolicy"] == "Retain"


def test_no_table_but_ours_is_made(stacks: Stacks) -> None:
    assert len(stacks.of("AWS::DynamoDB::GlobalTable")) == len(TABLES)


def test_every_path_is_streamed_by_the_function(stacks: Stacks) -> None:
    api = stacks.one("AWS::ApiGateway::RestApi")
    assert api["Name"] == "AI Platform API"
    assert api["EndpointConfiguration"]["Types"] == ["REGIONAL"]
    paths = [one.properties["PathPart"] for one in stacks.of("AWS::ApiGateway::Resource")]
    assert paths == ["{proxy+}"]
    methods = [one.properties for one in stacks.of("AWS::ApiGateway::Method")]
    assert len(methods) == 2
    for method in methods:
        assert method["HttpMethod"] == "ANY"
        integration = method["Integration"]
        assert integration["Type"] == "AWS_PROXY"
        assert integration["ResponseTransferMode"] == "STREAM"
        assert integration["TimeoutInMillis"] == 15 * 60_000
        assert "/response-streaming-invocations" in json.dumps(integration["Uri"])
    plan = stacks.one("AWS::ApiGateway::UsagePlan")
    assert plan["Throttle"] == {"RateLimit": 50, "BurstLimit": 200}


def test_the_websocket_has_its_three_routes(stacks: Stacks) -> None:
    assert stacks.one("AWS::ApiGatewayV2::Api")["Name"] == "AI Platform Streaming"
    routes = {one.properties["RouteKey"] for one in stacks.of("AWS::ApiGatewayV2::Route")}
    assert routes == {"$connect", "$disconnect", "$default"}
    assert stacks.one("AWS::ApiGatewayV2::Stage")["StageName"] == "prod"


def test_the_gateway_is_kept_warm_and_within_its_concurrency(stacks: Stacks) -> None:
    alias = stacks.one("AWS::Lambda::Alias")
    warm = alias["ProvisionedConcurrencyConfig"]["ProvisionedConcurrentExecutions"]
    (function,) = [
        one.properties
        for one in stacks.of("AWS::Lambda::Function", "AIGatewayStack")
        if one.properties["FunctionName"] == "ai-platform-gateway"
    ]
    assert (warm, function["ReservedConcurrentExecutions"]) == (5, 10)
    rule = stacks.one("AWS::Events::Rule", "AIGatewayStack")
    assert rule["ScheduleExpression"] == "rate(5 minutes)"
    (target,) = rule["Targets"]
    assert json.loads(target["Input"]) == {"warmup": True}


def test_every_function_runs_the_bundle_on_arm_outside_the_network(stacks: Stacks) -> None:
    functions = [one.properties for one in stacks.of("AWS::Lambda::Function")]
    assert len(functions) == len(TOOLS) + 2
    for function in functions:
        assert function["Architectures"] == ["arm64"]
        assert function["Runtime"] == "python3.13"
        assert function["Environment"]["Variables"]["AWS_LAMBDA_EXEC_WRAPPER"].startswith("/var/")
        assert "DeadLetterConfig" in function
        assert "VpcConfig" not in function


def test_the_tasks_survive_a_bad_deployment_and_grow_with_the_queue(stacks: Stacks) -> None:
    service = stacks.one("AWS::ECS::Service")
    assert service["DesiredCount"] == 2
    assert service["DeploymentConfiguration"]["DeploymentCircuitBreaker"]["Rollback"] is True
    used = {one["CapacityProvider"] for one in service["CapacityProviderStrategy"]}
    assert used == {"FARGATE", "FARGATE_SPOT"}
    task = stacks.one("AWS::ECS::TaskDefinition")
    assert task["RuntimePlatform"]["CpuArchitecture"] == "ARM64"
    (container,) = task["ContainerDefinitions"]
    assert container["ReadonlyRootFilesystem"] is True
    scaling = stacks.one("AWS::ApplicationAutoScaling::ScalableTarget")
    assert (scaling["MinCapacity"], scaling["MaxCapacity"]) == (2, 10)
    queues = stacks.of("AWS::SQS::Queue", "AIAgentsStack")
    assert sum("RedrivePolicy" in one.properties for one in queues) == 1


def test_nothing_has_a_fixed_price_that_was_avoided(stacks: Stacks) -> None:
    for kind in ("AWS::EC2::NatGateway", "AWS::ElasticLoadBalancingV2::LoadBalancer"):
        assert not stacks.of(kind)
    endpoints = stacks.of("AWS::EC2::VPCEndpoint")
    assert [one.properties["VpcEndpointType"] for one in endpoints] == ["Gateway", "Gateway"]


def test_nothing_comes_into_the_network_but_tasks_into_the_database(stacks: Stacks) -> None:
    rules = [one.properties for one in stacks.of("AWS::EC2::SecurityGroupIngress")]
    for group in stacks.of("AWS::EC2::SecurityGroup"):
        rules += group.properties.get("SecurityGroupIngress", ())
    (rule,) = rules
    assert rule["FromPort"] == 5432
    assert "EcsSecurityGroup" in json.dumps(rule["SourceSecurityGroupId"])
    database = stacks.one("AWS::RDS::DBInstance")
    assert database["PubliclyAccessible"] is False
    assert database["StorageEncrypted"] is True


def test_no_role_is_allowed_more_than_it_needs(stacks: Stacks) -> None:
    for role, statement in stacks.statements():
        for action in listed(statement["Action"]):
            assert "*" not in action, f"{role}: {action}"
        if "*" in listed(statement["Resource"]):
            assert set(listed(statement["Action"])) <= WITHOUT_RESOURCES, role


def test_every_role_has_the_boundary(stacks: Stacks) -> None:
    roles = stacks.of("AWS::IAM::Role")
    assert len(roles) > len(TOOLS)
    assert all("Boundary" in json.dumps(role.properties["PermissionsBoundary"]) for role in roles)


def test_the_boundary_holds_what_roles_are_allowed(stacks: Stacks) -> None:
    """A permission outside the boundary would be there and have no effect."""
    boundary = stacks.one("AWS::IAM::ManagedPolicy")["PolicyDocument"]["Statement"]
    within = {action for one in boundary for action in listed(one["Action"])}
    asked = {action for _, one in stacks.statements() for action in listed(one["Action"])}
    # A flow log's role is written with the right to pass itself on, which it never does.
    assert asked - {"iam:PassRole"} <= within


def allowed(stacks: Stacks, role: str) -> set[str]:
    return {
        action
        for who, statement in stacks.statements()
        if who.startswith(role)
        for action in listed(statement["Action"])
    }


@pytest.mark.parametrize("tool", ["Calculator", "HttpRequest"])
def test_a_tool_that_asks_no_model_may_ask_none(stacks: Stacks, tool: str) -> None:
    services = {action.split(":")[0] for action in allowed(stacks, f"AIToolsStack/{tool}")}
    assert services == {"dynamodb", "kms", "logs", "sqs", "ssm"}


def test_only_the_gateway_seals_and_only_vendor_keys(stacks: Stacks) -> None:
    sealing = {
        who.split("/")[0]: statement
        for who, statement in stacks.statements()
        if "kms:Encrypt" in listed(statement["Action"])
    }
    ours = sealing.pop("AIGatewayStack")
    assert ours["Condition"] == {
        "StringEquals": {"kms:EncryptionContext:headgate:use": "vendor-key"}
    }
    # A queue's dead letters are encrypted by whoever sends them.
    assert not [who for who in sealing if "Seal" in str(sealing[who].get("Sid"))]


def test_who_keeps_the_books_may_do_what_the_stores_do_and_no_more(stacks: Stacks) -> None:
    source = "".join(path.read_text() for path in Path(schema.__file__).parent.glob("*.py"))
    done = {f"dynamodb:{name}" for name in OPERATION.findall(source)}
    assert "dynamodb:Query" in done
    # A transaction needs the rights of what it consists of.
    done.add("dynamodb:ConditionCheckItem")
    books = [statement for _, statement in stacks.statements() if statement.get("Sid") == "Books"]
    assert books
    for statement in books:
        assert set(listed(statement["Action"])) == done


def test_who_tells_of_alarms_reads_one_secret(stacks: Stacks) -> None:
    reading = [
        statement["Resource"]
        for who, statement in stacks.statements()
        if who.startswith("AIMonitoringStack/Notifier") and "ssm:" in str(statement["Action"])
    ]
    assert len(reading) == 1
    assert "parameter/ai-platform/slack-webhook-url" in json.dumps(reading)


def test_only_the_gateway_sends_runs(stacks: Stacks) -> None:
    queue = stacks.of("AWS::SQS::Queue", "AIAgentsStack")
    senders = {
        who.split("/")[0]
        for who, statement in stacks.statements()
        if "sqs:SendMessage" in listed(statement["Action"])
        and any(one.name in json.dumps(statement["Resource"]) for one in queue)
    }
    assert senders == {"AIGatewayStack"}


def test_who_takes_orders_and_who_works_on_them_are_told_of_the_same_queue(
    stacks: Stacks,
) -> None:
    function = next(
        one.properties
        for one in stacks.of("AWS::Lambda::Function", "AIGatewayStack")
        if one.properties.get("FunctionName") == "ai-platform-gateway"
    )
    assert "Queue" in json.dumps(function["Environment"]["Variables"]["HEADGATE_RUN_QUEUE_URL"])
    (container,) = stacks.one("AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    told = {one["Name"]: one["Value"] for one in container["Environment"]}
    login = {one["Name"] for one in container["Secrets"]}
    assert login == {"PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD"}
    (queue,) = [
        one
        for one in stacks.of("AWS::SQS::Queue", "AIAgentsStack")
        if "RedrivePolicy" in one.properties
    ]
    assert told["HEADGATE_RUN_QUEUE_URL"] == {"Ref": queue.name}


def test_no_template_holds_a_secret(stacks: Stacks) -> None:
    for name, template in stacks.templates.items():
        assert not SECRET_TEXT.search(json.dumps(template)), name
    told: list[tuple[str, Any]] = []
    for function in stacks.of("AWS::Lambda::Function"):
        told += function.properties["Environment"]["Variables"].items()
    for task in stacks.of("AWS::ECS::TaskDefinition"):
        for container in task.properties["ContainerDefinitions"]:
            told += [(one["Name"], one["Value"]) for one in container["Environment"]]
    assert told
    assert not [name for name, _ in told if SECRET_NAME.search(name)]
    database = stacks.one("AWS::RDS::DBInstance")
    assert "resolve:secretsmanager" in json.dumps(database["MasterUserPassword"])


def test_every_alarm_is_heard(stacks: Stacks) -> None:
    alarms = stacks.of("AWS::CloudWatch::Alarm", "AIMonitoringStack")
    watched = {one.properties["AlarmName"].removeprefix("ai-platform-") for one in alarms}
    assert {"GatewayErrors", "ServerErrors", "Latency", "Throttles", "Bill"} <= watched
    assert {"AgentsDeadLetters", "GatewayDeadLetters", "ToolsDeadLetters"} <= watched
    assert {"DatabaseStorage", "DatabaseCpu", "WaitingRuns", "Tasks"} <= watched
    assert {"Budget", "TableThrottles", "SlackUntold"} <= watched
    (topic,) = stacks.of("AWS::SNS::Topic")
    for alarm in alarms:
        assert alarm.properties["AlarmActions"] == [{"Ref": topic.name}]
        assert alarm.properties["OKActions"] == [{"Ref": topic.name}]
    assert stacks.one("AWS::SNS::Subscription")["Protocol"] == "lambda"
    assert stacks.one("AWS::CloudWatch::Dashboard")["DashboardName"] == "ai-platform"


def alarm(stacks: Stacks, name: str) -> Mapping[str, Any]:
    (found,) = [
        one.properties
        for one in stacks.of("AWS::CloudWatch::Alarm")
        if one.properties.get("AlarmName") == f"ai-platform-{name}"
    ]
    return found


def test_a_budget_that_is_spent_rings_and_one_at_a_threshold_does_not(stacks: Stacks) -> None:
    """The platform writes the metric, which every process of it is told to do."""
    rings = alarm(stacks, "Budget")
    assert (rings["Namespace"], rings["MetricName"]) == (NAMESPACE, BUDGET_REACHED)
    assert (rings["Statistic"], rings["Threshold"]) == ("Maximum", 100)
    for function in stacks.of("AWS::Lambda::Function"):
        assert (
            function.properties["Environment"]["Variables"]["HEADGATE_EMBEDDED_METRICS"] == "true"
        )
    (container,) = stacks.one("AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    assert {"Name": "HEADGATE_EMBEDDED_METRICS", "Value": "true"} in container["Environment"]


def test_the_lines_of_requests_become_numbers(stacks: Stacks) -> None:
    """They are lines of JSON, which every process is told to write."""
    filters = {
        one.properties["MetricTransformations"][0]["MetricName"]: one.properties
        for one in stacks.of("AWS::Logs::MetricFilter")
    }
    for metric, field in (("FirstTokenMilliseconds", "firstTokenMs"), ("BilledDollars", "billed")):
        found = filters[metric]
        assert found["LogGroupName"] == "/ai-platform/gateway"
        assert '$.logger = "headgate.requests"' in found["FilterPattern"]
        (made,) = found["MetricTransformations"]
        assert (made["MetricNamespace"], made["MetricValue"]) == (NAMESPACE, f"$.{field}")
    for function in stacks.of("AWS::Lambda::Function"):
        assert function.properties["Environment"]["Variables"]["LOG_FORMAT"] == "json"


def test_tasks_that_are_gone_ring_though_they_tell_nothing(stacks: Stacks) -> None:
    rings = alarm(stacks, "Tasks")
    assert rings["TreatMissingData"] == "breaching"
    others = [one.properties for one in stacks.of("AWS::CloudWatch::Alarm", "AIMonitoringStack")]
    missing = [one["AlarmName"] for one in others if one["TreatMissingData"] != "notBreaching"]
    assert missing == ["ai-platform-Tasks"]


def test_the_dashboard_shows_promises_work_budgets_and_machines(stacks: Stacks) -> None:
    body = stacks.one("AWS::CloudWatch::Dashboard")["DashboardBody"]
    text = "".join(
        part if isinstance(part, str) else json.dumps(part).replace('"', "'")
        for part in body["Fn::Join"][1]
    )
    widgets = {one["properties"]["title"]: one["properties"] for one in json.loads(text)["widgets"]}
    promised = json.dumps(widgets["Over the time that is shown"])
    for figure in ("Available, %", "Errors, %", "P95, ms", "P99, ms"):
        assert figure in promised
    count = len(stacks.of("AWS::CloudWatch::Alarm", "AIMonitoringStack"))
    assert len(widgets["Alarms"]["alarms"]) == count
    assert {
        *("Requests", "Errors", "Latency, ms", "Budgets that reached a threshold, %"),
        *("First token, ms", "Spent, $", "Tokens and cost by model", "Tokens and cost by key"),
        *("Tools: calls", "Tools: errors", "Work that was given up"),
        "Runs that are under way, and that wait",
        *("Tables: TransactWriteItems, ms", "Tables: units written", "Tables: writes throttled"),
        *("Cold starts, ms", "Functions at once", "Tasks, %", "Database"),
    } <= set(widgets)


def test_logs_are_encrypted_and_end(stacks: Stacks) -> None:
    for log in stacks.of("AWS::Logs::LogGroup"):
        assert log.properties["RetentionInDays"] == 30
        assert "KmsKeyId" in log.properties


@pytest.mark.parametrize("stack", STACKS)
def test_cloudformation_would_take_it(stacks: Stacks, stack: str) -> None:
    assert not complaints(stacks.templates[stack])


def test_the_rules_of_aws_would_notice(tmp_path: Path) -> None:
    """That the stacks above were written at all shows that no rule was broken."""
    app = cdk.App(outdir=str(tmp_path))
    s3.Bucket(cdk.Stack(app, "Open"), "Bucket")
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
