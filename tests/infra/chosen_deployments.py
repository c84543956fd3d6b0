"""What changes where something is chosen."""

import json
from pathlib import Path

import pytest
from templates import Stacks, complaints, write

from deployment import Deployment


def all_complaints(stacks: Stacks) -> list[str]:
    return [
        f"{name}: {found}"
        for name, template in stacks.templates.items()
        for found in complaints(template)
    ]


def test_a_nat_gateway_stands_before_tasks_without_addresses(tmp_path: Path) -> None:
    stacks = write(tmp_path, egress="nat")
    assert len(stacks.of("AWS::EC2::NatGateway")) == 1
    network = stacks.one("AWS::ECS::Service")["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert network["AssignPublicIp"] == "DISABLED"
    assert "private" in json.dumps(network["Subnets"])
    assert not all_complaints(stacks)


def test_over_ipv6_tasks_get_out_without_a_nat_gateway(tmp_path: Path) -> None:
    stacks = write(tmp_path, egress="ipv6")
    assert not stacks.of("AWS::EC2::NatGateway")
    assert len(stacks.of("AWS::EC2::EgressOnlyInternetGateway")) == 1
    network = stacks.one("AWS::ECS::Service")["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert network["AssignPublicIp"] == "DISABLED"
    assert not all_complaints(stacks)


@pytest.mark.parametrize("egress", ["public", "nat"])
def test_the_gateway_on_tasks_is_reached_through_a_link_alone(tmp_path: Path, egress: str) -> None:
    stacks = write(tmp_path, gateway="ecs", egress=egress)
    assert stacks.one("AWS::ElasticLoadBalancingV2::LoadBalancer")["Scheme"] == "internal"
    (link,) = stacks.of("AWS::ApiGateway::VpcLink")
    methods = [one.properties["Integration"] for one in stacks.of("AWS::ApiGateway::Method")]
    assert len(methods) == 2
    for integration in methods:
        assert integration["Type"] == "HTTP_PROXY"
        assert integration["ConnectionId"] == {"Ref": link.name}
        assert integration["ResponseTransferMode"] == "STREAM"
        assert integration["TimeoutInMillis"] == 15 * 60_000
    assert sorted(":3000/{proxy}" in json.dumps(one["Uri"]) for one in methods) == [False, True]
    assert len(stacks.of("AWS::ECS::Service")) == 2
    # WebSockets are still the function's.
    assert len(stacks.of("AWS::ApiGatewayV2::Route")) == 3
    assert not all_complaints(stacks)


def test_numbers_and_names_reach_their_resources(tmp_path: Path) -> None:
    """As the command line gives them, all are texts."""
    stacks = write(
        tmp_path,
        region="eu-central-1",
        provisioned="0",
        reserved="0",
        tasks_min="3",
        tasks_max="3",
        tasks_on_demand="3",
        database_class="t4g.small",
        alarm_email="ops@company.example",
        log_days="8",
        image="registry.example/headgate:1",
    )
    assert "ProvisionedConcurrencyConfig" not in stacks.one("AWS::Lambda::Alias")
    for function in stacks.of("AWS::Lambda::Function"):
        assert "ReservedConcurrentExecutions" not in function.properties
    service = stacks.one("AWS::ECS::Service")
    assert service["DesiredCount"] == 3
    (strategy,) = service["CapacityProviderStrategy"]
    assert strategy["CapacityProvider"] == "FARGATE"
    assert stacks.one("AWS::RDS::DBInstance")["DBInstanceClass"] == "db.t4g.small"
    protocols = {one.properties["Protocol"] for one in stacks.of("AWS::SNS::Subscription")}
    assert protocols == {"lambda", "email"}
    assert {one.properties["RetentionInDays"] for one in stacks.of("AWS::Logs::LogGroup")} == {14}
    (container,) = stacks.one("AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    assert container["Image"] == "registry.example/headgate:1"
    # Where AWS does not tell of its bill there is no alarm that would never ring.
    alarms = stacks.of("AWS::CloudWatch::Alarm", "AIMonitoringStack")
    assert alarms
    assert "ai-platform-Bill" not in [one.properties["AlarmName"] for one in alarms]


@pytest.mark.parametrize(
    ("switches", "message"),
    [
        ({"egress": "none"}, "egress is 'none': give one of public, nat, ipv6"),
        ({"gateway": "fargate"}, "gateway is 'fargate': give one of lambda, ecs"),
        ({"provisioned": "11"}, "no more copies can be kept warm than may run"),
        ({"tasks_min": "11"}, "give a smaller tasks_min"),
        ({"log_days": "a week"}, "log_days is 'a week': give a whole number"),
        ({"reserved": "-1"}, "reserved is -1: give a number that is not negative"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(switches: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        Deployment.load(switches.get)
