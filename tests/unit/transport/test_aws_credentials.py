"""Credentials of a role, from a real service on this machine: fetched once, renewed in time."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from fakes import FakeClock
from headgate.core.errors import Overloaded
from headgate.transport.aws_credentials import (
    AGAIN_SECONDS,
    MARGIN_SECONDS,
    RENEWAL_SECONDS,
    RoleCredentials,
    from_container,
    from_instance,
)
from headgate.transport.http import HttpClient
from headgate.transport.sigv4 import Credentials
from metadata_service import AUTHORIZATION, NOW, ROLE, ROLES, MetadataService
from servers import serve

LIFE = 6 * 3600.0


class Machine:
    """A process with a role, the service that gives it, and the time."""

    def __init__(self, http: HttpClient, service: MetadataService, url: str) -> None:
        self.http = http
        self.service = service
        self.url = url
        self.clock = FakeClock(NOW)
        self.role = RoleCredentials(from_instance(http, url), clock=self.clock)

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.service.now = self.clock()

    async def key_id(self) -> str:
        return (await self.role.current()).access_key_id

    async def settled(self) -> None:
        """Wait for a renewal under way."""
        renewing = self.role._renewing
        if renewing is not None:
            await asyncio.gather(renewing, return_exceptions=True)


@pytest.fixture
async def machine() -> AsyncIterator[Machine]:
    service, http = MetadataService(), HttpClient()
    async with serve(service) as url:
        yield Machine(http, service, url)
        await http.aclose()


async def test_an_instance_gives_the_credentials_of_its_role_for_a_token(machine: Machine) -> None:
    assert await machine.role.current() == Credentials("ASIA1", "secret", "token-1")
    assert machine.service.asked == [
        "PUT /latest/api/token",
        f"GET {ROLES}",
        f"GET {ROLES}{ROLE}",
    ]


async def test_a_container_gives_the_credentials_of_its_task(machine: Machine) -> None:
    url = f"{machine.url}/v2/credentials/task"
    tokens = iter([AUTHORIZATION, "an-old-one"])
    fetch = from_container(machine.http, url, lambda: next(tokens))
    assert (await fetch()).credentials == Credentials("ASIA1", "secret", "token-1")
    # The token is read anew each time.
    with pytest.raises(Overloaded, match="401"):
        await fetch()


async def test_a_token_that_cannot_be_read_is_told(machine: Machine) -> None:
    def missing() -> str:
        raise FileNotFoundError(2, "No such file or directory")

    with pytest.raises(Overloaded, match="No such file"):
        await from_container(machine.http, machine.url, missing)()


async def test_credentials_are_fetched_once_however_many_ask(machine: Machine) -> None:
    keys = await asyncio.gather(*(machine.key_id() for _ in range(50)))
    assert set(keys) == {"ASIA1"}
    assert machine.service.given == 1
    machine.pass_time(LIFE - RENEWAL_SECONDS - 1)
    assert await machine.key_id() == "ASIA1"
    assert machine.service.given == 1


async def test_nobody_waits_for_a_renewal_while_the_old_ones_are_good(machine: Machine) -> None:
    await machine.key_id()
    machine.pass_time(LIFE - RENEWAL_SECONDS)
    keys = await asyncio.gather(*(machine.key_id() for _ in range(50)))
    assert set(keys) == {"ASIA1"}
    await machine.settled()
    assert await machine.key_id() == "ASIA2"
    assert machine.service.given == 2


async def test_credentials_of_a_short_life_are_renewed_at_its_half(machine: Machine) -> None:
    machine.service.lives_seconds = 600
    await machine.key_id()
    machine.pass_time(301)
    await machine.key_id()
    await machine.settled()
    assert await machine.key_id() == "ASIA2"


async def test_the_old_ones_are_kept_while_the_service_fails_and_it_is_asked_rarely(
    machine: Machine,
) -> None:
    await machine.key_id()
    machine.service.status = 500
    machine.pass_time(LIFE - RENEWAL_SECONDS)
    for _ in range(5):
        assert await machine.key_id() == "ASIA1"
        await machine.settled()
    assert machine.service.asked.count("PUT /latest/api/token") == 2
    machine.service.status = 200
    machine.pass_time(AGAIN_SECONDS + 1)
    assert await machine.key_id() == "ASIA1"
    await machine.settled()
    assert await machine.key_id() == "ASIA2"


async def test_credentials_that_have_ended_are_not_used(machine: Machine) -> None:
    await machine.key_id()
    machine.service.status = 500
    machine.pass_time(LIFE - MARGIN_SECONDS)
    with pytest.raises(Overloaded, match="500") as raised:
        await machine.key_id()
    assert "secret" not in raised.value.message
    machine.service.status = 200
    assert await machine.key_id() == "ASIA2"


async def test_who_leaves_does_not_end_the_request_for_others(machine: Machine) -> None:
    first = asyncio.create_task(machine.key_id())
    second = asyncio.create_task(machine.key_id())
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "ASIA1"
    assert machine.service.given == 1


@pytest.mark.parametrize("lives", [0, MARGIN_SECONDS])
async def test_credentials_that_end_at_once_are_none(machine: Machine, lives: float) -> None:
    machine.service.lives_seconds = lives
    with pytest.raises(Overloaded, match="clock"):
        await machine.key_id()


async def test_an_answer_without_credentials_says_what_to_set(machine: Machine) -> None:
    with pytest.raises(Overloaded, match="AWS_ACCESS_KEY_ID"):
        await from_container(machine.http, f"{machine.url}/nothing", lambda: None)()


async def test_a_service_that_is_not_there_says_what_to_set(machine: Machine) -> None:
    nowhere = RoleCredentials(from_instance(machine.http, "http://127.0.0.1:9"))
    with pytest.raises(Overloaded, match="give this process a role"):
        await nowhere.current()
