"""Secrets from the Parameter Store, as settings."""

import asyncio
from pathlib import Path

import pytest

from headgate.bootstrap.parameters import parameters, read_parameters
from headgate.core.errors import Overloaded
from headgate.settings import Settings, SettingsError
from parameter_store import ParameterStoreStandIn
from servers import serve

SECRET = "a text of sufficient length"


def environment(url: str, **more: str) -> dict[str, str]:
    return {
        "HEADGATE_PARAMETERS": "/ai-platform",
        "SSM_ENDPOINT": url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
        **more,
    }


async def test_what_the_store_has_wins_and_meets_the_demands_of_production(tmp_path: Path) -> None:
    values = {f"/ai-platform/{name}": SECRET for name in ("jwt-secret-key", "encryption-salt")}
    given = {"PLATFORM_ENVIRONMENT": "production", "JWT_SECRET_KEY": "change-me"}
    async with serve(ParameterStoreStandIn(values)) as url:
        # The store answers on this loop, and reading waits.
        settings = await asyncio.to_thread(
            Settings.load, environment(url, **given), tmp_path, parameters=read_parameters
        )
    assert settings.jwt_secret_key is not None
    assert settings.jwt_secret_key.reveal() == SECRET
    with pytest.raises(SettingsError):
        Settings.load(environment(url, **given), tmp_path)


async def test_without_a_path_nothing_is_asked() -> None:
    assert await parameters(Settings()) == {}


async def test_a_path_needs_a_region() -> None:
    with pytest.raises(Overloaded, match="AWS_REGION"):
        await parameters(Settings(parameters="/ai-platform"))
