"""The gateway as tasks, behind a balancer that only API Gateway reaches: `gateway=ecs`."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as balancing
from aws_cdk import aws_kms as kms
from constructs import Construct

from deployment import Deployment
from stacks.access import acknowledge, allow, allow_sealing
from stacks.agents import RUN_QUEUE, AgentsStack
from stacks.security import SecurityStack
from stacks.tasks import platform_service, platform_task

PORT = 3000


class GatewayTasks(Construct):
    """A service of gateway tasks.

    Attributes:
        balancer: in the network, with no address outside it.
    """

    def __init__(
        self,
        scope: cdk.Stack,
        name: str,
        *,
        deployment: Deployment,
        security: SecurityStack,
        agents: AgentsStack,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, name)
        task = platform_task(
            scope,
            "Task",
            deployment=deployment,
            key=key,
            role="gateway",
            port=PORT,
            variables={RUN_QUEUE: agents.queue.queue_url},
        )
        allow_sealing(task.task_role, key.key_arn)
        sending = ["sqs:SendMessage", "sqs:GetQueueAttributes"]  # the latter for the doctor
        allow(task.task_role, "Runs", sending, [agents.queue.queue_arn])
        own = self._group("Own", security, "gateway tasks: only the balancer comes in")
        balancers = self._group("Balancers", security, "balancer: only the link comes in")
        own.add_ingress_rule(balancers, ec2.Port.tcp(PORT), "Balancer")
        service = platform_service(
            scope,
            cluster=agents.cluster,
            task=task,
            deployment=deployment,
            security=security,
            groups=[own],
        )
        self.balancer = balancing.NetworkLoadBalancer(
            self,
            "Balancer",
            vpc=security.vpc,
            internet_facing=False,
            cross_zone_enabled=True,
            security_groups=[balancers],
            # Traffic of a link comes from addresses that no rule can name.
            enforce_security_group_inbound_rules_on_private_link_traffic=False,
        )
        acknowledge(
            self.balancer,
            {"ELB2": "API Gateway logs each request; the balancer sees nothing else."},
        )
        self.balancer.add_listener("Listener", port=PORT).add_targets(
            "Gateway",
            port=PORT,
            targets=[service],
            deregistration_delay=cdk.Duration.seconds(120),
            health_check=balancing.HealthCheck(
                protocol=balancing.Protocol.HTTP, path="/health", port=str(PORT)
            ),
        )

    def _group(self, name: str, security: SecurityStack, what: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(
            self,
            name,
            vpc=security.vpc,
            description=f"AI platform {what}",
            allow_all_ipv6_outbound=True,
        )
