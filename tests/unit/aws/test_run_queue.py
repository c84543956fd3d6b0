"""The queue of runs in SQS: what is asked of it, and what is said where it fails."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

import sqs
from headgate.aws.run_queue import PAUSES_SECONDS, SqsRunQueue
from headgate.core.errors import Overloaded
from headgate.core.run_queue import Ticket
from headgate.transport.http import HttpClient
from headgate.transport.sigv4 import Credentials
from servers import serve


class StandIn:
    """An SQS that gives its answers in their order, and keeps what it was asked."""

    def __init__(self, *answers: tuple[int, object]) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []
        self.headers: dict[str, str] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.asked.append(msgspec.json.decode((await receive())["body"]))
        status, answer = self.answers.pop(0)
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": msgspec.json.encode(answer)})


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.aclose()


def queue(http: HttpClient, url: str, pauses: list[float] | None = None) -> SqsRunQueue:
    async def pause(seconds: float) -> None:
        if pauses is not None:
            pauses.append(seconds)

    credentials = Credentials("id", "secret")
    return SqsRunQueue(
        http, f"{url}/", "https://sqs/1/runs", "eu-central-1", credentials, pause=pause
    )


def refusal(kind: str) -> tuple[int, object]:
    return 400, {"__type": f"com.amazonaws.sqs#{kind}", "message": "secret words of the service"}


async def test_a_request_names_the_queue_and_is_signed(http: HttpClient) -> None:
    stand_in = StandIn((200, {"Messages": []}))
    async with serve(stand_in) as url:
        assert await queue(http, url).take(50) == []
    assert stand_in.asked == [
        {"QueueUrl": "https://sqs/1/runs", "MaxNumberOfMessages": 10, "WaitTimeSeconds": 20}
    ]
    assert stand_in.headers["x-amz-target"] == "AmazonSQS.ReceiveMessage"
    assert "/eu-central-1/sqs/aws4_request" in stand_in.headers["authorization"]


async def test_an_answer_without_messages_is_an_empty_queue(http: HttpClient) -> None:
    async with serve(StandIn((200, {}))) as url:
        assert await queue(http, url).take(1) == []


async def test_the_queue_tells_how_many_wait(http: HttpClient) -> None:
    stand_in = StandIn((200, {"Attributes": {"ApproximateNumberOfMessages": "17"}}))
    async with serve(stand_in) as url:
        assert await queue(http, url).waiting() == 17
    assert stand_in.headers["x-amz-target"] == "AmazonSQS.GetQueueAttributes"
    assert stand_in.asked == [
        {"QueueUrl": "https://sqs/1/runs", "AttributeNames": ["ApproximateNumberOfMessages"]}
    ]


@pytest.mark.parametrize(
    "answer", [{}, {"Attributes": {}}, {"Attributes": {"ApproximateNumberOfMessages": "many"}}]
)
async def test_what_is_no_queue_is_not_taken_for_one(http: HttpClient, answer: object) -> None:
    async with serve(StandIn((200, answer))) as url:
        with pytest.raises(Overloaded, match="no SQS"):
            await queue(http, url).waiting()


async def test_what_may_pass_is_tried_again(http: HttpClient) -> None:
    pauses: list[float] = []
    stand_in = StandIn((503, {}), (500, {}), (200, {"MessageId": "m"}))
    async with serve(stand_in) as url:
        await queue(http, url, pauses).put("run_1")
    assert pauses == list(PAUSES_SECONDS)
    assert [msgspec.json.decode(one["MessageBody"]) for one in stand_in.asked] == [
        {"runId": "run_1"}
    ] * 3


async def test_a_refusal_says_what_is_missing_and_repeats_nothing(http: HttpClient) -> None:
    stand_in = StandIn(refusal("AccessDeniedException"))
    async with serve(stand_in) as url:
        with pytest.raises(Overloaded, match=r"AccessDeniedException.*sqs:SendMessage") as told:
            await queue(http, url).put("run_1")
    assert "secret" not in str(told.value)


async def test_a_queue_that_is_away_is_told(http: HttpClient) -> None:
    with pytest.raises(Overloaded, match="could not be used"):
        await queue(http, "http://127.0.0.1:1").done(Ticket("run_1", "receipt"))


async def test_a_receipt_that_is_over_leaves_nothing_to_do(http: HttpClient) -> None:
    """The message was deleted by a request whose answer was lost, or is given again."""
    async with serve(StandIn(refusal("ReceiptHandleIsInvalid"))) as url:
        await queue(http, url).done(Ticket("run_1", "receipt"))


async def test_what_nobody_can_use_ends_among_the_dead_letters() -> None:
    async with sqs.run_queue() as real:
        real.queues.client.send_message(QueueUrl=real.queues.url, MessageBody="no news")
        await real.queue.put("run_1")
        for _ in range(sqs.RECEIVES + 1):
            for ticket in await real.queue.take(10):
                await real.queue.done(ticket)
            await real.time_out()
        assert real.queues.count(real.queues.dead_url) == 1
        assert await real.queue.take(10) == []
