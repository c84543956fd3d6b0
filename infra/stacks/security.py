"""AISecurityStack: the network, the key that everything is encrypted with, and who may pass."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from deployment import PREFIX, Deployment
from stacks import access
from stacks.records import log_group

AVAILABILITY_ZONES = 2

# What any process of ours can ever be allowed. A role that is given more by mistake, or by whoever
# breaks into a deployment, has no more than this: no users, roles, functions or tables are made.
_BOUNDARY = (
    *access.TABLE_ACTIONS,
    *access.SECRET_ACTIONS,
    *access.KEY_ACTIONS,
    *access.SEAL_ACTIONS,
    *access.MODEL_ACTIONS,
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetAuthorizationToken",
    "ecr:GetDownloadUrlForLayer",
    "execute-api:ManageConnections",
    "lambda:InvokeFunction",
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:DescribeLogGroups",
    "logs:DescribeLogStreams",
    "logs:FilterLogEvents",
    "logs:GetLogEvents",
    "logs:PutLogEvents",
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetSecretValue",
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
    "sqs:ReceiveMessage",
    "sqs:SendMessage",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
)


class SecurityStack(cdk.Stack):
    """What the other stacks stand on.

    Attributes:
        key_arn: of the customer key; the others import it by this, so that a grant of theirs does
            not change this stack.
        vpc: two zones, no NAT gateway unless one was chosen.
        lambda_security_group, ecs_security_group: let nothing in.
    """

    def __init__(self, scope: Construct, name: str, *, deployment: Deployment) -> None:
        super().__init__(
            scope,
            name,
            description="AI platform: network, encryption, boundaries",
            env=deployment.environment,
        )
        self._boundary = self._make_boundary()
        self.bound(self)
        key = kms.Key(
            self,
            "Key",
            alias=f"alias/{PREFIX}",
            description="Encrypts tables, queues, logs and the vendor keys of users",
            enable_key_rotation=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        self._let_services_encrypt(key)
        self.key_arn = key.key_arn
        self.vpc = self._network(deployment, key)
        self.lambda_security_group = self._silent_group("LambdaSecurityGroup", "functions")
        self.ecs_security_group = self._silent_group("EcsSecurityGroup", "tasks")
        for output, value in (
            ("VpcId", self.vpc.vpc_id),
            ("KeyArn", key.key_arn),
            ("LambdaSecurityGroupId", self.lambda_security_group.security_group_id),
            ("EcsSecurityGroupId", self.ecs_security_group.security_group_id),
        ):
            cdk.CfnOutput(self, output, value=value)

    def bound(self, stack: cdk.Stack) -> None:
        """Hold every role of `stack` to what the platform's processes can ever need."""
        iam.PermissionsBoundary.of(stack).apply(self._boundary)

    def task_subnets(self, deployment: Deployment) -> ec2.SubnetSelection:
        """Where tasks run: with a public address and no way in, or behind a gateway."""
        kind = (
            ec2.SubnetType.PUBLIC
            if deployment.egress == "public"
            else ec2.SubnetType.PRIVATE_WITH_EGRESS
        )
        return ec2.SubnetSelection(subnet_type=kind)

    def _make_boundary(self) -> iam.ManagedPolicy:
        boundary = iam.ManagedPolicy(
            self,
            "Boundary",
            description="The most that a process of the platform can be allowed",
            statements=[iam.PolicyStatement(actions=list(_BOUNDARY), resources=["*"])],
        )
        access.acknowledge(
            boundary,
            {"IAM5[Resource::*]": "A boundary allows nothing; it limits roles."},
        )
        return boundary

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
        vpc.add_gateway_endpoint(
            "DynamoEndpoint", service=ec2.GatewayVpcEndpointAwsService.DYNAMODB
        )
        vpc.add_gateway_endpoint("S3Endpoint", service=ec2.GatewayVpcEndpointAwsService.S3)
        vpc.add_flow_log(
            "FlowLog",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(
                log_group(self, "FlowLogs", key, deployment, name=None)
            ),
            # What was refused is what an investigation asks for; the rest costs more than it tells.
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )
        return vpc

    def _silent_group(self, name: str, who: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(
            self,
            name,
            vpc=self.vpc,
            description=f"AI platform {who}: nothing comes in",
            allow_all_ipv6_outbound=True,
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
                principals=[
                    iam.ServicePrincipal("cloudwatch.amazonaws.com"),
                    iam.ServicePrincipal("sns.amazonaws.com"),
                ],
                resources=["*"],
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )
