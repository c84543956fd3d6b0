"""What can be chosen of a deployment, read from the context of the CDK application."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import aws_cdk as cdk

Egress: TypeAlias = Literal["public", "nat", "ipv6"]
GatewayOn: TypeAlias = Literal["lambda", "ecs"]

INFRA = Path(__file__).parent
PREFIX = "ai-platform"
PARAMETERS = "/ai-platform"


def _region() -> str:
    names = ("CDK_DEFAULT_REGION", "AWS_REGION", "AWS_DEFAULT_REGION")
    return next((os.environ[name] for name in names if os.environ.get(name)), "us-east-1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """The switches of a deployment; `cdk deploy -c name=value` sets one.

    Attributes:
        region: where; without it the one that the AWS command line is set to.
        egress: how tasks reach the vendors. `public` gives them public addresses and no way in;
            `nat` puts them behind a NAT gateway, at a fixed price a month; `ipv6` lets them out
            by IPv6 alone, for vendors that have it.
        gateway: whether HTTP is answered by a function or by tasks behind an internal balancer.
            A function costs as long as a model streams; see the cost model.
        bundle: the zip that `make bundle` writes.
        image: a container image that has been pushed already; else it is built here, which needs
            Docker or a program like it.
        gateway_memory_mb, tool_memory_mb: what functions get; their processors grow with it.
        provisioned, reserved: how many copies of the gateway function are kept warm, and how many
            run at most.
        tasks_min, tasks_max: how many tasks work on agent runs.
        tasks_on_demand: how many of them AWS never takes back. The others cost about a third; a
            run survives the loss of its task.
        task_cpu: in units of 1,024 to a processor.
        database_class, database_gb: of the engine's PostgreSQL.
        alarm_email: who is told of alarms, besides those who are subscribed to the topic.
        log_days: how long logs are kept.
        monthly_budget_usd: an alarm is raised when AWS itself is estimated to charge more.
    """

    region: str = field(default_factory=_region)
    egress: Egress = "public"
    gateway: GatewayOn = "lambda"
    bundle: str = str(INFRA.parent / "build" / "bundle" / "headgate.zip")
    image: str = ""
    gateway_memory_mb: int = 256
    tool_memory_mb: int = 512
    provisioned: int = 5
    reserved: int = 10
    tasks_min: int = 2
    tasks_max: int = 10
    tasks_on_demand: int = 1
    task_cpu: int = 256
    task_memory_mb: int = 512
    database_class: str = "t4g.micro"
    database_gb: int = 20
    alarm_email: str = ""
    log_days: int = 30
    monthly_budget_usd: int = 100

    @property
    def environment(self) -> cdk.Environment:
        """Where the stacks go; without an account, so that none is asked for to write them."""
        return cdk.Environment(region=self.region)

    @classmethod
    def load(cls, context: Callable[[str], Any]) -> "Deployment":
        """Read the switches; `context` gives the value of a name, or None.

        Raises:
            ValueError: a value makes no sense; says which and what to give.
        """
        given: dict[str, Any] = {
            one.name: _read(one.name, one.default, value)
            for one in fields(cls)
            if (value := context(one.name)) is not None
        }
        deployment = cls(**given)
        deployment._check()
        return deployment

    def _check(self) -> None:
        for name, kind in (("egress", Egress), ("gateway", GatewayOn)):
            allowed = get_args(kind)
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}: give one of {', '.join(allowed)}"
                )
        if self.reserved and self.provisioned > self.reserved:
            raise ValueError(
                f"provisioned is {self.provisioned} and reserved {self.reserved}: no more copies "
                "can be kept warm than may run"
            )
        if self.tasks_min > self.tasks_max:
            raise ValueError(
                f"tasks_min is {self.tasks_min} and tasks_max {self.tasks_max}: give a smaller "
                "tasks_min"
            )


def _read(name: str, default: object, value: object) -> object:
    """A value of the context, which is text where it comes from the command line."""
    if not isinstance(default, int):
        return str(value)
    try:
        number = int(str(value))
    except ValueError:
        raise ValueError(f"{name} is {value!r}: give a whole number") from None
    if number < 0:
        raise ValueError(f"{name} is {number}: give a number that is not negative")
    return number
