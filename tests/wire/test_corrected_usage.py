"""Every vendor's own count at a price from `headgate.toml`, with a price for every class of tokens.

Each class costs something else, so that a token which is left out, or counted twice, shows.
"""

from decimal import Decimal
from typing import Any

import pytest

from headgate.configuration import PriceCorrection
from headgate.core.money import NanoUSD
from headgate.providers.prices import Prices
from wire.usage_bodies import PROTOCOLS

MODEL = "any"
CORRECTION = PriceCorrection(
    input=Decimal(3),
    output=Decimal(15),
    cached_input=Decimal("0.3"),
    cache_write=Decimal("3.75"),
    cache_write_1h=Decimal(6),
    reasoning=Decimal(20),
)
OPENAIS = {
    "prompt_tokens": 1_000,
    "completion_tokens": 100,
    "total_tokens": 1_100,
    "prompt_tokens_details": {"cached_tokens": 300, "cache_write_tokens": 200},
    "completion_tokens_details": {"reasoning_tokens": 40},
}

CORPUS: list[tuple[str, dict[str, Any], NanoUSD]] = [
    # 500 x 3,000 + 300 x 300 + 200 x 3,750 + 60 x 15,000 + 40 x 20,000
    ("openai", OPENAIS, 4_040_000),
    ("azure", OPENAIS, 4_040_000),
    # 500 x 3,000 + 300 x 300 + 150 x 3,750 + 50 x 6,000 + 60 x 15,000 + 40 x 20,000
    (
        "anthropic",
        {
            "input_tokens": 500,
            "cache_read_input_tokens": 300,
            "cache_creation_input_tokens": 200,
            "cache_creation": {"ephemeral_5m_input_tokens": 150, "ephemeral_1h_input_tokens": 50},
            "output_tokens": 100,
            "output_tokens_details": {"thinking_tokens": 40},
        },
        4_152_500,
    ),
    # 500 x 3,000 + 300 x 300 + 150 x 3,750 + 50 x 6,000 + 100 x 15,000: it tells of no thoughts
    (
        "bedrock",
        {
            "inputTokens": 500,
            "outputTokens": 100,
            "totalTokens": 1_100,
            "cacheReadInputTokens": 300,
            "cacheWriteInputTokens": 200,
            "cacheDetails": [{"ttl": "1h", "inputTokens": 50}, {"ttl": "5m", "inputTokens": 150}],
        },
        3_952_500,
    ),
    # 700 x 3,000 + 300 x 300 + 60 x 15,000 + 40 x 20,000: a cache is written by other calls
    (
        "gemini",
        {
            "promptTokenCount": 950,
            "toolUsePromptTokenCount": 50,
            "cachedContentTokenCount": 300,
            "candidatesTokenCount": 60,
            "thoughtsTokenCount": 40,
            "totalTokenCount": 1_100,
        },
        3_890_000,
    ),
    # 700 x 3,000 + 300 x 300 + 100 x 15,000: thoughts are output like any other
    (
        "cohere",
        {
            "billed_units": {"input_tokens": 1_000, "output_tokens": 100},
            "tokens": {"input_tokens": 1_490, "output_tokens": 110},
            "cached_tokens": 300,
        },
        3_690_000,
    ),
]


@pytest.mark.parametrize(("vendor", "usage", "nano_dollars"), CORPUS)
async def test_each_class_costs_what_the_correction_says(
    vendor: str, usage: dict[str, Any], nano_dollars: NanoUSD
) -> None:
    price = Prices({f"{vendor}/{MODEL}": CORRECTION.price}, {}, {}).price(vendor, MODEL)
    assert price is not None
    counted = await PROTOCOLS[vendor](MODEL, usage)
    assert counted.whole is not None
    assert price.cost(counted.whole) == nano_dollars
    assert counted.streamed == counted.whole


@pytest.mark.parametrize("vendor", PROTOCOLS)
async def test_no_vendors_count_is_ever_less_than_nothing_or_more_than_all(vendor: str) -> None:
    """Details that contradict the sum cost no more than every token in its dearest class."""
    _, usage, _ = next(row for row in CORPUS if row[0] == vendor)
    for changed in (_scaled(usage, -1), _with_details(usage, 10_000)):
        counted = await PROTOCOLS[vendor](MODEL, changed)
        if counted.whole is not None:
            tokens = counted.whole
            ceiling = CORRECTION.price.ceiling(tokens.input_tokens, tokens.output_tokens)
            assert 0 <= CORRECTION.price.cost(tokens) <= ceiling


def _scaled(usage: Any, factor: int) -> Any:
    if isinstance(usage, dict):
        return {name: _scaled(value, factor) for name, value in usage.items()}
    if isinstance(usage, list):
        return [_scaled(value, factor) for value in usage]
    return usage * factor if isinstance(usage, int) else usage


def _with_details(usage: dict[str, Any], tokens: int) -> dict[str, Any]:
    """The count with details of other sums than its own."""
    return {
        name: dict.fromkeys(value, tokens) if isinstance(value, dict) else value
        for name, value in usage.items()
    }
