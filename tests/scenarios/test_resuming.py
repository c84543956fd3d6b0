"""Streams that are broken off and gone on with, on the real server."""

import re
from collections.abc import Mapping
from pathlib import Path

import httpx2
import pytest

from headgate_server import Caller, Simulator, chat, eventually, running

MODEL = "openai/gpt-4o"
TEXT = " ".join(f"word{number}" for number in range(60))


@pytest.fixture(scope="module")
def environment(vendors: Simulator) -> Mapping[str, str]:
    return vendors.environment


def text_of(body: bytes) -> str:
    return "".join(re.findall(r'"content":"([^"]*)"', body.decode()))


def numbers(body: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"^id: (\d+)$", body, re.MULTILINE)]


async def read_some(answer: httpx2.Response, *, most: int) -> bytes:
    """Whole events, until there are so many; the rest is lost."""
    body = b""
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(numbers(body)) >= most:
            break
    return body[: body.rindex(b"\n\n") + 2]


async def test_an_answer_that_is_broken_off_again_and_again_comes_whole(
    vendors: Simulator, admin: Caller
) -> None:
    await vendors.forget()
    body = chat(f"[[rate 60]] [[say {TEXT}]]", model=MODEL, resumable=True)
    async with admin.opened("/v1/stream", body) as answer:
        request_id = answer.headers["x-request-id"]
        read = await read_some(answer, most=5)
    while b'"type":"done"' not in read:
        last = {"last-event-id": str(numbers(read)[-1])}
        path = f"/v1/stream/{request_id}"
        async with admin.http.stream("GET", path, headers=last) as answer:
            assert answer.status_code == 200
            read += await read_some(answer, most=7)
    assert text_of(read) == TEXT
    assert numbers(read) == list(range(1, len(numbers(read)) + 1))
    call = await vendors.only_call("finished")
    assert not call["cancelled"]
    event = await admin.event_of(request_id)
    assert event["status"] == "ok"


async def test_an_answer_that_is_not_resumable_ends_with_its_reader(
    vendors: Simulator, admin: Caller
) -> None:
    await vendors.forget()
    body = chat(f"[[rate 5]] [[say {TEXT}]]", model=MODEL)
    async with admin.opened("/v1/stream", body) as answer:
        request_id = answer.headers["x-request-id"]
    await vendors.only_call("cancelled")
    again = await admin.send("GET", f"/v1/stream/{request_id}")
    assert again.status == 404


async def test_an_answer_goes_on_while_nobody_reads_it(vendors: Simulator, admin: Caller) -> None:
    await vendors.forget()
    body = chat(f"[[rate 60]] [[say {TEXT}]]", model=MODEL, resumable=True)
    async with admin.opened("/v1/stream", body) as answer:
        request_id = answer.headers["x-request-id"]
    await eventually(vendors.calls, lambda calls: bool(calls and calls[0]["finished"]))
    whole = await admin.send("GET", f"/v1/stream/{request_id}")
    assert text_of(whole.body) == TEXT


async def test_an_answer_is_resumed_by_whichever_worker_is_asked(
    tmp_path: Path, environment: Mapping[str, str]
) -> None:
    with running(tmp_path, environment=environment, workers=2) as platform:
        async with platform.caller() as caller:
            body = chat(f"[[rate 60]] [[say {TEXT}]]", model=MODEL, resumable=True)
            async with caller.opened("/v1/stream", body) as answer:
                request_id = answer.headers["x-request-id"]
                read = await read_some(answer, most=5)
            seen = str(numbers(read)[-1])
            answered: set[int] = set()
            while len(answered) < 2:
                async with platform.caller() as other:
                    answered.add((await other.get("/v1/process"))["pid"])
                    path, last = f"/v1/stream/{request_id}", {"last-event-id": seen}
                    rest = await other.send("GET", path, headers=last)
                assert text_of(read + rest.body) == TEXT
            async with caller.newcomer() as stranger:
                hidden = await stranger.send("GET", f"/v1/stream/{request_id}")
    assert hidden.status == 404
