"""What every process of the platform may do in the account: no more than it is seen to need."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from deployment import PARAMETERS
from headgate.stores.dynamodb.schema import TABLES, Table

SECRETS = (
    "admin-key",
    "anthropic-api-key",
    "azure-openai-api-key",
    "cohere-api-key",
    "encryption-salt",
    "gemini-api-key",
    "jwt-secret-key",
    "openai-api-key",
    "slack-webhook-url",
)
"""The SecureString parameters below `/ai-platform`; those that are missing are settings not set."""

_TABLE_ACTIONS = (
    "dynamodb:BatchGetItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:DescribeTable",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
)


def acknowledge(construct: Construct, **reasons: str) -> None:
    """Say why a rule of AWS's checks does not hold here; `IAM5="…"` names the rule's number."""
    for rule, reason in reasons.items():
        cdk.Validations.of(construct).acknowledge(
            cdk.Acknowledgment(id=f"AwsSolutions-{rule}", reason=reason)
        )


def table_arns(stack: cdk.Stack, table: Table) -> list[str]:
    """A table and its indexes; by name, since it may belong to a stack that comes later."""
    names = [table.name, *(f"{table.name}/index/{index.name}" for index in table.indexes)]
    return [stack.format_arn(service="dynamodb", resource="table", resource_name=n) for n in names]


def parameter_arns(stack: cdk.Stack) -> list[str]:
    """The parameters that hold the platform's secrets."""
    return [
        stack.format_arn(
            service="ssm", resource="parameter", resource_name=f"{PARAMETERS.strip('/')}/{name}"
        )
        for name in SECRETS
    ]


def allow_platform(stack: cdk.Stack, principal: iam.IGrantable, key_arn: str) -> None:
    """Let a process read its secrets, keep its books and ask Bedrock's models."""
    tables = [arn for table in TABLES for arn in table_arns(stack, table)]
    statements = (
        iam.PolicyStatement(sid="Books", actions=list(_TABLE_ACTIONS), resources=tables),
        iam.PolicyStatement(
            sid="Secrets", actions=["ssm:GetParameters"], resources=parameter_arns(stack)
        ),
        iam.PolicyStatement(
            sid="Sealing", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[key_arn]
        ),
        iam.PolicyStatement(
            sid="Models",
            actions=["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
            resources=[
                stack.format_arn(
                    service="bedrock",
                    region="*",
                    account="",
                    resource="foundation-model",
                    resource_name="*",
                ),
                stack.format_arn(
                    service="bedrock", resource="inference-profile", resource_name="*"
                ),
            ],
        ),
    )
    for statement in statements:
        principal.grant_principal.add_to_principal_policy(statement)
