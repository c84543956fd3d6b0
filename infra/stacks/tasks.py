"""How every Fargate task is made: the platform's image on ARM, which writes to one directory."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_kms as kms

from deployment import INFRA, PREFIX, Deployment
from stacks.access import KEY_ACTIONS, acknowledge, allow, allow_platform
from stacks.functions import environment
from stacks.records import log_group
from stacks.security import SecurityStack

_DATA = "/data"
# Security groups say who comes in.
_EVERYWHERE = "0.0.0.0"  # noqa: S104 - inside a network of its own
_LONGEST_STOP = cdk.Duration.seconds(120)
_HEALTH = "import urllib.request as r; r.urlopen('http://127.0.0.1:{port}/health', timeout=4)"


def platform_task(
    stack: cdk.Stack,
    name: str,
    *,
    deployment: Deployment,
    key: kms.IKey,
    role: str,
    port: int,
    variables: Mapping[str, str] | None = None,
    secrets: Mapping[str, ecs.Secret] | None = None,
) -> ecs.FargateTaskDefinition:
    """A task that serves as `role` of `headgate serve`, and may do what the platform does."""
    task = ecs.FargateTaskDefinition(
        stack,
        name,
        family=f"{PREFIX}-{role}",
        cpu=deployment.task_cpu,
        memory_limit_mib=deployment.task_memory_mb,
        runtime_platform=ecs.RuntimePlatform(
            cpu_architecture=ecs.CpuArchitecture.ARM64,
            operating_system_family=ecs.OperatingSystemFamily.LINUX,
        ),
        volumes=[ecs.Volume(name="data")],
    )
    container = task.add_container(
        role,
        image=_image(deployment),
        command=["serve", "--role", role, "--host", _EVERYWHERE, "--port", str(port)],
        port_mappings=[ecs.PortMapping(container_port=port)],
        logging=ecs.LogDriver.aws_logs(
            stream_prefix=role,
            log_group=log_group(
                stack, f"{name}Logs", key, deployment, name=f"/{PREFIX}/{role}-tasks"
            ),
        ),
        readonly_root_filesystem=True,
        stop_timeout=_LONGEST_STOP,
        health_check=ecs.HealthCheck(
            command=["CMD", "python", "-c", _HEALTH.format(port=port)],
            start_period=cdk.Duration.seconds(60),
        ),
        environment={
            **environment(),
            "HEADGATE_DATA": _DATA,
            "HEADGATE_KMS_KEY_ID": key.key_arn,
            **(variables or {}),
        },
        secrets=secrets,
    )
    container.add_mount_points(
        ecs.MountPoint(container_path=_DATA, source_volume="data", read_only=False)
    )
    allow_platform(stack, task.task_role)
    allow(task.task_role, "Key", KEY_ACTIONS, [key.key_arn])
    acknowledge(
        task,
        {"ECS2": "What is said there is public: names and addresses. Secrets are elsewhere."},
    )
    acknowledge(
        task.obtain_execution_role(),
        {"IAM5[Resource::*]": "`ecr:GetAuthorizationToken` knows no resources."},
    )
    return task


def platform_service(
    stack: cdk.Stack,
    *,
    cluster: ecs.ICluster,
    task: ecs.FargateTaskDefinition,
    deployment: Deployment,
    security: SecurityStack,
    groups: Sequence[ec2.ISecurityGroup],
) -> ecs.FargateService:
    """A service that replaces its tasks one after the other, and goes back where that fails."""
    strategies = [
        ecs.CapacityProviderStrategy(
            capacity_provider="FARGATE", base=deployment.tasks_on_demand, weight=0
        ),
        ecs.CapacityProviderStrategy(capacity_provider="FARGATE_SPOT", weight=1),
    ]
    if deployment.tasks_on_demand >= deployment.tasks_max:
        strategies = [ecs.CapacityProviderStrategy(capacity_provider="FARGATE", weight=1)]
    return ecs.FargateService(
        stack,
        "Service",
        cluster=cluster,
        service_name=task.family,
        task_definition=task,
        desired_count=deployment.tasks_min,
        min_healthy_percent=100,
        max_healthy_percent=200,
        circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
        assign_public_ip=deployment.egress == "public",
        vpc_subnets=security.task_subnets(deployment),
        security_groups=list(groups),
        capacity_provider_strategies=strategies,
    )


def _image(deployment: Deployment) -> ecs.ContainerImage:
    """The image of the platform: one that is given, or one that is built of the sources."""
    if deployment.image:
        return ecs.ContainerImage.from_registry(deployment.image)
    return ecs.ContainerImage.from_asset(
        str(INFRA.parent),
        file="deploy/Dockerfile",
        platform=ecr_assets.Platform.LINUX_ARM64,
        exclude=[
            "*",
            "!src",
            "!requirements",
            "!deploy",
            "!pyproject.toml",
            "!hatch_build.py",
            "!README.md",
            "!LICENSE",
            "**/__pycache__",
        ],
    )
