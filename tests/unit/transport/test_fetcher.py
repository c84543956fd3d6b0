"""Requests on behalf of callers: bounded, and told in errors that callers know."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import pytest

from headgate.core.errors import InvalidRequest, UpstreamFailed, UpstreamTimedOut
from headgate.core.fetching import Fetched
from headgate.transport.fetcher import HttpFetcher
from headgate.transport.http import HttpClient
from headgate.transport.public_addresses import public_addresses
from servers import serve

CHUNK = b"x" * 1000


class Host:
    """A host that answers by the path: `/silent` never, `/endless` without end."""

    def __init__(self) -> None:
        self.is_left = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = (await receive())["body"]
        if scope["path"] == "/silent":
            await receive()
            return
        headers = [(b"x-method", scope["method"].encode())]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        if scope["path"] == "/endless":
            left = asyncio.ensure_future(receive())
            while not left.done():
                await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
                await asyncio.sleep(0)
            self.is_left.set()
            return
        await send({"type": "http.response.body", "body": body})


async def here(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"]


@asynccontextmanager
async def fetching(host: Host) -> AsyncIterator[tuple[HttpFetcher, str]]:
    client = HttpClient(addresses=here, idle_seconds=0.2)
    async with serve(host) as url:
        yield HttpFetcher(client), url
        await client.aclose()


async def fetch(
    fetcher: HttpFetcher,
    url: str,
    *,
    method: str = "GET",
    body: bytes = b"",
    most_bytes: int = 10_000,
) -> Fetched:
    return await fetcher.fetch(method, url, headers={}, body=body, most_bytes=most_bytes)


async def test_an_answer_comes_with_its_status_headers_and_body() -> None:
    async with fetching(Host()) as (fetcher, url):
        answer = await fetch(fetcher, f"{url}/", method="POST", body=b"hello")
    assert (answer.status, answer.body, answer.is_whole) == (201, b"hello", True)
    assert answer.headers["x-method"] == "POST"


async def test_a_body_without_end_is_cut_and_its_host_is_left() -> None:
    host = Host()
    async with fetching(host) as (fetcher, url):
        answer = await fetch(fetcher, f"{url}/endless", most_bytes=2500)
        assert (len(answer.body), answer.is_whole) == (2500, False)
        await host.is_left.wait()
        assert (await fetch(fetcher, f"{url}/")).status == 201


async def test_a_body_of_just_the_size_is_whole() -> None:
    async with fetching(Host()) as (fetcher, url):
        answer = await fetch(fetcher, f"{url}/", method="POST", body=b"12345", most_bytes=5)
    assert (answer.body, answer.is_whole) == (b"12345", True)


async def test_a_silent_host_is_a_time_out() -> None:
    async with fetching(Host()) as (fetcher, url):
        with pytest.raises(UpstreamTimedOut):
            await fetch(fetcher, f"{url}/silent")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://nowhere.invalid/"])
async def test_a_host_that_cannot_be_reached_is_a_failure(url: str) -> None:
    client = HttpClient()
    with pytest.raises(UpstreamFailed):
        await fetch(HttpFetcher(client), url)


async def test_an_address_that_must_not_be_reached_is_the_callers_mistake() -> None:
    async def judged(host: str, port: int) -> Sequence[str]:
        return await public_addresses(host, port, ThreadPoolExecutor(1))

    client = HttpClient(addresses=judged)
    with pytest.raises(InvalidRequest, match="must not be reached") as caught:
        await fetch(HttpFetcher(client), "http://127.0.0.1:1/")
    assert caught.value.param == "url"
