"""What Anthropic's counts cost, to the nano-dollar; worked out by hand from the published prices.

The bodies have the shapes of several editions of the protocol: with and without the breakdown of
what was written to the cache, with null for what was not used, and with classes of output.
"""

from typing import Any

import msgspec
import pytest

from fakes import NOON
from headgate.core.protocols.anthropic import PROTOCOL
from headgate.core.protocols.anthropic_answers import usage_item
from headgate.providers.prices import PackagedVendor, packaged_price
from wire.usage_bodies import of_anthropic

ANTHROPIC = PackagedVendor(id=PROTOCOL)
HAIKU, OPUS, SONNET = "claude-haiku-4-5", "claude-opus-4-5", "claude-sonnet-4-5"
READ = {"input_tokens": 21, "cache_read_input_tokens": 188_086, "output_tokens": 393}

CORPUS: list[tuple[str, dict[str, Any], int]] = [
    (HAIKU, {"input_tokens": 2_095, "output_tokens": 503}, 4_610_000),
    (
        HAIKU,
        {
            "input_tokens": 21,
            "cache_creation_input_tokens": 188_086,
            "cache_read_input_tokens": 0,
            "cache_creation": {
                "ephemeral_5m_input_tokens": 188_086,
                "ephemeral_1h_input_tokens": 0,
            },
            "output_tokens": 393,
            "service_tier": "standard",
        },
        237_093_500,
    ),
    (
        HAIKU,
        {"input_tokens": 21, "cache_creation_input_tokens": 188_086, "output_tokens": 393},
        237_093_500,
    ),
    (HAIKU, READ, 20_794_600),
    (OPUS, READ, 103_973_000),
    (
        HAIKU,
        {
            "input_tokens": 2_048,
            "cache_read_input_tokens": 1_800,
            "cache_creation_input_tokens": 248,
            "cache_creation": {"ephemeral_5m_input_tokens": 148, "ephemeral_1h_input_tokens": 100},
            "output_tokens": 503,
        },
        5_128_000,
    ),
    (
        HAIKU,
        {
            "input_tokens": 10,
            "output_tokens": 1_000,
            "output_tokens_details": {"thinking_tokens": 900},
        },
        5_010_000,
    ),
    (
        HAIKU,
        {
            "input_tokens": 10,
            "cache_creation_input_tokens": None,
            "cache_read_input_tokens": None,
            "cache_creation": None,
            "output_tokens": 1,
            "server_tool_use": None,
        },
        15_000,
    ),
    # Beyond 200,000 tokens of input, cached ones included, every token costs more.
    (SONNET, {"input_tokens": 100_000, "output_tokens": 10}, 300_150_000),
    (
        SONNET,
        {"input_tokens": 100_001, "cache_read_input_tokens": 100_000, "output_tokens": 10},
        660_231_000,
    ),
]


@pytest.mark.parametrize(("model", "usage", "nano_dollars"), CORPUS)
async def test_each_count_costs_what_the_vendor_charges(
    model: str, usage: dict[str, Any], nano_dollars: int
) -> None:
    """The same for a whole answer and for a stream."""
    price = packaged_price(ANTHROPIC, model, NOON)
    assert price is not None
    counted = await of_anthropic(model, usage)
    assert counted.whole is not None
    assert price.cost(counted.whole) == nano_dollars
    assert counted.streamed == counted.whole


@pytest.mark.parametrize(("model", "usage", "nano_dollars"), CORPUS)
async def test_a_count_that_is_written_again_is_the_same(
    model: str, usage: dict[str, Any], nano_dollars: int
) -> None:
    counted = await of_anthropic(model, usage)
    assert counted.whole is not None
    assert await of_anthropic(model, msgspec.to_builtins(usage_item(counted.whole))) == counted
