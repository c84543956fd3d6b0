"""Answers that their callers come back to."""

import asyncio

import pytest

from fakes import FakeProvider
from headgate.core.chat import ChatDelta
from platform_in_memory import chat, make_key, platform

RESUMABLE = {"x-headgate-resumable": "true"}


def numbers(body: bytes) -> list[int]:
    return [int(line[4:]) for line in body.split(b"\n") if line.startswith(b"id: ")]


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        ("/v1/stream", chat("hi", resumable=True), {}),
        ("/v1/stream", chat("hi"), RESUMABLE),
        ("/v1/complete", chat("hi", stream=True, resumable=True), {}),
        ("/v1/chat/completions", chat("hi", stream=True), RESUMABLE),
        ("/v1/messages", chat("hi", stream=True, max_tokens=9), RESUMABLE),
        ("/v1/responses", {"model": "sandbox", "input": "hi", "stream": True}, RESUMABLE),
    ],
)
async def test_an_answer_is_read_again_from_any_of_its_events(
    path: str, body: dict[str, object], headers: dict[str, str]
) -> None:
    async with platform() as here:
        whole = await here.call("POST", path, body, headers=headers)
        assert whole.headers["x-headgate-resumable"] == "true"
        count = len(numbers(whole.data))
        assert numbers(whole.data) == list(range(1, count + 1))
        resumed = f"/v1/stream/{whole.headers['x-request-id']}"
        again = await here.call("GET", resumed)
        assert (again.status, again.data) == (200, whole.data)
        rest = await here.call("GET", resumed, headers={"last-event-id": "2"})
        assert numbers(rest.data) == list(range(3, count + 1))
        assert whole.data.endswith(rest.data)
        assert len(here.ledger._events) == 1


async def test_an_answer_that_is_not_resumable_has_no_numbers_and_is_not_kept() -> None:
    async with platform() as here:
        whole = await here.call("POST", "/v1/stream", chat("hi"))
        assert numbers(whole.data) == []
        again = await here.call("GET", f"/v1/stream/{whole.headers['x-request-id']}")
        assert again.status == 404


async def test_an_answer_goes_on_without_its_reader_and_is_billed_whole() -> None:
    gate = asyncio.Event()
    vendor = FakeProvider("one", [ChatDelta(text="a"), gate, ChatDelta(text="b")])
    async with platform(vendor) as here:
        client = here.client("POST", "/v1/stream", chat("hi", model="small", resumable=True))
        asking = asyncio.create_task(here.app(client.scope, client.receive, client.send))
        await client.is_answered.wait()
        client.left.set()
        await asking
        assert not vendor.streams[0].is_closed
        gate.set()
        resumed = f"/v1/stream/{client.headers['x-request-id']}"
        rest = await here.call("GET", resumed, headers={"last-event-id": "1"})
        assert b'"content":"b"' in rest.data
        assert numbers(rest.data) == [2, 3]
        (event,) = here.ledger._events.values()
        assert event.status == "ok"


async def test_nobody_else_may_go_on_with_it() -> None:
    async with platform() as here:
        whole = await here.call("POST", "/v1/stream", chat("hi", resumable=True))
        resumed = f"/v1/stream/{whole.headers['x-request-id']}"
        other = await make_key(here)
        assert (await here.call("GET", resumed, key=other)).status == 404
        none = await make_key(here, scopes=["usage:read"])
        assert (await here.call("GET", resumed, key=none)).status == 403
        assert (await here.call("GET", resumed, key=None)).status == 401


@pytest.mark.parametrize("last", ["-1", "x", "99", "1" * 20])
async def test_a_wrong_event_is_refused(last: str) -> None:
    async with platform() as here:
        whole = await here.call("POST", "/v1/stream", chat("hi", resumable=True))
        resumed = f"/v1/stream/{whole.headers['x-request-id']}"
        answer = await here.call("GET", resumed, headers={"last-event-id": last})
        assert (answer.status, answer.json["error"]["param"]) == (400, "Last-Event-ID")
