"""Bedrock as the settings name it; a part of `vendors`."""

from collections.abc import Callable

from headgate.bootstrap.aws_identity import bedrock_credentials, speaks_to_bedrock
from headgate.providers.bedrock import BedrockProvider, BedrockVendor
from headgate.providers.bedrock_models import is_bedrocks
from headgate.providers.prices import packaged_models
from headgate.settings import Settings
from headgate.transport.http import HttpClient

DEFAULT_REGION = "us-east-1"
PACKAGE = "aws"
# Documented maxima of output tokens, by the beginning of an id without its region, besides those
# of Anthropic's models, which are the same here as there.
OUTPUT_TOKENS = {
    "amazon.nova": 10_000,
    "amazon.nova-2": 64_000,
    "amazon.titan-text-express": 8_192,
    "amazon.titan-text-lite": 4_096,
    "anthropic.claude": 32_000,
    "anthropic.claude-instant": 4_096,
    "anthropic.claude-3-5-sonnet-20240620": 4_096,
    "meta.llama3": 2_048,
    "meta.llama4": 8_192,
    "mistral.mixtral-8x7b": 4_096,
    "mistral.mistral": 8_192,
    "openai.gpt-oss": 16_384,
}
# What `auto` may pick, of the profile of a part of the world and of the one of all of it.
REGIONAL = ("amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0")
GLOBAL = ("anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic.claude-sonnet-4-5-20250929-v1:0")
EMBEDDING = "amazon.titan-embed-text-v2:0"
# Most models are served by the inference profile of a part of the world alone.
_PROFILES = {"us": "us.", "eu": "eu.", "ap": "apac."}
# The package's mark of prices that hold for the profiles of all regions.
_REGIONAL = "regional."


def bedrock_region(settings: Settings) -> str:
    """The region whose Bedrock is called."""
    return settings.aws_region or DEFAULT_REGION


def everyday_models(settings: Settings) -> tuple[str, ...]:
    """What `auto` may pick, if anything.

    AWS credentials that DynamoDB needs say nothing about Bedrock: there its address must be set.
    """
    is_meant = settings.bedrock_endpoint is not None or settings.store != "dynamodb"
    if not (is_meant and speaks_to_bedrock(settings)):
        return ()
    region = bedrock_region(settings)
    profile = "" if region.startswith("us-gov") else _PROFILES.get(region.partition("-")[0], "")
    return (
        *(profile + model for model in REGIONAL),
        *(f"global.{model}" for model in GLOBAL),
    )


def bedrock_provider(
    settings: Settings,
    client: HttpClient,
    *,
    recognises: Callable[[str], bool],
    output_tokens: dict[str, int],
) -> BedrockProvider:
    """Bedrock in its region.

    `recognises` says whether an id of Bedrock's form is nobody else's and has a price,
    `output_tokens` what Anthropic's models give at most.
    """
    region = bedrock_region(settings)
    claude = {f"anthropic.{name}": tokens for name, tokens in output_tokens.items()}
    vendor = BedrockVendor(
        name="bedrock",
        endpoint=settings.bedrock_endpoint or f"https://bedrock-runtime.{region}.amazonaws.com",
        region=region,
        credentials=bedrock_credentials(settings, client),
        catalog=frozenset(name.removeprefix(_REGIONAL) for name in packaged_models(PACKAGE)),
        recognises=lambda model: is_bedrocks(model) and recognises(model),
        output_tokens=claude | OUTPUT_TOKENS,
    )
    return BedrockProvider(vendor, client)
