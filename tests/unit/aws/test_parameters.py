"""Secrets from the Parameter Store."""

from collections.abc import AsyncIterator

import pytest

from fakes import FakeClock
from headgate.aws.parameters import ParameterStore
from headgate.aws.secret_names import VARIABLES
from headgate.core.errors import Overloaded
from headgate.settings import VARIABLES as SETTINGS
from headgate.transport.http import HttpClient
from headgate.transport.sigv4 import Credentials
from parameter_store import ParameterStoreStandIn
from servers import serve


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.aclose()


def store(http: HttpClient, url: str) -> ParameterStore:
    return ParameterStore(http, url, "eu-central-1", Credentials("id", "secret"), FakeClock())


async def test_what_there_is_comes_and_what_is_missing_does_not(http: HttpClient) -> None:
    stand_in = ParameterStoreStandIn({"/ours/openai-api-key": "sk-1", "/theirs/admin-key": "no"})
    async with serve(stand_in) as url:
        found = await store(http, url).get("/ours/", ["openai-api-key", "admin-key"])
    assert found == {"openai-api-key": "sk-1"}
    assert stand_in.asked == [["/ours/openai-api-key", "/ours/admin-key"]]
    assert stand_in.headers["x-amz-target"] == "AmazonSSM.GetParameters"
    assert "/eu-central-1/ssm/aws4_request" in stand_in.headers["authorization"]


async def test_a_refusal_says_what_is_missing_and_repeats_nothing(http: HttpClient) -> None:
    async with serve(ParameterStoreStandIn(refusal="AccessDeniedException")) as url:
        with pytest.raises(Overloaded, match=r"AccessDeniedException.*ssm:GetParameters") as told:
            await store(http, url).get("/ours", ["admin-key"])
    assert "secret word" not in str(told.value)


async def test_a_store_that_is_away_is_told(http: HttpClient) -> None:
    with pytest.raises(Overloaded, match="/ours could not be read"):
        await store(http, "http://127.0.0.1:1").get("/ours", ["admin-key"])


def test_every_parameter_is_a_secret_of_the_settings() -> None:
    kinds = {variable.name: kind for variable, kind in SETTINGS.values()}
    assert all("Secret" in str(kinds[name]) for name in VARIABLES.values())
    assert len(VARIABLES) <= 10
