"""The AWS account at hand, as deploying needs it: what is there, and the little that it changes.

Everything goes through AWS's own client, so profiles, single sign-on, regions and AWS_ENDPOINT_URL
mean what they mean to the AWS command line. The stacks themselves are the CDK's work.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import boto3  # type: ignore[import-untyped]
from botocore.exceptions import (  # type: ignore[import-untyped]
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    WaiterError,
)

# The CDK says here that an account was prepared for it; this is the name that it has of itself.
BOOTSTRAP_VERSION = "/cdk-bootstrap/hnb659fds/version"
# A stack in one of these states has no resources that somebody uses.
_GONE = frozenset({"DELETE_COMPLETE", "REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"})


class AccountRefused(Exception):
    """AWS did not do what was asked of it; the message says what to change."""


class Identity(NamedTuple):
    """Who deploys, and where to."""

    account: str
    region: str
    arn: str


class Access(NamedTuple):
    """An access key, as the platform's own processes are told it."""

    key_id: str
    secret: str
    token: str | None


@dataclass(frozen=True, slots=True)
class Account:
    """An account in one region."""

    session: Any

    @classmethod
    def at_hand(cls) -> "Account":
        """The account that the environment and the AWS configuration name.

        Raises:
            AccountRefused: the configuration names what is not there.
        """
        with _plainly():
            # The CDK and AWS's other clients read this one, but Python's does not.
            return cls(boto3.Session(region_name=os.environ.get("AWS_REGION") or None))

    def identity(self) -> Identity:
        """Who deploys, and where to.

        Raises:
            AccountRefused: there are no credentials, they do not hold, or there is no region.
        """
        with _plainly():
            told = self._client("sts").get_caller_identity()
        return Identity(told["Account"], self.session.region_name, told["Arn"])

    def access(self) -> Access:
        """The credentials of whoever deploys, for a process that is started."""
        with _plainly():
            held = self.session.get_credentials().get_frozen_credentials()
        return Access(held.access_key, held.secret_key, held.token)

    def address(self, service: str) -> str:
        """Where a service answers, AWS_ENDPOINT_URL and its like observed."""
        with _plainly():
            return str(self._client(service).meta.endpoint_url)

    def is_bootstrapped(self) -> bool:
        """Whether the CDK has prepared this account and region."""
        return bool(self.parameters([BOOTSTRAP_VERSION]))

    def parameters(self, names: Sequence[str]) -> Mapping[str, str]:
        """Those of at most ten parameters that are there, decrypted."""
        with _plainly():
            found = self._client("ssm").get_parameters(Names=list(names), WithDecryption=True)
        return {one["Name"]: one["Value"] for one in found["Parameters"]}

    def keep_secret(self, name: str, value: str) -> bool:
        """Put a SecureString parameter; False where there is one, which stays as it is."""
        with _plainly():
            try:
                self._client("ssm").put_parameter(Name=name, Value=value, Type="SecureString")
            except ClientError as error:
                if _code(error) == "ParameterAlreadyExists":
                    return False
                raise
        return True

    def stacks(self, names: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """What those of the stacks say that are there."""
        found = {}
        with _plainly():
            client = self._client("cloudformation")
            for name in names:
                try:
                    (stack,) = client.describe_stacks(StackName=name)["Stacks"]
                except ClientError as error:
                    if _code(error) == "ValidationError":
                        continue
                    raise
                if stack["StackStatus"] not in _GONE:
                    outputs = stack.get("Outputs", ())
                    found[name] = {one["OutputKey"]: one["OutputValue"] for one in outputs}
        return found

    def tables(self, names: Sequence[str]) -> list[str]:
        """Those of the tables that are there."""
        found = []
        with _plainly():
            client = self._client("dynamodb")
            for name in names:
                with _unless_missing("ResourceNotFoundException"):
                    client.describe_table(TableName=name)
                    found.append(name)
        return found

    def unprotect_database(self, name: str) -> None:
        """Let a database be deleted, where it is there; its stack takes a snapshot first."""
        with _plainly(), _unless_missing("DBInstanceNotFound", "DBInstanceNotFoundFault"):
            self._client("rds").modify_db_instance(
                DBInstanceIdentifier=name, DeletionProtection=False, ApplyImmediately=True
            )

    def delete_stack(self, name: str) -> None:
        """Delete a stack, and wait until it is gone.

        Raises:
            AccountRefused: it could not be deleted, or not within an hour.
        """
        with _plainly():
            client = self._client("cloudformation")
            client.delete_stack(StackName=name)
            try:
                client.get_waiter("stack_delete_complete").wait(
                    StackName=name, WaiterConfig={"Delay": 5, "MaxAttempts": 720}
                )
            except WaiterError as error:
                raise AccountRefused(
                    f"{name} could not be deleted: see its events in CloudFormation, remove what"
                    f" is in the way, and try again ({error})"
                ) from None

    def _client(self, service: str) -> Any:
        return self.session.client(service)


@contextlib.contextmanager
def _unless_missing(*codes: str) -> Iterator[None]:
    """Goes on where AWS says by one of these codes that something is not there."""
    try:
        yield
    except ClientError as error:
        if _code(error) not in codes:
            raise


@contextlib.contextmanager
def _plainly() -> Iterator[None]:
    """Turns what AWS or its client refuses into a sentence."""
    try:
        yield
    except (NoCredentialsError, PartialCredentialsError):
        raise AccountRefused(
            "There are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and"
            " AWS_SECRET_ACCESS_KEY, or sign in with `aws sso login`"
        ) from None
    except NoRegionError:
        raise AccountRefused(
            "There is no region: set AWS_REGION, such as to eu-central-1"
        ) from None
    except EndpointConnectionError as error:
        raise AccountRefused(
            f"AWS does not answer ({error}): check AWS_REGION, AWS_ENDPOINT_URL and the network"
        ) from None
    except ClientError as error:
        told = error.response.get("Error", {})
        raise AccountRefused(
            f"AWS refused {error.operation_name} ({told.get('Code')}): {told.get('Message')}"
        ) from None
    except BotoCoreError as error:
        raise AccountRefused(f"AWS cannot be asked: {error}") from None


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
