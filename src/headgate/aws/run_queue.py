"""The queue of runs in Amazon SQS: a message a run, in JSON.

SQS gives a message again when its visibility time-out has passed, and after some times, which the
queue's own settings count, it puts it into the dead-letter queue. A message that is none of ours is
left to that.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from headgate.core.errors import Overloaded
from headgate.core.run_queue import Ticket
from headgate.transport.http import HttpClient, HttpError
from headgate.transport.sigv4 import CredentialsSource, Target, sign

WAIT_SECONDS = 20
"""The longest that SQS lets a request wait; each costs the same, so a longer wait costs less."""
MOST_AT_ONCE = 10
PAUSES_SECONDS = (0.1, 0.5)

_LOG = logging.getLogger(__name__)
_GONE = frozenset({"ReceiptHandleIsInvalid"})
_PASSING = frozenset({429, 500, 502, 503, 504})


class _News(msgspec.Struct, frozen=True, rename="camel"):
    run_id: str


class _Message(msgspec.Struct, rename="pascal"):
    body: str
    receipt_handle: str


class _Received(msgspec.Struct, rename="pascal"):
    messages: list[_Message] = []


class _Attributes(msgspec.Struct, rename="pascal"):
    approximate_number_of_messages: str


class _Described(msgspec.Struct, rename="pascal"):
    attributes: _Attributes


class _Refusal(msgspec.Struct):
    kind: str = msgspec.field(default="", name="__type")


@dataclass(frozen=True, slots=True)
class SqsRunQueue:
    """`RunQueue` in SQS at `endpoint`.

    Attributes:
        http: waits longer than `wait_seconds` for an answer.
        url: which queue, as AWS names it.
        wait_seconds: how long SQS waits for a message.
    """

    http: HttpClient
    endpoint: str
    url: str
    region: str
    credentials: CredentialsSource
    wait_seconds: int = WAIT_SECONDS
    clock: Callable[[], float] = time.time
    pause: Callable[[float], Any] = asyncio.sleep

    async def put(self, run_id: str) -> None:
        """See `RunQueue.put`."""
        body = msgspec.json.encode(_News(run_id)).decode()
        await self._call("SendMessage", {"MessageBody": body})

    async def take(self, limit: int) -> Sequence[Ticket]:
        """See `RunQueue.take`; at most ten at a time, as SQS has it."""
        request = {
            "MaxNumberOfMessages": min(limit, MOST_AT_ONCE),
            "WaitTimeSeconds": self.wait_seconds,
        }
        answer = await self._call("ReceiveMessage", request)
        tickets = []
        for message in msgspec.json.decode(answer, type=_Received).messages:
            try:
                news = msgspec.json.decode(message.body, type=_News)
            except msgspec.MsgspecError:
                _LOG.error("a message in the queue of agent runs is none; it is left there")
            else:
                tickets.append(Ticket(news.run_id, message.receipt_handle))
        return tickets

    async def done(self, ticket: Ticket) -> None:
        """See `RunQueue.done`."""
        request = {"ReceiptHandle": ticket.receipt}
        await self._call("DeleteMessage", request, done_before=_GONE)

    async def waiting(self) -> int:
        """About how many runs nobody has taken yet.

        Raises:
            Overloaded: SQS does not answer, or there is no such queue.
        """
        request = {"AttributeNames": ["ApproximateNumberOfMessages"]}
        answer = await self._call("GetQueueAttributes", request)
        try:
            found = msgspec.json.decode(answer, type=_Described).attributes
            return int(found.approximate_number_of_messages)
        except ValueError:
            raise Overloaded("what answers for the queue of agent runs is no SQS") from None

    async def _call(
        self,
        operation: str,
        request: Mapping[str, object],
        *,
        done_before: frozenset[str] = frozenset(),
    ) -> bytes:
        """The answer to a request, which is sent again where a later try may succeed.

        Each may be carried out twice: a run that is announced twice is taken once. Refusals of the
        kinds `done_before` say that there is nothing left to do.

        Raises:
            Overloaded: SQS does not answer, or refuses; none of its words are repeated.
        """
        body = msgspec.json.encode({"QueueUrl": self.url, **request})
        problem = ""
        for seconds in (*PAUSES_SECONDS, None):
            try:
                status, answer = await self._send(operation, body)
            except HttpError as error:
                problem = str(error)
            else:
                if status == 200 or _kind(answer) in done_before:
                    return answer
                problem = f"AWS answered {status} ({_kind(answer)})"
                if status not in _PASSING:
                    break
            if seconds is not None:
                await self.pause(seconds)
        raise Overloaded(
            f"the queue of agent runs could not be used: {operation}: {problem}; this process"
            f" needs sqs:{operation} on it, and its key"
        )

    async def _send(self, operation: str, body: bytes) -> tuple[int, bytes]:
        headers = sign(
            "POST",
            self.endpoint,
            headers={
                "content-type": "application/x-amz-json-1.0",
                "x-amz-target": f"AmazonSQS.{operation}",
            },
            body=body,
            credentials=await self.credentials.current(),
            target=Target(self.region, "sqs"),
            now=self.clock(),
        )
        answer = await self.http.send("POST", self.endpoint, headers=headers, body=body)
        return answer.status, answer.body


def _kind(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Refusal).kind.rpartition("#")[2] or "no reason given"
    except msgspec.MsgspecError:
        return "no reason given"
