"""AISecurityStack: the network, the key that everything is encrypted with, and who may pass."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from deployment import PREFIX, Deployment
from stacks.functions import retention

AVAILABILITY_ZONES = 2


class SecurityStack(cdk.Stack):
    """What the other stacks stand on.

    Attributes:
        key_arn: of the customer key; the others import it by this, so that a grant of theirs does
            not change this stack.
        lambda_security_group, ecs_security_group: let nothing in.
    """

    def __init__(self, scope: Construct, name: str, *, deployment: Deployment) -> None:
        super().__init__(
            scope, name, description="AI platform: network, encryption, boundaries", env=deployment.environment
        )
        key = kms.Key(
            self,
            "Key",
            alias=f"alias/{PREFIX}",
            description="Encrypts the platform's tables, queues, logs and users' vendor keys",
            enable_key_rotation=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        self._let_services_encrypt(key)
        self.key_arn = key.key_arn
        self.vpc = self._network(deployment, key)
        self.lambda_security_group = self._silent_group("LambdaSecurityGroup", "functions")
        self.ecs_security_group = self._silent_group("EcsSecurityGroup", "tasks")
        cdk.CfnOutput(self, "VpcId", value=self.vpc.vpc_id)
        cdk.CfnOutput(self, "KeyArn", value=key.key_arn)

    def task_subnets(self, deployment: Deployment) -> ec2.SubnetSelection:
        """Where tasks run: with a public address and no way in, or behind a gateway."""
        kind = (
            ec2.SubnetType.PUBLIC
            if deployment.egress == "public"
            else ec2.SubnetType.PRIVATE_WITH_EGRESS
        )
        return ec2.SubnetSelection(subnet_type=kind)

    def _network(self, deployment: Deployment, key: kms.IKey) -> ec2.Vpc:
        subnets = [
            ec2.SubnetConfiguration(
                name="public",
                subnet_type=ec2.SubnetType.PUBLIC,
                cidr_mask=24,
                # Only tasks that ask for a public address get one.
                map_public_ip_on_launch=False,
            ),
            ec2.SubnetConfiguration(
                name="isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24
            ),
        ]
        if deployment.egress != "public":
            subnets.append(
                ec2.SubnetConfiguration(
                    name="private", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=24
                )
            )
        vpc = ec2.Vpc(
            self,
            "Vpc",
            max_azs=AVAILABILITY_ZONES,
            nat_gateways=1 if deployment.egress == "nat" else 0,
            ip_protocol=(
                ec2.IpProtocol.DUAL_STACK
                if deployment.egress == "ipv6"
                else ec2.IpProtocol.IPV4_ONLY
            ),
            subnet_configuration=subnets,
            restrict_default_security_group=False,
        )
        for service in (
            ec2.GatewayVpcEndpointAwsService.DYNAMODB,
            ec2.GatewayVpcEndpointAwsService.S3,
        ):
            vpc.add_gateway_endpoint(f"{service.name.rsplit('.', 1)[-1]}Endpoint", service=service)
        flow_logs = logs.LogGroup(
            self,
            "FlowLogs",
            encryption_key=key,
            retention=retention(deployment.log_days),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        vpc.add_flow_log(
            "FlowLog",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(flow_logs),
            # What was refused is what an investigation asks for; the rest costs more than it tells.
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )
        return vpc

    def _silent_group(self, name: str, who: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(
            self, name, vpc=self.vpc, description=f"AI platform {who}: nothing comes in"
        )

    def _let_services_encrypt(self, key: kms.Key) -> None:
        """Logs and alarms encrypt by themselves, so the key has to know them."""
        key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Logs",
                actions=["kms:Encrypt*", "kms:Decrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
                principals=[iam.ServicePrincipal(f"logs.{self.region}.amazonaws.com")],
                resources=["*"],
                conditions={
                    "ArnLike": {
                        "kms:EncryptionContext:aws:logs:arn": self.format_arn(
                            service="logs", resource="*"
                        )
                    }
                },
            )
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Alarms",
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                resources=["*"],
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )
