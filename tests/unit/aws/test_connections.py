"""Messages to callers whose connections API Gateway keeps open."""

import contextlib
from collections.abc import AsyncIterator

import pytest
from botocore.auth import SigV4Auth  # type: ignore[import-untyped]
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
from botocore.credentials import Credentials as BotoCredentials  # type: ignore[import-untyped]

from connections_api import ConnectionsStandIn
from fakes import FakeClock
from headgate.aws.connections import MOST_BYTES, PATIENCE_SECONDS, Connections
from headgate.core.errors import Overloaded, RequestTooLarge
from headgate.core.sockets import SocketGone
from headgate.transport.http import HttpClient
from headgate.transport.sigv4 import Credentials
from servers import serve

SOCKET = "L0SM9cOFvHcCIhw="
MESSAGE = b'{"type":"pong"}'


class Waits:
    """Pauses that are noted, and take no time."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@contextlib.asynccontextmanager
async def connections(stand_in: ConnectionsStandIn) -> AsyncIterator[tuple[Connections, Waits]]:
    waits = Waits()
    http = HttpClient()
    async with serve(stand_in) as url:
        credentials = Credentials("AKID", "the-secret", "the-token")
        yield Connections(http, f"{url}/prod", "eu-west-1", credentials, FakeClock(), waits), waits
        await http.aclose()


async def test_a_message_arrives_signed_at_its_connection() -> None:
    """By the signature that AWS's own library makes of the same request."""
    stand_in = ConnectionsStandIn({SOCKET})
    async with connections(stand_in) as (push, _):
        await push.send(SOCKET, MESSAGE)
        url = f"{push.url}/@connections/L0SM9cOFvHcCIhw%3D"
    assert stand_in.told == {SOCKET: [{"type": "pong"}]}
    assert stand_in.asked == ["POST /prod/@connections/L0SM9cOFvHcCIhw%3D"]
    sent = stand_in.headers
    request = AWSRequest("POST", url, headers={"content-type": "application/json"}, data=MESSAGE)
    request.context["timestamp"] = sent["x-amz-date"]
    request.headers["X-Amz-Date"] = sent["x-amz-date"]
    request.headers["X-Amz-Security-Token"] = "the-token"
    signer = SigV4Auth(
        BotoCredentials("AKID", "the-secret", "the-token"), "execute-api", "eu-west-1"
    )
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    assert sent["authorization"].endswith(f"Signature={signature}")


async def test_a_connection_that_is_gone_is_said_to_be() -> None:
    async with connections(ConnectionsStandIn()) as (push, _):
        with pytest.raises(SocketGone):
            await push.send(SOCKET, MESSAGE)
        await push.close(SOCKET)


async def test_a_connection_is_closed() -> None:
    stand_in = ConnectionsStandIn({SOCKET})
    async with connections(stand_in) as (push, _):
        await push.close(SOCKET)
        with pytest.raises(SocketGone):
            await push.send(SOCKET, MESSAGE)
    assert stand_in.asked[0].startswith("DELETE ")


async def test_too_much_at_once_is_sent_again_a_little_later() -> None:
    stand_in = ConnectionsStandIn({SOCKET}, answers=[429, 429])
    async with connections(stand_in) as (push, waits):
        await push.send(SOCKET, MESSAGE)
        assert waits.seconds == [0.05, 0.1]
    assert len(stand_in.told[SOCKET]) == 1


async def test_patience_has_an_end() -> None:
    stand_in = ConnectionsStandIn({SOCKET}, answers=[429] * 100)
    async with connections(stand_in) as (push, waits):
        with pytest.raises(Overloaded, match="takes no messages"):
            await push.send(SOCKET, MESSAGE)
        assert PATIENCE_SECONDS <= sum(waits.seconds) <= PATIENCE_SECONDS + 1


@pytest.mark.parametrize("status", [403, 500])
async def test_what_may_have_arrived_is_not_sent_again(status: int) -> None:
    """A piece that came twice would be taken for a longer answer."""
    stand_in = ConnectionsStandIn({SOCKET}, answers=[status])
    async with connections(stand_in) as (push, _):
        with pytest.raises(Overloaded) as raised:
            await push.send(SOCKET, MESSAGE)
        assert raised.value.may_be_done == (status == 500)
        stand_in.answers = [status]
        with pytest.raises(Overloaded, match="ManageConnections"):
            await push.close(SOCKET)
    assert len(stand_in.asked) == 2
    assert not stand_in.told


async def test_what_cannot_be_reached_is_tried_again() -> None:
    async with connections(ConnectionsStandIn()) as (push, waits):
        nowhere = Connections(
            push.http, "http://127.0.0.1:9", push.region, push.credentials, push.clock, push.pause
        )
        with pytest.raises(Overloaded, match="takes no messages"):
            await nowhere.send(SOCKET, MESSAGE)
        assert len(waits.seconds) > 3


async def test_a_message_that_is_too_long_is_not_sent() -> None:
    stand_in = ConnectionsStandIn({SOCKET}, answers=[413])
    async with connections(stand_in) as (push, _):
        with pytest.raises(RequestTooLarge, match="131072 bytes"):
            await push.send(SOCKET, b"x" * (MOST_BYTES + 1))
        assert not stand_in.asked
        with pytest.raises(RequestTooLarge):
            await push.send(SOCKET, MESSAGE)
