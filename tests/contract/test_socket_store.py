"""What every store of sockets that others keep open promises."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from headgate.core.sockets import SocketGone, SocketOwner, SocketRequest, SocketStore
from headgate.stores.dynamodb.sockets import DynamoSockets
from headgate.stores.memory_sockets import MemorySockets
from ministack import dynamo_client

ADA = SocketOwner("sk-proj-ada", "a hash")
BOB = SocketOwner("sk-proj-bob", "another hash")
REQUEST = SocketRequest("L0SM9cOFvHcCIhw=", "a", "req_1", 1000)
SOCKET = REQUEST.socket_id


@pytest.fixture(params=["memory", "dynamodb"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[SocketStore]:
    if request.param == "memory":
        yield MemorySockets()
        return
    async with dynamo_client() as client:
        yield DynamoSockets(client)


async def test_a_socket_has_the_owner_that_it_came_with(store: SocketStore) -> None:
    await store.open(SOCKET, ADA)
    await store.open("other", None)
    assert await store.owner(SOCKET) == ADA
    assert await store.owner("other") is None
    with pytest.raises(SocketGone):
        await store.owner("a third")


async def test_a_socket_is_claimed_by_one_key(store: SocketStore) -> None:
    """The same key may come with another secret, since it may have been rotated meanwhile."""
    await store.open(SOCKET, None)
    assert await store.claim(SOCKET, ADA)
    assert not await store.claim(SOCKET, BOB)
    rotated = msgspec.structs.replace(ADA, secret_hash="a newer hash")
    assert await store.claim(SOCKET, rotated)
    assert await store.owner(SOCKET) == rotated


async def test_a_socket_that_is_not_known_cannot_be_claimed(store: SocketStore) -> None:
    assert not await store.claim(SOCKET, ADA)
    with pytest.raises(SocketGone):
        await store.owner(SOCKET)


async def test_an_id_stands_for_one_request_at_a_time(store: SocketStore) -> None:
    await store.open(SOCKET, ADA)
    assert await store.begin(REQUEST)
    assert await store.begin(REQUEST), "a lost answer is asked for again"
    later = msgspec.structs.replace(REQUEST, call_id="req_2", at=2000)
    assert not await store.begin(later)
    await store.end(later)
    assert await store.standing(REQUEST) == "wanted"
    await store.end(REQUEST)
    await store.end(REQUEST)
    assert await store.begin(later)
    assert await store.standing(REQUEST) == "gone"
    assert await store.standing(later) == "wanted"


async def test_of_many_that_begin_at_once_one_does(store: SocketStore) -> None:
    await store.open(SOCKET, ADA)
    requests = [msgspec.structs.replace(REQUEST, call_id=f"req_{n}") for n in range(10)]
    begun = await asyncio.gather(*(store.begin(request) for request in requests))
    assert sum(begun) == 1


async def test_sockets_do_not_share_their_ids(store: SocketStore) -> None:
    other = msgspec.structs.replace(REQUEST, socket_id="other", call_id="req_2")
    await store.open(SOCKET, ADA)
    await store.open("other", BOB)
    assert await store.begin(REQUEST)
    assert await store.begin(other)
    await store.cancel("other", "a", 5000)
    assert await store.standing(REQUEST) == "wanted"
    assert await store.standing(other) == "cancelled"


async def test_a_cancel_that_overtakes_its_request_still_holds(store: SocketStore) -> None:
    await store.open(SOCKET, ADA)
    await store.cancel(SOCKET, "a", REQUEST.at + 1)
    assert await store.begin(REQUEST)
    assert await store.standing(REQUEST) == "cancelled"


async def test_a_cancel_is_not_about_a_later_request_with_the_same_id(store: SocketStore) -> None:
    await store.open(SOCKET, ADA)
    await store.cancel(SOCKET, "a", REQUEST.at - 1)
    assert await store.begin(REQUEST)
    assert await store.standing(REQUEST) == "wanted"


async def test_what_is_under_way_goes_with_its_socket(store: SocketStore) -> None:
    await store.open(SOCKET, ADA)
    await store.begin(REQUEST)
    await store.close(SOCKET)
    await store.close(SOCKET)
    assert await store.standing(REQUEST) == "gone"
    with pytest.raises(SocketGone):
        await store.owner(SOCKET)


async def test_on_a_socket_that_has_ended_nothing_begins(store: SocketStore) -> None:
    with pytest.raises(SocketGone):
        await store.begin(REQUEST)
    assert await store.standing(REQUEST) == "gone"
