"""Which credentials a process has: those of the environment, else a role's."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from headgate.bootstrap.aws_identity import (
    LOCAL,
    aws_credentials,
    bedrock_credentials,
    speaks_to_bedrock,
)
from headgate.core.errors import Overloaded
from headgate.settings import Settings
from headgate.transport.http import HttpClient
from headgate.transport.sigv4 import Credentials
from metadata_service import AUTHORIZATION, MetadataService
from servers import serve

KEY = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"}
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.aclose()


@pytest.fixture
async def service() -> AsyncIterator[str]:
    """The address of a service whose credentials live for a long time from now."""
    async with serve(MetadataService(now=4_000_000_000)) as url:
        yield url


def settings(**values: str) -> Settings:
    return Settings.load(values, Path(__file__).parent)


async def key_id(http: HttpClient, **values: str) -> str:
    return (await aws_credentials(settings(**values), http).current()).access_key_id


async def test_the_access_key_of_the_environment_comes_first(
    http: HttpClient, service: str
) -> None:
    """Lambda gives its role so, with a token."""
    given = {**KEY, "AWS_SESSION_TOKEN": "token", "AWS_EC2_METADATA_SERVICE_ENDPOINT": service}
    found = await aws_credentials(settings(**given), http).current()
    assert found == Credentials("AKID", "secret", "token")


async def test_the_role_of_a_container_comes_before_that_of_its_machine(
    http: HttpClient, service: str
) -> None:
    found = await key_id(
        http,
        AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{service}/v2/credentials/task",
        AWS_CONTAINER_AUTHORIZATION_TOKEN=AUTHORIZATION,
        AWS_EC2_METADATA_SERVICE_ENDPOINT=NOWHERE,
    )
    assert found == "ASIA1"


async def test_the_token_of_a_container_may_stand_in_a_file(
    http: HttpClient, service: str, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(f"{AUTHORIZATION}\n")
    found = await key_id(
        http,
        AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{service}/v2/credentials/task",
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=str(file),
    )
    assert found == "ASIA1"


@pytest.mark.parametrize("url", ["http://example.com/x", "http://169.254.169.254/x"])
async def test_a_token_is_not_sent_to_strangers_in_the_clear(http: HttpClient, url: str) -> None:
    with pytest.raises(Overloaded, match="FULL_URI"):
        aws_credentials(settings(AWS_CONTAINER_CREDENTIALS_FULL_URI=url), http)


@pytest.mark.parametrize(
    "url", ["https://example.com/x", "http://localhost/x", "http://169.254.170.23/v1/credentials"]
)
async def test_the_agents_of_aws_and_this_machine_are_no_strangers(
    http: HttpClient, url: str
) -> None:
    aws_credentials(settings(AWS_CONTAINER_CREDENTIALS_FULL_URI=url), http)


async def test_an_instance_gives_its_role(http: HttpClient, service: str) -> None:
    assert await key_id(http, AWS_EC2_METADATA_SERVICE_ENDPOINT=service) == "ASIA1"


async def test_a_local_stand_in_needs_none(http: HttpClient) -> None:
    local = settings(DYNAMODB_ENDPOINT=NOWHERE, AWS_EC2_METADATA_SERVICE_ENDPOINT=NOWHERE)
    assert await aws_credentials(local, http).current() == LOCAL


async def test_where_there_can_be_none_it_says_what_to_set(http: HttpClient) -> None:
    with pytest.raises(Overloaded, match="AWS_ACCESS_KEY_ID"):
        aws_credentials(settings(AWS_EC2_METADATA_DISABLED="true"), http)


async def test_bedrock_takes_the_same_credentials_and_a_stand_in_takes_any(
    http: HttpClient, service: str
) -> None:
    """The role of an EC2 instance is asked for where AWS's own address is set."""

    async def its_key_id(**values: str) -> str:
        return (await bedrock_credentials(settings(**values), http).current()).access_key_id

    instance = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": service}
    real = {"BEDROCK_ENDPOINT": "https://bedrock-runtime.eu-west-1.amazonaws.com"}
    assert await its_key_id(BEDROCK_ENDPOINT=NOWHERE, **KEY) == "AKID"
    assert await its_key_id(BEDROCK_ENDPOINT=NOWHERE, **instance) == LOCAL.access_key_id
    assert (await its_key_id(**real, **instance)).startswith("ASIA")


def test_bedrock_is_spoken_to_where_something_says_so() -> None:
    """A region alone may be meant for something else."""
    region = {"AWS_REGION": "eu-west-1"}
    assert not speaks_to_bedrock(settings())
    assert not speaks_to_bedrock(settings(**region))
    assert not speaks_to_bedrock(settings(**KEY))
    assert speaks_to_bedrock(settings(**region, **KEY))
    assert speaks_to_bedrock(settings(**region, AWS_CONTAINER_CREDENTIALS_FULL_URI="https://x"))
    assert speaks_to_bedrock(settings(BEDROCK_ENDPOINT=NOWHERE))
