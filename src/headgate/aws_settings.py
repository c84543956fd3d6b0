"""The settings that are about AWS; most of them are set by AWS itself, or by the stacks."""

from pathlib import Path
from typing import Annotated

import msgspec

from headgate.variables import Secret, Url, Variable

AWS = "AWS"


class AwsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The part of `Settings` that says which region, whose credentials, and which addresses."""

    aws_region: Annotated[
        str | None,
        Variable(
            "AWS_REGION",
            AWS,
            "The region of DynamoDB and Bedrock: `us-east-1`. With an AWS access key, or the role"
            " of a container, Bedrock's models are served.",
        ),
    ] = None
    aws_access_key_id: Annotated[
        str | None,
        Variable(
            "AWS_ACCESS_KEY_ID",
            AWS,
            "The id of the AWS access key; without one, the role of the container or the EC2"
            " instance is used.",
        ),
    ] = None
    aws_secret_access_key: Annotated[
        Secret | None,
        Variable("AWS_SECRET_ACCESS_KEY", AWS, "The AWS access key's secret."),
    ] = None
    aws_session_token: Annotated[
        Secret | None,
        Variable(
            "AWS_SESSION_TOKEN",
            AWS,
            "The token that belongs to a temporary AWS access key.",
        ),
    ] = None
    aws_container_credentials_relative_uri: Annotated[
        str | None,
        Variable(
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            AWS,
            "Where ECS gives a task the credentials of its role. ECS sets it.",
        ),
    ] = None
    aws_container_credentials_full_uri: Annotated[
        Url | None,
        Variable(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            AWS,
            "The same as a whole address. EKS sets it.",
        ),
    ] = None
    aws_container_authorization_token: Annotated[
        Secret | None,
        Variable(
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            AWS,
            "What is sent there as `Authorization`.",
        ),
    ] = None
    aws_container_authorization_token_file: Annotated[
        Path | None,
        Variable(
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            AWS,
            "A file that holds it, read anew each time. EKS sets it.",
        ),
    ] = None
    aws_ec2_metadata_disabled: Annotated[
        bool,
        Variable(
            "AWS_EC2_METADATA_DISABLED",
            AWS,
            "Never asks the metadata service of an EC2 instance for the credentials of its role.",
        ),
    ] = False
    aws_ec2_metadata_service_endpoint: Annotated[
        Url,
        Variable(
            "AWS_EC2_METADATA_SERVICE_ENDPOINT", AWS, "The address of that service, version 2."
        ),
    ] = Url("http://169.254.169.254")
    parameters: Annotated[
        str | None,
        Variable(
            "HEADGATE_PARAMETERS",
            AWS,
            "A path in the Parameter Store, such as `/ai-platform`, below which the secrets lie:"
            " `openai-api-key`, `jwt-secret-key` and so on. What is found there wins over the"
            " variables.",
        ),
    ] = None
    ssm_endpoint: Annotated[
        Url | None,
        Variable("SSM_ENDPOINT", AWS, "Its address; the region's own when not set."),
    ] = None
    kms_key: Annotated[
        str | None,
        Variable(
            "HEADGATE_KMS_KEY_ID",
            AWS,
            "The key of AWS's KMS that seals users' own vendor keys: its ARN, its id or an alias."
            " Without it JWT_SECRET_KEY and ENCRYPTION_SALT seal them. The stacks set it.",
        ),
    ] = None
    kms_endpoint: Annotated[
        Url | None,
        Variable("KMS_ENDPOINT", AWS, "KMS's address; the region's own when not set."),
    ] = None
    execute_api_endpoint: Annotated[
        Url | None,
        Variable(
            "EXECUTE_API_ENDPOINT",
            AWS,
            "Where a Lambda function sends messages for WebSockets; the API's own address when not"
            " set.",
        ),
    ] = None
    lambda_part: Annotated[
        str | None,
        Variable(
            "HEADGATE_LAMBDA",
            AWS,
            "What this process is as a Lambda function: `gateway`, or a tool such as"
            " `tool-summarize`. The stacks set it.",
        ),
    ] = None
    lambda_runtime_api: Annotated[
        str | None,
        Variable("AWS_LAMBDA_RUNTIME_API", AWS, "Where Lambda hands out events. Lambda sets it."),
    ] = None
    bedrock_endpoint: Annotated[
        Url | None,
        Variable(
            "BEDROCK_ENDPOINT",
            AWS,
            "Bedrock's address; the region's own when not set. A local stand-in needs no AWS"
            " credentials; an EC2 instance's role is used where this is set.",
        ),
    ] = None
    dynamodb_endpoint: Annotated[
        Url | None,
        Variable(
            "DYNAMODB_ENDPOINT",
            AWS,
            "DynamoDB's address; the region's own when not set. A local stand-in needs no AWS"
            " credentials.",
        ),
    ] = None
    lambda_endpoint: Annotated[
        Url | None,
        Variable(
            "LAMBDA_ENDPOINT",
            AWS,
            "Where tools that run as Lambda functions are called.",
            planned=True,
        ),
    ] = None
