"""Over real sockets: what a person with a server has."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from headgate.cli.connection import CommandFailed
from headgate.cli.http_connection import HttpConnection

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[str]:
    """A server that reads a request without its body and gives the connection to `answer`."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(await reader.readuntil(b"\r\n\r\n"), writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def test_a_request_carries_the_key_and_the_query() -> None:
    seen = []

    async def answer(head: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(head)
        writer.write(b"HTTP/1.1 201 Created\r\nX-Own: 1\r\ncontent-length: 2\r\n\r\n{}")

    async with serving(answer) as url:
        connection = HttpConnection(f"{url}/v1", "sk-key")
        reply = await connection.request("GET", "/v1/usage", query=[("groupBy", "a b")])
        await connection.aclose()
    assert (reply.status, reply.headers["x-own"], reply.json) == (201, "1", {})
    assert seen[0].startswith(b"GET /v1/usage?groupBy=a+b HTTP/1.1\r\n")
    assert b"authorization: bearer sk-key" in seen[0].lower()


async def test_a_stream_is_read_as_it_comes() -> None:
    """The second event is sent only after the first has been read."""
    go_on = asyncio.Event()

    async def answer(head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + chunk(b"data: 1\n\n"))
        await go_on.wait()
        writer.write(chunk(b"data: 2\n\n") + chunk(b""))

    async with serving(answer) as url:
        connection = HttpConnection(url, "sk")
        stream = connection.stream("POST", "/v1/stream", {})
        assert await anext(stream) == b"1"
        go_on.set()
        assert [payload async for payload in stream] == [b"2"]
        await connection.aclose()


async def test_a_stream_that_breaks_is_a_plain_failure() -> None:
    async def answer(head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + chunk(b"data: 1\n\n"))
        await writer.drain()

    async with serving(answer) as url:
        connection = HttpConnection(url, "sk")
        stream = connection.stream("POST", "/v1/stream", {})
        assert await anext(stream) == b"1"
        with pytest.raises(CommandFailed, match="broke off"):
            await anext(stream)
        await connection.aclose()


async def test_a_refused_stream_carries_the_platform_s_message() -> None:
    async def answer(head: bytes, writer: asyncio.StreamWriter) -> None:
        body = b'{"error":{"message":"Too much.","code":"rate_limit_exceeded"}}'
        writer.write(b"HTTP/1.1 429 No\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))

    async with serving(answer) as url:
        connection = HttpConnection(url, "sk")
        with pytest.raises(CommandFailed, match="Too much"):
            await anext(connection.stream("POST", "/v1/stream", {}))
        await connection.aclose()


async def test_a_server_that_is_not_there_is_a_plain_failure() -> None:
    async with serving(lambda _head, _writer: asyncio.sleep(0)) as url:
        pass
    connection = HttpConnection(url, "sk")
    with pytest.raises(CommandFailed, match="cannot be reached"):
        await connection.request("GET", "/health")
    await connection.aclose()
