"""How every function is made: the same bundle, told by its environment which part it is."""

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from deployment import PARAMETERS, PREFIX, Deployment
from stacks.access import acknowledge, allow_platform

RUNTIME = lambda_.Runtime.PYTHON_3_13
# Ours speaks the Runtime API itself, which is how Python streams its answers.
WRAPPER = "/var/task/bootstrap"

_RETENTION = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    90: logs.RetentionDays.THREE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
}


def retention(days: int) -> logs.RetentionDays:
    """The shortest time that CloudWatch offers and that is at least `days`; a year at most."""
    return _RETENTION[min((offer for offer in _RETENTION if offer >= days), default=365)]


def environment(deployment: Deployment, key_arn: str) -> dict[str, str]:
    """What every process of the platform is told; secrets it reads from the parameters itself."""
    return {
        "HEADGATE_STORE": "dynamodb",
        "HEADGATE_PARAMETERS": PARAMETERS,
        "HEADGATE_KMS_KEY": key_arn,
        "PLATFORM_ENVIRONMENT": "production",
    }


class PlatformFunction(Construct):
    """One function: its log group, its role, its dead letters.

    Attributes:
        function: not an alias; a new version of it is made with each change.
    """

    def __init__(
        self,
        scope: cdk.Stack,
        name: str,
        *,
        deployment: Deployment,
        key_arn: str,
        part: str,
        description: str,
        memory_mb: int,
        timeout: cdk.Duration,
        function_name: str,
        extra: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(scope, name)
        key = kms.Key.from_key_arn(self, "Key", key_arn)
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/{PREFIX}/{part.replace(':', '/')}",
            encryption_key=key,
            retention=retention(deployment.log_days),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        role = iam.Role(
            self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"), path=f"/{PREFIX}/"
        )
        log_group.grant_write(role)
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
        )
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=function_name,
            description=description,
            runtime=RUNTIME,
            architecture=lambda_.Architecture.ARM_64,
            # The wrapper takes over before a handler is looked for.
            handler="headgate.aws.entry",
            code=lambda_.Code.from_asset(deployment.bundle),
            memory_size=memory_mb,
            timeout=timeout,
            role=role,
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            dead_letter_queue=self.dead_letters,
            environment_encryption=key,
            environment={
                "AWS_LAMBDA_EXEC_WRAPPER": WRAPPER,
                "HEADGATE_LAMBDA": part,
                **environment(deployment, key_arn),
                **(extra or {}),
            },
            **more,
        )
        allow_platform(scope, role, key_arn)
        acknowledge(
            role,
            IAM5="Bedrock's models are many and come anew; invoking them is all that is allowed.",
        )
        acknowledge(
            self.dead_letters, SQS3="It is the dead-letter queue itself."
        )
