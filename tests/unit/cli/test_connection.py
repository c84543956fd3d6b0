from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from fake_installation import FakeConnection, refusal, reply
from headgate.cli.connection import (
    CommandFailed,
    File,
    Reply,
    content_type_of,
    encode,
    fetch,
    payloads,
    refuse_errors,
)
from headgate.http.uploads import UploadedFile, uploaded_files


async def cut(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
async def test_events_are_read_however_the_bytes_are_cut(size: int) -> None:
    stream = b': ping\n\nid: 1\ndata: {"a":1}\n\nevent: x\ndata:two\r\ndata: lines\r\n\r\n'
    found = [payload async for payload in payloads(cut(stream, size))]
    assert found == [b'{"a":1}', b"two\nlines"]


async def test_an_event_without_its_blank_line_is_left_out() -> None:
    assert [payload async for payload in payloads(cut(b"data: 1\n\ndata: 2\n", 4))] == [b"1"]


def test_numbers_of_an_answer_stay_exact() -> None:
    assert Reply(200, {}, b'{"cost":0.000000014}').json == {"cost": Decimal("0.000000014")}


async def test_a_refusal_carries_the_platform_s_message_and_what_to_do() -> None:
    connection = FakeConnection([refusal(401, "invalid_api_key", "The key is unknown.")])
    with pytest.raises(CommandFailed, match=r"The key is unknown\. Set HEADGATE_API_KEY"):
        await fetch(connection, "GET", "/v1/usage")


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b'{"error":"no"}', b'{"detail":"x"}'])
def test_an_answer_of_something_else_is_no_stack_trace(body: bytes) -> None:
    with pytest.raises(CommandFailed, match="status 502"):
        refuse_errors(Reply(502, {}, body))


async def test_a_success_is_given_on() -> None:
    assert (await fetch(FakeConnection([reply({"a": 1})]), "GET", "/x")).json == {"a": 1}


def test_a_file_is_sent_as_the_platform_reads_files() -> None:
    file = File('gr\u00f6\u00dfe "x".md', b"--\r\n\x00\xff")
    told = uploaded_files(content_type_of(file), encode(file))
    assert told == [UploadedFile("gr\u00f6\u00dfe _x_.md", file.content)]
    assert (content_type_of({"a": 1}), encode({"a": 1})) == ("application/json", b'{"a":1}')
    assert encode(None) == b""
