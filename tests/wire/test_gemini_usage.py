"""What Gemini's counts cost, to the nano-dollar; worked out by hand from the published prices.

The bodies have the shapes of several editions of the protocol: with and without thoughts, with
what the cache held, with the breakdown by kind of content, and with null for what was not used.
"""

from typing import Any

import pytest

from fakes import NOON
from headgate.providers.prices import PackagedVendor, packaged_price
from wire.usage_bodies import of_gemini

GOOGLE = PackagedVendor(id="google")
LITE, PRO = "gemini-3.1-flash-lite", "gemini-2.5-pro"
TEXT = {"modality": "TEXT", "tokenCount": 1_000}

CORPUS: list[tuple[str, dict[str, Any], int]] = [
    # 1,000 x $0.25 and 200 x $1.50
    (LITE, {"promptTokenCount": 1_000, "candidatesTokenCount": 200}, 550_000),
    # 300 thoughts more, which cost what other output costs
    (
        LITE,
        {
            "promptTokenCount": 1_000,
            "candidatesTokenCount": 200,
            "thoughtsTokenCount": 300,
            "totalTokenCount": 1_500,
            "promptTokensDetails": [TEXT],
        },
        1_000_000,
    ),
    # 900 of the 1,000 from the cache, at $0.025, each counted once
    (
        LITE,
        {
            "promptTokenCount": 1_000,
            "cachedContentTokenCount": 900,
            "candidatesTokenCount": 200,
            "thoughtsTokenCount": None,
            "cacheTokensDetails": [TEXT | {"tokenCount": 900}],
        },
        347_500,
    ),
    # 50 that the vendor's own tools brought along
    (
        LITE,
        {"promptTokenCount": 950, "toolUsePromptTokenCount": 50, "candidatesTokenCount": 200},
        550_000,
    ),
    # a prompt that was blocked
    (LITE, {"promptTokenCount": 1_000, "totalTokenCount": 1_000}, 250_000),
    # $1.25, $0.125 and $10, until the input passes 200,000 and all its tokens cost more
    (
        PRO,
        {
            "promptTokenCount": 200_000,
            "cachedContentTokenCount": 100_000,
            "candidatesTokenCount": 1_000,
            "thoughtsTokenCount": 1_000,
        },
        157_500_000,
    ),
    (
        PRO,
        {
            "promptTokenCount": 200_001,
            "cachedContentTokenCount": 100_001,
            "candidatesTokenCount": 1_000,
            "thoughtsTokenCount": 1_000,
        },
        305_000_250,
    ),
]


@pytest.mark.parametrize(("model", "usage", "cost"), CORPUS)
async def test_each_token_is_billed_once_in_its_class(
    model: str, usage: dict[str, Any], cost: int
) -> None:
    """The same for a whole answer and for a stream."""
    price = packaged_price(GOOGLE, model, NOON)
    assert price is not None
    counted = await of_gemini(model, usage)
    assert counted.whole is not None
    assert price.cost(counted.whole) == cost
    assert counted.streamed == counted.whole
