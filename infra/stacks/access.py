"""What each process of the platform may do in the account: no more than it is seen to need."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import IConstruct

from deployment import PARAMETERS
from headgate.aws.secret_names import SEALED, VARIABLES
from headgate.stores.dynamodb.schema import TABLES, Table

SECRETS = tuple(VARIABLES)
"""The SecureString parameters below `/ai-platform`; those that are missing are settings not set."""

SLACK = "slack-webhook-url"

TABLE_ACTIONS = (
    "dynamodb:BatchGetItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:DescribeTable",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:UpdateItem",
)
SECRET_ACTIONS = ("ssm:GetParameters",)
KEY_ACTIONS = ("kms:Decrypt", "kms:GenerateDataKey")
"""For what services keep encrypted with the key: secrets, queues, tables; and to open what is
sealed with it."""
SEAL_ACTIONS = ("kms:Encrypt",)
MODEL_ACTIONS = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Say why rules of AWS's checks do not hold here; `{"SQS3": "…"}` names a rule's number.

    A rule about wildcards is acknowledged for one permission: `IAM5[Resource::*]`.
    """
    for rule, reason in reasons.items():
        cdk.Validations.of(construct).acknowledge(
            cdk.Acknowledgment(id=f"AwsSolutions-{rule}", reason=reason)
        )


def allow(who: iam.IGrantable, sid: str, actions: Sequence[str], resources: Sequence[str]) -> None:
    """Let `who` do these things with these resources, and say so under one name."""
    who.grant_principal.add_to_principal_policy(
        iam.PolicyStatement(sid=sid, actions=list(actions), resources=list(resources))
    )


def allow_books(stack: cdk.Stack, who: iam.IGrantable) -> None:
    """Let a process keep the books.

    By the tables' names, not by the tables: these belong to a stack that comes later.
    """
    arns = [arn for table in TABLES for arn in _table_arns(stack, table)]
    allow(who, "Books", TABLE_ACTIONS, arns)


def allow_secrets(stack: cdk.Stack, who: iam.IGrantable, names: Sequence[str] = SECRETS) -> None:
    """Let a process read these of the platform's secrets."""
    directory = PARAMETERS.strip("/")
    arns = [
        stack.format_arn(service="ssm", resource="parameter", resource_name=f"{directory}/{name}")
        for name in names
    ]
    allow(who, "Secrets", SECRET_ACTIONS, arns)


def allow_models(stack: cdk.Stack, role: iam.IRole) -> None:
    """Let a process ask Bedrock's models; which there are is not known before."""
    models = stack.format_arn(
        service="bedrock", region="*", account="", resource="foundation-model", resource_name="*"
    )
    profiles = stack.format_arn(service="bedrock", resource="inference-profile", resource_name="*")
    allow(role, "Models", MODEL_ACTIONS, [models, profiles])
    reason = "Bedrock's models are many and come anew; all that is allowed is to ask them."
    bedrock = "IAM5[Resource::arn:<AWS::Partition>:bedrock"
    acknowledge(
        role,
        {
            f"{bedrock}:*::foundation-model/*]": reason,
            f"{bedrock}:{stack.region}:<AWS::AccountId>:inference-profile/*]": reason,
        },
    )


def allow_sealing(who: iam.IGrantable, key_arn: str) -> None:
    """Let a process seal users' own vendor keys, and nothing else, with the key."""
    context = {f"kms:EncryptionContext:{name}": value for name, value in SEALED.items()}
    who.grant_principal.add_to_principal_policy(
        iam.PolicyStatement(
            sid="Seal",
            actions=list(SEAL_ACTIONS),
            resources=[key_arn],
            conditions={"StringEquals": context},
        )
    )


def allow_platform(stack: cdk.Stack, role: iam.IRole) -> None:
    """Let a process do what serving the platform's interface needs."""
    allow_books(stack, role)
    allow_secrets(stack, role)
    allow_models(stack, role)


def _table_arns(stack: cdk.Stack, table: Table) -> list[str]:
    names = [table.name, *(f"{table.name}/index/{index.name}" for index in table.indexes)]
    return [stack.format_arn(service="dynamodb", resource="table", resource_name=n) for n in names]
