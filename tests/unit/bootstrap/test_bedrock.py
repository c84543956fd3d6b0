"""When Bedrock is served, from which address, and what `auto` may pick of it."""

from pathlib import Path

import pytest

from headgate.bootstrap.vendors import Vendors, check_vendors, default_embedding_model, vendors_of
from headgate.settings import Settings
from headgate.transport.http import HttpClient

NOWHERE = "http://127.0.0.1:9"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
SONNET = "anthropic.claude-sonnet-4-5-20250929-v1:0"
PROFILE = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/"


def settings(data: Path, **env: str) -> Settings:
    return Settings.load({"HEADGATE_DATA": str(data), "OLLAMA_BASE_URL": NOWHERE, **env}, data)


def vendors(data: Path, **env: str) -> Vendors:
    """They are not called, so their client needs no end."""
    return vendors_of(settings(data, **env), HttpClient())


@pytest.mark.parametrize(
    ("env", "is_served"),
    [
        ({}, False),
        ({"AWS_REGION": "eu-west-1"}, False),
        (KEYS, False),
        ({"AWS_REGION": "eu-west-1", **KEYS}, True),
        ({"AWS_REGION": "eu-west-1", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"}, True),
        ({"BEDROCK_ENDPOINT": NOWHERE}, True),
    ],
)
def test_a_region_alone_is_not_enough(env: dict[str, str], is_served: bool, tmp_path: Path) -> None:
    """Many machines have one, for other reasons."""
    assert ("bedrock" in vendors(tmp_path, **env).providers) is is_served


@pytest.mark.parametrize(
    ("region", "nova"),
    [
        ("eu-west-1", "eu.amazon.nova-lite-v1:0"),
        ("us-east-1", "us.amazon.nova-lite-v1:0"),
        ("ap-southeast-2", "apac.amazon.nova-lite-v1:0"),
        ("us-gov-west-1", "amazon.nova-lite-v1:0"),
    ],
)
def test_auto_picks_models_of_the_regions_profile(region: str, nova: str, tmp_path: Path) -> None:
    found = vendors(tmp_path, AWS_REGION=region, **KEYS)
    pro = nova.replace("lite", "pro")
    names = (nova, pro, f"global.{HAIKU}", f"global.{SONNET}")
    assert found.auto() == [f"bedrock/{name}" for name in names]


def test_credentials_that_dynamodb_needs_do_not_make_auto_pick_bedrock(tmp_path: Path) -> None:
    env = {"AWS_REGION": "eu-west-1", "HEADGATE_STORE": "dynamodb", **KEYS}
    found = vendors(tmp_path, **env)
    assert "bedrock" in found.providers
    assert found.auto() == ["local/local"]
    assert default_embedding_model(settings(tmp_path, **env)) == "local/local"
    meant = env | {"BEDROCK_ENDPOINT": NOWHERE}
    assert vendors(tmp_path, **meant).auto()[0].startswith("bedrock/")
    assert default_embedding_model(settings(tmp_path, **meant)).startswith("bedrock/amazon.titan")


def test_models_are_bedrocks_by_all_their_names(tmp_path: Path) -> None:
    found = vendors(tmp_path, BEDROCK_ENDPOINT=NOWHERE, OPENAI_API_KEY="sk-x")
    bedrock, openai = found.providers["bedrock"], found.providers["openai"]
    for model in (HAIKU, f"eu.{HAIKU}", f"{PROFILE}eu.{HAIKU}", "amazon.titan-embed-text-v2:0"):
        assert bedrock.serves(model)
        assert found.prices.price("bedrock", model) is not None
    for model in ("gpt-4o", "gpt-5.6-luna", "claude-haiku-4-5", "made.up-v1:0"):
        assert not bedrock.serves(model)
    assert openai.serves("gpt-4o-2024-08-06")
    assert all(not model.startswith("regional.") for model in bedrock.models())
    assert all(found.prices.price("bedrock", model) for model in bedrock.models())


def test_a_model_without_a_known_price_gets_one_from_the_configuration(tmp_path: Path) -> None:
    arn = "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdefghijkl"
    assert vendors(tmp_path, BEDROCK_ENDPOINT=NOWHERE).prices.price("bedrock", arn) is None
    (tmp_path / "headgate.toml").write_text(f'[prices."bedrock/{arn}"]\ninput = 1\noutput = 2\n')
    assert vendors(tmp_path, BEDROCK_ENDPOINT=NOWHERE).prices.price("bedrock", arn) is not None


async def test_the_doctor_says_that_bedrock_does_not_answer(tmp_path: Path) -> None:
    finding = await check_vendors(settings(tmp_path, BEDROCK_ENDPOINT=NOWHERE, **KEYS))
    assert (finding.status, "bedrock: " in finding.message) == ("fail", True)
    assert "secret" not in f"{finding}"
