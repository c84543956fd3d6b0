"""What Bedrock's counts cost, to the nano-dollar; worked out by hand from the published prices.

Models are named bare, by the profile of a region, by the global one, and by an ARN.
"""

from typing import Any

import pytest

from fakes import NOON
from headgate.providers.bedrock_models import packaged_name
from headgate.providers.prices import PackagedVendor, packaged_price
from wire.usage_bodies import of_bedrock

BEDROCK = PackagedVendor(id="aws", known_as=packaged_name)
HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
ARN = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/"
FOUNDATION = "arn:aws:bedrock:us-east-1::foundation-model/"
NOVA = "amazon.nova-micro-v1:0"
PLAIN = {"inputTokens": 2_000, "outputTokens": 500, "totalTokens": 2_500}
CACHED = {
    "inputTokens": 21,
    "outputTokens": 393,
    "totalTokens": 188_500,
    "cacheReadInputTokens": 188_086,
}
WRITTEN = {
    "inputTokens": 0,
    "outputTokens": 100,
    "totalTokens": 1_100,
    "cacheReadInputTokens": 0,
    "cacheWriteInputTokens": 1_000,
    "cacheDetails": [{"ttl": "1h", "inputTokens": 400}, {"ttl": "5m", "inputTokens": 600}],
}

CORPUS: list[tuple[str, dict[str, Any], int]] = [
    # A region's profile costs a tenth more than the global one.
    (f"eu.{HAIKU}", PLAIN, 4_950_000),
    (HAIKU, PLAIN, 4_950_000),
    (f"global.{HAIKU}", PLAIN, 4_500_000),
    (f"{ARN}us.{HAIKU}", PLAIN, 4_950_000),
    (f"{ARN}global.{HAIKU}", PLAIN, 4_500_000),
    (f"{FOUNDATION}{HAIKU}", PLAIN, 4_950_000),
    (f"global.{HAIKU}", CACHED, 20_794_600),
    (f"eu.{HAIKU}", CACHED, 22_874_060),
    (f"global.{HAIKU}", WRITTEN, 2_050_000),
    (NOVA, PLAIN, 140_000),
    (f"eu.{NOVA}", PLAIN, 140_000),
    (f"{ARN}eu.{NOVA}", CACHED, 1_701_508),
]


@pytest.mark.parametrize(("model", "usage", "nano_dollars"), CORPUS)
async def test_each_count_costs_what_the_vendor_charges(
    model: str, usage: dict[str, Any], nano_dollars: int
) -> None:
    """The same for a whole answer and for a stream."""
    price = packaged_price(BEDROCK, model, NOON)
    assert price is not None
    counted = await of_bedrock(model, usage)
    assert counted.whole is not None
    assert price.cost(counted.whole) == nano_dollars
    assert counted.streamed == counted.whole


@pytest.mark.parametrize(
    "model",
    [f"arn:aws:bedrock:us-east-1:1:custom-model/us.{NOVA}/abc", f"x/us.{NOVA}", "made.up-v1:0"],
)
def test_a_name_that_says_nothing_about_its_price_has_none(model: str) -> None:
    """Though it may hold the name of a model that has one."""
    assert packaged_price(BEDROCK, model, NOON) is None
