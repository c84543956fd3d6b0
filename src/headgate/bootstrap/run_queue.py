"""The part of `bootstrap` that opens the queue of agent runs, where one is set."""

import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from headgate.aws.run_queue import WAIT_SECONDS, SqsRunQueue
from headgate.bootstrap.aws_identity import aws_credentials
from headgate.cli.findings import Finding
from headgate.core.errors import HeadgateError, InvalidRequest
from headgate.settings import Settings
from headgate.transport.http import HttpClient

CONNECT_SECONDS = 5.0
# A request waits for a message as long as it may, and a little longer for its answer.
IDLE_SECONDS = WAIT_SECONDS + 10.0


@contextlib.asynccontextmanager
async def open_run_queue(settings: Settings) -> AsyncIterator[SqsRunQueue | None]:
    """The queue that the settings name; None where they name none.

    Raises:
        InvalidRequest: this process could not do with it what it is for; says what to set.
    """
    url = settings.run_queue_url
    if url is None:
        yield None
        return
    if settings.aws_region is None:
        raise InvalidRequest("HEADGATE_RUN_QUEUE_URL names a queue of AWS, so set AWS_REGION")
    if settings.database_url is None and settings.role in {"all", "agents"}:
        raise InvalidRequest(
            "HEADGATE_RUN_QUEUE_URL is for several processes that work on the same runs, so set"
            " HEADGATE_DATABASE_URL to the PostgreSQL database that they share; or give this"
            " process the role `gateway`"
        )
    http = HttpClient(connect_seconds=CONNECT_SECONDS, idle_seconds=IDLE_SECONDS)
    parts = urlsplit(url)
    endpoint = settings.sqs_endpoint or f"{parts.scheme}://{parts.netloc}"
    try:
        yield SqsRunQueue(
            http, f"{endpoint}/", url, settings.aws_region, aws_credentials(settings, http)
        )
    finally:
        await http.aclose()


async def check_run_queue(settings: Settings) -> Finding:
    """Whether the queue answers, and how many runs wait in it."""
    try:
        async with open_run_queue(settings) as queue:
            if queue is None:
                return Finding("ok", "not set; those who work on runs look into the store")
            waiting = await queue.waiting()
    except HeadgateError as error:
        remedy = "Check HEADGATE_RUN_QUEUE_URL, AWS_REGION, the AWS credentials and their rights."
        return Finding("fail", error.message, remedy)
    return Finding("ok", f"{settings.run_queue_url}: about {waiting} waiting")
