import asyncio
import contextlib
import socket
import ssl
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from headgate.transport.http import (
    HttpBroke,
    HttpClient,
    HttpError,
    HttpTimedOut,
    HttpUnreachable,
)

SECRET = "sk-very-secret"
HEADERS = {"authorization": f"Bearer {SECRET}"}
HEAD = b"HTTP/1.1 200 OK\r\nX-Name: Value\r\ntransfer-encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"

Answer: TypeAlias = Callable[["Connection"], Awaitable[None]]


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


class Connection:
    """A client's connection, seen from the server; `head` is the last request's."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.head = b""

    async def request(self) -> None:
        self.head = await self._reader.readuntil(b"\r\n\r\n")
        for line in self.head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                await self._reader.readexactly(int(line.split(b":")[1]))

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def closed(self) -> None:
        """Wait until the client closes the connection."""
        with contextlib.suppress(ConnectionError):
            assert await self._reader.read() == b""

    def close(self) -> None:
        self._writer.close()


class Vendor:
    """A server in this loop that answers every request with one function."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._tasks: list[asyncio.Task[None]] = []
        self.connections: list[Connection] = []
        self.url = ""

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.append(asyncio.create_task(self._serve(Connection(reader, writer))))

    async def _serve(self, connection: Connection) -> None:
        self.connections.append(connection)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    await connection.request()
                    await self._answer(connection)
        finally:
            connection.close()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Vendor"]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    client = HttpClient(connect_seconds=5, idle_seconds=5)
    yield client
    await client.aclose()


@pytest.fixture
async def impatient() -> AsyncIterator[HttpClient]:
    client = HttpClient(connect_seconds=60, idle_seconds=0.3)
    yield client
    await client.aclose()


async def read(client: HttpClient, vendor: Vendor, pieces: list[bytes]) -> None:
    async with client.stream("POST", vendor.url, headers=HEADERS, body=b"") as stream:
        async for piece in stream.chunks():
            pieces.append(piece)  # noqa: PERF401 - what came before a failure counts


async def silent(connection: Connection) -> None:
    await connection.closed()


async def test_a_whole_answer_comes_with_its_status_and_lower_case_header_names(
    client: HttpClient,
) -> None:
    async def answer(connection: Connection) -> None:
        await connection.write(
            b"HTTP/1.1 418 Odd\r\nX-Name: Value\r\ncontent-length: 4\r\n\r\ntea!"
        )

    async with Vendor(answer).running() as vendor:
        response = await client.send("POST", vendor.url, headers=HEADERS, body=b"{}")
    assert (response.status, response.body) == (418, b"tea!")
    assert response.headers["x-name"] == "Value"
    head = vendor.connections[0].head.lower()
    assert head.startswith(b"post /v1 http/1.1\r\n")
    assert f"authorization: bearer {SECRET}".encode() in head
    assert b"user-agent: headgate" in head


async def test_a_connection_serves_one_request_after_another(client: HttpClient) -> None:
    async def answer(connection: Connection) -> None:
        await connection.write(HEAD + chunk(b"x") + LAST)

    async with Vendor(answer).running() as vendor:
        for _ in range(3):
            await client.send("GET", vendor.url, headers={})
            async with client.stream("POST", vendor.url, headers={}, body=b"") as stream:
                assert await stream.read() == b"x"
    assert len(vendor.connections) == 1


async def test_a_streams_pieces_come_as_they_are_written(client: HttpClient) -> None:
    """The second is written only after the first has come: nothing waits for a buffer to fill."""
    has_first = asyncio.Event()

    async def answer(connection: Connection) -> None:
        await connection.write(HEAD + chunk(b"1"))
        await has_first.wait()
        await connection.write(chunk(b"2") + LAST)

    pieces = []
    async with (
        Vendor(answer).running() as vendor,
        client.stream("POST", vendor.url, headers=HEADERS, body=b"{}") as stream,
    ):
        assert (stream.status, stream.headers["x-name"]) == (200, "Value")
        async for piece in stream.chunks():
            pieces.append(piece)
            has_first.set()
    assert pieces == [b"1", b"2"]
    assert b"accept-encoding: identity\r\n" in vendor.connections[0].head.lower()


async def test_a_streams_head_comes_before_its_first_piece(client: HttpClient) -> None:
    has_head = asyncio.Event()

    async def answer(connection: Connection) -> None:
        await connection.write(HEAD)
        await has_head.wait()
        await connection.write(chunk(b"1") + LAST)

    async with (
        Vendor(answer).running() as vendor,
        client.stream("POST", vendor.url, headers={}, body=b"") as stream,
    ):
        has_head.set()
        assert await stream.read() == b"1"


async def test_nobody_there_is_unreachable(client: HttpClient) -> None:
    async with Vendor(silent).running() as vendor:
        url = vendor.url
    with pytest.raises(HttpUnreachable):
        await client.send("POST", url, headers=HEADERS)
    with pytest.raises(HttpUnreachable):
        async with client.stream("POST", url, headers=HEADERS, body=b""):
            pass


async def test_a_closed_client_reaches_nobody(client: HttpClient) -> None:
    await client.aclose()
    with pytest.raises(HttpUnreachable):
        await client.send("GET", "http://127.0.0.1:9/", headers={})


async def test_a_connection_that_is_not_made_in_time_is_unreachable() -> None:
    """Nothing was sent, so nothing can be owed: it is no answer that took too long."""
    client = HttpClient(connect_seconds=0.05, idle_seconds=5)
    with contextlib.ExitStack() as sockets:
        full = sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(full.getsockname())
        with pytest.raises(HttpUnreachable):
            await client.send("GET", f"http://127.0.0.1:{full.getsockname()[1]}/", headers={})
    await client.aclose()


async def test_a_silent_vendor_times_out(impatient: HttpClient) -> None:
    async with Vendor(silent).running() as vendor:
        with pytest.raises(HttpTimedOut):
            await impatient.send("POST", vendor.url, headers=HEADERS)
        with pytest.raises(HttpTimedOut):
            async with impatient.stream("POST", vendor.url, headers=HEADERS, body=b""):
                pass


async def test_a_vendor_that_falls_silent_times_out(impatient: HttpClient) -> None:
    async def answer(connection: Connection) -> None:
        await connection.write(HEAD + chunk(b"1"))
        await connection.closed()

    pieces: list[bytes] = []
    async with Vendor(answer).running() as vendor:
        with pytest.raises(HttpTimedOut):
            await impatient.send("POST", vendor.url, headers=HEADERS)
        with pytest.raises(HttpTimedOut):
            await read(impatient, vendor, pieces)
    assert pieces == [b"1"]


async def test_a_connection_that_breaks_in_the_middle_is_broken(client: HttpClient) -> None:
    async def answer(connection: Connection) -> None:
        await connection.write(HEAD + chunk(b"1"))
        connection.close()

    pieces: list[bytes] = []
    async with Vendor(answer).running() as vendor:
        with pytest.raises(HttpBroke):
            await client.send("POST", vendor.url, headers=HEADERS)
        with pytest.raises(HttpBroke):
            await read(client, vendor, pieces)
    assert pieces == [b"1"]


async def test_a_connection_that_closes_without_an_answer_is_broken(client: HttpClient) -> None:
    async def answer(connection: Connection) -> None:
        connection.close()

    async with Vendor(answer).running() as vendor:
        with pytest.raises(HttpBroke):
            await client.send("POST", vendor.url, headers=HEADERS)


async def test_a_redirect_is_not_followed(client: HttpClient) -> None:
    """The address it names would get the credential."""
    async with Vendor(silent).running() as elsewhere:

        async def answer(connection: Connection) -> None:
            location = elsewhere.url.encode()
            await connection.write(
                b"HTTP/1.1 307 Go\r\nlocation: " + location + b"\r\ncontent-length: 0\r\n\r\n"
            )

        async with Vendor(answer).running() as vendor:
            response = await client.send("POST", vendor.url, headers=HEADERS)
            async with client.stream("POST", vendor.url, headers=HEADERS, body=b"") as stream:
                assert stream.status == 307
        assert (response.status, elsewhere.connections) == (307, [])


@pytest.mark.parametrize("kind", ["whole", "streamed"])
async def test_cancelling_a_request_closes_the_connection(client: HttpClient, kind: str) -> None:
    is_asked, is_closed = asyncio.Event(), asyncio.Event()

    async def answer(connection: Connection) -> None:
        is_asked.set()
        await connection.closed()
        is_closed.set()

    async with Vendor(answer).running() as vendor:
        asking = (
            asyncio.create_task(read(client, vendor, []))
            if kind == "streamed"
            else asyncio.ensure_future(client.send("POST", vendor.url, headers=HEADERS))
        )
        await is_asked.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await asyncio.wait_for(is_closed.wait(), 1)


@pytest.mark.parametrize("how", ["leaves", "is cancelled"])
async def test_a_stream_that_is_left_closes_the_connection(client: HttpClient, how: str) -> None:
    is_closed, has_first = asyncio.Event(), asyncio.Event()

    async def answer(connection: Connection) -> None:
        await connection.write(HEAD + chunk(b"1"))
        await connection.closed()
        is_closed.set()

    async def read(url: str) -> None:
        async with (
            client.stream("POST", url, headers={}, body=b"") as stream,
            contextlib.aclosing(stream.chunks()) as pieces,
        ):
            async for _ in pieces:
                has_first.set()
                if how == "leaves":
                    return

    async with Vendor(answer).running() as vendor:
        reading = asyncio.create_task(read(vendor.url))
        await has_first.wait()
        if how == "is cancelled":
            reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await asyncio.wait_for(is_closed.wait(), 5)


@pytest.mark.parametrize("rest", ["is there", "comes", "is cut off", "never comes"])
async def test_a_drained_stream_leaves_its_connection_to_others_if_it_can(
    client: HttpClient, rest: str
) -> None:
    """What follows the end is read, it is waited for for a moment, and no failure of it matters.

    Whoever has read the end waits for nothing: what follows comes only after they have left.
    """
    has_left = asyncio.Event()

    async def answer(connection: Connection) -> None:
        await connection.write(HEAD + chunk(b"end") + (LAST if rest == "is there" else b""))
        if rest == "comes":
            await has_left.wait()
            await connection.write(chunk(b": a comment") + LAST)
        elif rest == "is cut off":
            connection.close()

    async with Vendor(answer).running() as vendor:
        for _ in range(2):
            has_left.clear()
            async with client.stream("POST", vendor.url, headers={}, body=b"") as stream:
                assert await anext(stream.chunks()) == b"end"
                stream.drain()
            has_left.set()
            await asyncio.gather(*client._draining)
    assert len(vendor.connections) == (1 if rest in {"is there", "comes"} else 2)


async def test_a_client_that_is_closed_drains_no_more() -> None:
    client = HttpClient()

    async def answer(connection: Connection) -> None:
        await connection.write(HEAD + chunk(b"end"))
        await connection.closed()

    async with Vendor(answer).running() as vendor:
        async with client.stream("POST", vendor.url, headers={}, body=b"") as stream:
            assert await anext(stream.chunks()) == b"end"
            stream.drain()
        await client.aclose()
        assert not client._draining
        assert not client._busy


async def test_what_nobody_read_of_an_answer_is_no_part_of_the_next(client: HttpClient) -> None:
    """It was whole when its reader left, so that nothing of the connection was broken."""
    answers = iter([b"the answer to one", b"the answer to another"])

    async def answer(connection: Connection) -> None:
        await connection.write(HEAD + chunk(next(answers)) + LAST)

    async with Vendor(answer).running() as vendor:
        async with client.stream("POST", vendor.url, headers=HEADERS, body=b"") as stream:
            connection = stream._open()
            async with asyncio.timeout(60):
                while not connection._is_whole:  # noqa: ASYNC110 - only it knows
                    await asyncio.sleep(0)
        other = await client.send("POST", vendor.url, headers=HEADERS)
    assert other.body == b"the answer to another"


async def test_a_stream_that_nobody_entered_sends_nothing(client: HttpClient) -> None:
    async with Vendor(silent).running() as vendor:
        stream = client.stream("POST", vendor.url, headers=HEADERS, body=b"")
        with pytest.raises(RuntimeError, match="inside its context"):
            await stream.read()
    assert vendor.connections == []


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("http://127.0.0.1:1/?key=" + SECRET, HEADERS),
        (f"http://user:{SECRET}@127.0.0.1:1/", {}),
        ("http://127.0.0.1:1/", {"authorization": f"Bearer {SECRET}\nx"}),
        ("http://127.0.0.1:1/", {"authorization": f"Bearer {SECRET}é"}),
        (f"no address {SECRET}", {}),
        (f"ftp://{SECRET}@127.0.0.1/", {}),
    ],
)
async def test_no_failure_tells_a_secret(
    client: HttpClient, url: str, headers: dict[str, str]
) -> None:
    with pytest.raises(HttpUnreachable) as sent:
        await client.send("POST", url, headers=headers)
    stream = client.stream("POST", url, headers=headers, body=b"")
    with pytest.raises(HttpUnreachable) as streamed:
        await stream.__aenter__()
    for told in (told_by(sent.value), told_by(streamed.value), repr(client), repr(stream)):
        assert SECRET not in told


def told_by(error: HttpError) -> str:
    """All that a log would show of a failure, but for the test's own lines of source."""
    return "".join(traceback.format_exception_only(error)) + repr(error.__cause__)


async def test_a_failure_names_its_innermost_cause(client: HttpClient) -> None:
    with pytest.raises(HttpUnreachable, match=r"no connection could be made: .*[Rr]efused"):
        await client.send("GET", "http://127.0.0.1:1/", headers={})


CERTIFICATES = Path(__file__).parents[2] / "certificates"


@contextlib.asynccontextmanager
async def over_tls() -> AsyncIterator[str]:
    """A server that answers over TLS, with a certificate that signs itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "localhost.pem", CERTIFICATES / "localhost.key")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"https://127.0.0.1:{port}/v1"
    finally:
        server.close()


async def test_an_answer_over_tls_comes_from_whom_the_certificate_names() -> None:
    trusting = ssl.create_default_context(cafile=CERTIFICATES / "localhost.pem")
    client = HttpClient(tls=trusting)
    async with over_tls() as url:
        for _ in range(2):
            assert (await client.send("GET", url, headers={})).body == b"secret"
        await client.aclose()


async def test_a_certificate_that_nobody_vouches_for_is_refused(client: HttpClient) -> None:
    async with over_tls() as url:
        with pytest.raises(HttpUnreachable, match="CERTIFICATE"):
            await client.send("GET", url, headers=HEADERS)


async def test_an_idle_connection_that_the_server_has_closed_costs_nothing(
    client: HttpClient,
) -> None:
    """The request goes out again on a new connection, and nobody notices."""
    served = 0

    async def answer(connection: Connection) -> None:
        nonlocal served
        served += 1
        await connection.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n%d" % served)
        connection.close()

    async with Vendor(answer).running() as vendor:
        bodies = [
            (await client.send("POST", vendor.url, headers=HEADERS, body=b"{}")).body
            for _ in range(5)
        ]
    assert bodies == [b"1", b"2", b"3", b"4", b"5"]


async def test_an_answer_without_a_length_ends_with_its_connection(client: HttpClient) -> None:
    async def answer(connection: Connection) -> None:
        await connection.write(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        connection.close()

    async with Vendor(answer).running() as vendor:
        assert (await client.send("GET", vendor.url, headers={})).body == b"all of it"


async def test_interim_answers_are_passed_over(client: HttpClient) -> None:
    async def answer(connection: Connection) -> None:
        await connection.write(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n")
        await connection.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    async with Vendor(answer).running() as vendor:
        answered = await client.send("GET", vendor.url, headers={})
    assert (answered.status, answered.body, "link" in answered.headers) == (200, b"ok", False)


@pytest.mark.parametrize(
    "nonsense", [b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 300_000 + b"\r\n\r\n"]
)
async def test_an_answer_that_is_no_http_is_broken(client: HttpClient, nonsense: bytes) -> None:
    async def answer(connection: Connection) -> None:
        with contextlib.suppress(ConnectionError):
            await connection.write(nonsense)

    async with Vendor(answer).running() as vendor:
        with pytest.raises(HttpBroke):
            await client.send("GET", vendor.url, headers={})


async def test_an_answer_that_nobody_reads_is_held_back(client: HttpClient) -> None:
    """A slow caller of ours fills no memory: the vendor is made to wait."""
    block = b"x" * 65_536
    written = 0
    is_over = asyncio.Event()

    async def answer(connection: Connection) -> None:
        nonlocal written
        await connection.write(HEAD)
        with contextlib.suppress(ConnectionError):
            while not is_over.is_set():
                await connection.write(chunk(block))
                written += len(block)
                await asyncio.sleep(0)

    async with Vendor(answer).running() as vendor:
        async with client.stream("GET", vendor.url, headers={}, body=b"") as stream:
            pieces = stream.chunks()
            assert await anext(pieces)
            previous = -1
            while written != previous:  # until the vendor writes no more
                previous = written
                await asyncio.sleep(0.2)
            assert written < 64 * 2**20
            await pieces.aclose()
        is_over.set()
