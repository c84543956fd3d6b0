"""SQS on this machine, beside DynamoDB in MiniStack: a queue of runs with its dead letters."""

import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import boto3  # type: ignore[import-untyped]
import msgspec

import ministack
from headgate.aws.run_queue import SqsRunQueue
from headgate.transport.http import HttpClient
from headgate.transport.sigv4 import Credentials

RECEIVES = 3
_names = itertools.count()


@dataclass(frozen=True)
class Queues:
    """A queue and where it puts what nobody could take, as AWS's own client sees them."""

    client: Any
    url: str
    dead_url: str

    def count(self, url: str) -> int:
        """How many messages wait there."""
        name = "ApproximateNumberOfMessages"
        told = self.client.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return int(told["Attributes"][name])

    def in_flight(self) -> int:
        """How many messages were taken and are not done."""
        name = "ApproximateNumberOfMessagesNotVisible"
        told = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=[name])
        return int(told["Attributes"][name])


def make_queues(account: str, *, visibility_seconds: int = 30) -> Queues:
    """Make both queues in an account of MiniStack."""
    client = boto3.client(
        "sqs",
        endpoint_url=ministack.endpoint(),
        region_name=ministack.REGION,
        aws_access_key_id=account,
        aws_secret_access_key=ministack.SECRET,
    )
    name = f"runs-{next(_names)}"
    dead_url = client.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = client.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["QueueArn"])
    policy = {
        "deadLetterTargetArn": arn["Attributes"]["QueueArn"],
        "maxReceiveCount": RECEIVES,
    }
    url = client.create_queue(
        QueueName=name,
        Attributes={
            "VisibilityTimeout": str(visibility_seconds),
            "RedrivePolicy": msgspec.json.encode(policy).decode(),
        },
    )["QueueUrl"]
    return Queues(client, url, dead_url)


@dataclass(frozen=True)
class RealQueue:
    """Our adapter on such a queue."""

    queue: SqsRunQueue
    queues: Queues
    receipts: "Receipts"

    async def time_out(self) -> None:
        """End the time for which what was taken is hidden from others."""
        for receipt in self.receipts.seen:
            with contextlib.suppress(self.queues.client.exceptions.ClientError):
                self.queues.client.change_message_visibility(
                    QueueUrl=self.queues.url, ReceiptHandle=receipt, VisibilityTimeout=0
                )


class Receipts(HttpClient):
    """A client that notes the receipts that it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    async def send(self, method: str, url: str, **fields: Any) -> Any:
        answer = await super().send(method, url, **fields)
        if fields["headers"]["x-amz-target"].endswith("ReceiveMessage"):
            told = msgspec.json.decode(answer.body)
            self.seen += [one["ReceiptHandle"] for one in told.get("Messages", ())]
        return answer


@contextlib.asynccontextmanager
async def run_queue() -> AsyncIterator[RealQueue]:
    """A new queue in a new account; an empty one is told at once."""
    account = ministack.new_account()
    queues = make_queues(account)
    http = Receipts()
    queue = SqsRunQueue(
        http,
        f"{ministack.endpoint()}/",
        queues.url,
        ministack.REGION,
        Credentials(account, ministack.SECRET),
        wait_seconds=0,
    )
    yield RealQueue(queue, queues, http)
    await http.aclose()
