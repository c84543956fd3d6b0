"""What is known of models."""

import pytest

from headgate.core.models import Profile
from headgate.providers.bedrock_models import packaged_name
from headgate.providers.prices import PackagedVendor
from headgate.providers.profiles import PROFILES, profile_of

OPENAI = PackagedVendor(id="openai")


@pytest.mark.parametrize(
    "model", ["gpt-4o-mini", "gpt-4.1-nano", "claude-haiku-4-5", "gemini-3.1-flash-lite"]
)
def test_everyday_models_have_a_row(model: str) -> None:
    known = profile_of(None, model)
    assert {"images", "tools", "schema"} <= known.has
    assert known.window is not None


def test_coheres_everyday_models_call_tools_and_see_nothing() -> None:
    known = profile_of(None, "command-r7b-12-2024")
    assert {"tools", "schema", "json"} == known.has
    assert "images" in known.lacks


def test_an_edition_of_a_model_can_do_what_the_model_can() -> None:
    assert profile_of(None, "gpt-4o-mini-2024-07-18") == PROFILES["gpt-4o-mini"]


def test_the_package_knows_windows_that_have_no_row() -> None:
    found = profile_of(OPENAI, "o3-mini")
    assert found.window is not None
    assert (found.has, found.lacks) == (frozenset(), frozenset())


def test_of_an_unknown_model_nothing_is_known() -> None:
    assert profile_of(OPENAI, "made-up") == profile_of(None, "made-up") == Profile()


def test_no_row_says_yes_and_no() -> None:
    for row in PROFILES.values():
        assert not row.has & row.lacks


def test_bedrocks_models_are_known_by_their_makers_names() -> None:
    bedrock = PackagedVendor(id="aws", known_as=packaged_name)
    for model in (
        "eu.anthropic.claude-haiku-4-5-20251001-v1:0",
        "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
    ):
        assert profile_of(bedrock, model) == profile_of(None, "claude-haiku-4-5")
    assert "schema" in profile_of(bedrock, "us.amazon.nova-lite-v1:0").lacks
    opaque = "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdefghijkl"
    assert profile_of(bedrock, opaque) == Profile()


@pytest.mark.parametrize(
    ("model", "style"),
    [
        ("claude-haiku-4-5", "xml"),
        ("claude-never-heard-of", "xml"),
        ("eu.anthropic.claude-haiku-4-5-20251001-v1:0", "xml"),
        ("gpt-4o", "headings"),
        ("made-up", "headings"),
    ],
)
def test_claude_reads_xml_wherever_it_is_served(model: str, style: str) -> None:
    assert profile_of(None, model).style == style
