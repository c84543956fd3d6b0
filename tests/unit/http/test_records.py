"""Each request is told once it is over, with what was done for it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from asgi import Client
from headgate.core.watching import LEFT, UNMATCHED, RequestRecord, note_call
from headgate.http.app import KEY_ID, ROUTE
from headgate.http.records import noting_answer, with_records
from usage_events import usage_event

Work = Callable[[], Awaitable[None]]


async def nothing() -> None:
    """Do no work."""


def answering(work: Work = nothing, noted: Mapping[str, str] | None = None) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope.update(noted or {})
        send = noting_answer(scope, send)
        await work()
        headers = [(b"x-request-id", b"req_1")]
        await send({"type": "http.response.start", "status": 202, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})

    return app


async def told(app: Any, *, noting: bool = False) -> RequestRecord:
    records: list[RequestRecord] = []
    client = Client("POST", "/v1/secret-path")
    watched = with_records(app, [records.append], noting=noting)
    try:
        await watched(client.scope, client.receive, client.send)
    finally:
        (record,) = records
    return record


async def test_a_request_is_told_by_its_row_its_key_and_its_answer() -> None:
    record = await told(answering(noted={ROUTE: "/v1/{name}", KEY_ID: "sk-proj-one"}), noting=True)
    assert record[:4] == ("req_1", "POST", "/v1/{name}", 202)
    assert record.key_id == "sk-proj-one"
    assert record.seconds >= 0


async def test_a_request_without_a_row_tells_nothing_of_its_path() -> None:
    assert (await told(answering())).route == UNMATCHED


async def test_calls_made_in_other_tasks_are_noted_for_the_request_they_belong_to() -> None:
    async def call() -> None:
        note_call(usage_event(), None)

    async def work() -> None:
        await asyncio.create_task(call())

    assert len((await told(answering(work), noting=True)).calls) == 1
    assert (await told(answering(work))).calls == ()


async def test_a_request_that_ends_without_an_answer_is_told_too() -> None:
    async def fail() -> None:
        raise asyncio.CancelledError

    records: list[RequestRecord] = []
    client = Client("POST", "/")
    with pytest.raises(asyncio.CancelledError):
        await with_records(answering(fail), [records.append], noting=False)(
            client.scope, client.receive, client.send
        )
    assert [record.status for record in records] == [LEFT]
