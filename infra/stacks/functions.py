"""How every function is made: the same bundle, told by its environment which part it is."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from deployment import PARAMETERS, PREFIX, Deployment
from stacks.access import KEY_ACTIONS, acknowledge, allow
from stacks.records import log_group

RUNTIME = lambda_.Runtime.PYTHON_3_13
# Ours speaks the Runtime API itself, which is how Python streams its answers.
WRAPPER = "/var/task/bootstrap"


def environment() -> dict[str, str]:
    """What every process of the platform is told; secrets it reads from the parameters itself."""
    return {
        "HEADGATE_EMBEDDED_METRICS": "true",
        "HEADGATE_STORE": "dynamodb",
        "LOG_FORMAT": "json",
        "HEADGATE_PARAMETERS": PARAMETERS,
        "PLATFORM_ENVIRONMENT": "production",
    }


def dead_letter_queue(scope: Construct, name: str, key: kms.IKey) -> sqs.Queue:
    """Where calls go that a function could not answer and nobody waits for."""
    queue = sqs.Queue(
        scope,
        name,
        encryption=sqs.QueueEncryption.KMS,
        encryption_master_key=key,
        enforce_ssl=True,
        retention_period=cdk.Duration.days(14),
    )
    acknowledge(queue, {"SQS3": "It is the dead-letter queue itself."})
    return queue


class PlatformFunction(Construct):
    """One function: its log group, its role, its dead letters, which may be several functions'.

    Attributes:
        function: not an alias; a new version of it is made with each change.
        role: may write its log and its dead letters, and nothing else until it is allowed to.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        deployment: Deployment,
        key_arn: str,
        part: str,
        description: str,
        memory_mb: int,
        timeout: cdk.Duration,
        reserved: int | None = None,
        dead_letters: sqs.IQueue | None = None,
    ) -> None:
        super().__init__(scope, name)
        key = kms.Key.from_key_arn(self, "Key", key_arn)
        own_log = log_group(self, "Logs", key, deployment, name=f"/{PREFIX}/{part}")
        self.role = self._own_role(own_log, key_arn)
        self.dead_letters = dead_letters or dead_letter_queue(self, "DeadLetters", key)
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=f"{PREFIX}-{part.replace('_', '-')}",
            description=description,
            runtime=RUNTIME,
            architecture=lambda_.Architecture.ARM_64,
            # The wrapper takes over before a handler is looked for.
            handler="headgate.aws.entry",
            code=lambda_.Code.from_asset(deployment.bundle),
            memory_size=memory_mb,
            timeout=timeout,
            role=self.role,
            log_group=own_log,
            logging_format=lambda_.LoggingFormat.JSON,
            dead_letter_queue=self.dead_letters,
            environment_encryption=key,
            reserved_concurrent_executions=reserved,
            environment={
                "AWS_LAMBDA_EXEC_WRAPPER": WRAPPER,
                "HEADGATE_KMS_KEY_ID": key_arn,
                "HEADGATE_LAMBDA": part,
                "HEADGATE_ROLE": "gateway",
                # Nothing else can be written to.
                "HEADGATE_DATA": "/tmp/headgate",  # noqa: S108 - a function's own
                **environment(),
            },
        )
        acknowledge(
            self.function, {"L1": "The bundle holds packages that are locked for Python 3.13."}
        )

    def _own_role(self, own_log: logs.LogGroup, key_arn: str) -> iam.Role:
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            path=f"/{PREFIX}/",
        )
        own_log.grant_write(role)
        # Its environment, its secrets and its dead letters are encrypted.
        allow(role, "Key", KEY_ACTIONS, [key_arn])
        return role
