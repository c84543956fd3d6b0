import pytest

from headgate.providers.bedrock_models import base_name, claude_name, is_bedrocks, packaged_name

PROFILE = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/"
FOUNDATION = "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/"


@pytest.mark.parametrize(
    ("model", "base", "claude"),
    [
        ("amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0", None),
        ("eu.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0", None),
        (
            "apac.anthropic.claude-3-7-sonnet-20250219-v1:0",
            "anthropic.claude-3-7-sonnet-20250219-v1:0",
            "claude-3-7-sonnet-20250219",
        ),
        ("us-gov.anthropic.claude-opus-5", "anthropic.claude-opus-5", "claude-opus-5"),
        (
            f"{PROFILE}global.anthropic.claude-opus-4-6-v1",
            "anthropic.claude-opus-4-6-v1",
            "claude-opus-4-6",
        ),
        (f"{FOUNDATION}anthropic.claude-v2:1", "anthropic.claude-v2:1", "claude"),
    ],
)
def test_a_model_is_the_same_in_every_region(model: str, base: str, claude: str | None) -> None:
    assert base_name(model) == base
    assert claude_name(model) == claude
    assert is_bedrocks(model)


@pytest.mark.parametrize(
    "model",
    [
        "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdefghijkl",
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc",
        "arn:aws:bedrock:us-east-1:1:custom-model/us.amazon.nova-lite-v1:0/abc",
        "arn:aws:sagemaker:us-east-1:1:endpoint/amazon",
        "../us.amazon.nova-lite-v1:0",
        "us.amazon.nova-lite-v1:0?x",
        "",
    ],
)
def test_what_says_nothing_about_its_price_has_no_name_there(model: str) -> None:
    assert packaged_name(model) is None
    assert not is_bedrocks(model)


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-5.6-luna", "claude-haiku-4-5", "o3", "local"])
def test_other_vendors_models_are_not_bedrocks(model: str) -> None:
    assert not is_bedrocks(model)


def test_a_price_is_looked_up_with_the_region_since_it_may_depend_on_it() -> None:
    assert packaged_name(f"{PROFILE}eu.amazon.nova-lite-v1:0") == "eu.amazon.nova-lite-v1:0"
    assert packaged_name("eu.amazon.nova-lite-v1:0") == "eu.amazon.nova-lite-v1:0"
