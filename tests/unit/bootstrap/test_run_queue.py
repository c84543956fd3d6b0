"""The queue of agent runs, as the settings name it."""

from pathlib import Path

import pytest

import ministack
import sqs
from headgate.aws.run_queue import SqsRunQueue
from headgate.bootstrap.run_queue import check_run_queue, open_run_queue
from headgate.core.errors import InvalidRequest
from headgate.settings import Settings

URL = "https://sqs.eu-west-1.amazonaws.com/111111111111/runs"
KEYS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}


def settings(data: Path, **environment: str) -> Settings:
    return Settings.load({"HEADGATE_DATA": str(data), **KEYS, **environment}, data)


async def test_without_a_queue_there_is_none(tmp_path: Path) -> None:
    async with open_run_queue(settings(tmp_path)) as queue:
        assert queue is None


async def test_a_queue_is_asked_where_its_address_says_or_the_settings(tmp_path: Path) -> None:
    named = {"HEADGATE_RUN_QUEUE_URL": URL, "AWS_REGION": "eu-west-1", "HEADGATE_ROLE": "gateway"}
    async with open_run_queue(settings(tmp_path, **named)) as queue:
        assert isinstance(queue, SqsRunQueue)
        assert (queue.endpoint, queue.url) == ("https://sqs.eu-west-1.amazonaws.com/", URL)
    named["SQS_ENDPOINT"] = "http://127.0.0.1:4566"
    async with open_run_queue(settings(tmp_path, **named)) as queue:
        assert isinstance(queue, SqsRunQueue)
        assert (queue.endpoint, queue.url) == ("http://127.0.0.1:4566/", URL)


@pytest.mark.parametrize("role", ["all", "agents"])
async def test_who_works_on_runs_of_a_queue_shares_a_database(tmp_path: Path, role: str) -> None:
    """What a task of its own disk has begun would be lost with it."""
    named = {"HEADGATE_RUN_QUEUE_URL": URL, "AWS_REGION": "eu-west-1", "HEADGATE_ROLE": role}
    with pytest.raises(InvalidRequest, match="HEADGATE_DATABASE_URL"):
        async with open_run_queue(settings(tmp_path, **named)):
            pass
    named["HEADGATE_DATABASE_URL"] = "postgresql://db/headgate"
    async with open_run_queue(settings(tmp_path, **named)) as queue:
        assert queue is not None


async def test_a_queue_without_a_region_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="AWS_REGION"):
        async with open_run_queue(settings(tmp_path, HEADGATE_RUN_QUEUE_URL=URL)):
            pass


async def test_the_doctor_counts_what_waits_and_tells_of_a_queue_that_is_not_there(
    tmp_path: Path,
) -> None:
    account = ministack.new_account()
    url = sqs.make_queues(account).url
    named = {
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": ministack.SECRET,
        "AWS_REGION": ministack.REGION,
        "HEADGATE_ROLE": "gateway",
        "HEADGATE_RUN_QUEUE_URL": url,
        "SQS_ENDPOINT": ministack.endpoint(),
    }
    async with open_run_queue(settings(tmp_path, **named)) as queue:
        assert queue is not None
        await queue.put("run_1")
    found = await check_run_queue(settings(tmp_path, **named))
    assert (found.status, found.message) == ("ok", f"{url}: about 1 waiting")
    missing = await check_run_queue(
        settings(tmp_path, **named | {"HEADGATE_RUN_QUEUE_URL": f"{url}-other"})
    )
    assert missing.status == "fail"
    assert "GetQueueAttributes" in missing.message
    assert "HEADGATE_RUN_QUEUE_URL" in str(missing.remedy)


async def test_the_doctor_says_what_a_queue_lacks_and_that_none_is_needed(tmp_path: Path) -> None:
    found = await check_run_queue(settings(tmp_path, HEADGATE_RUN_QUEUE_URL=URL))
    assert found.status == "fail"
    assert "AWS_REGION" in found.message
    assert (await check_run_queue(settings(tmp_path))).status == "ok"
