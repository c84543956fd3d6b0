"""What counts in OpenAI's protocol cost, to the nano-dollar; by hand from the published prices.

The bodies have the shapes of OpenAI's own editions and of vendors that count in other ways: with
and without details, with null, with cached tokens under another name, with reasoning left out of
the completion.
"""

from typing import Any

import pytest

from fakes import NOON
from headgate.providers.prices import PackagedVendor, packaged_price
from wire.usage_bodies import of_openai

OPENAI, AZURE = PackagedVendor(id="openai"), PackagedVendor(id="azure")
DEEPSEEK = PackagedVendor(url="https://api.deepseek.com/v1")
XAI = PackagedVendor(url="https://api.x.ai/v1")
GROQ = PackagedVendor(url="https://api.groq.com/openai/v1")
OPENROUTER = PackagedVendor(url="https://openrouter.ai/api/v1")
MISTRAL = PackagedVendor(url="https://api.mistral.ai/v1")
PLAIN = {"prompt_tokens": 1_000, "completion_tokens": 200, "total_tokens": 1_200}
CACHED = {
    "prompt_tokens": 1_200,
    "completion_tokens": 40,
    "total_tokens": 1_240,
    "prompt_tokens_details": {"cached_tokens": 1_024, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": 12,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
}
# Another 40 than the completion were thought.
OUTSIDE = {
    "prompt_tokens": 20,
    "completion_tokens": 8,
    "total_tokens": 68,
    "completion_tokens_details": {"reasoning_tokens": 40},
}


def long(prompt: int) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": 10,
        "total_tokens": prompt + 10,
        "prompt_tokens_details": {"cached_tokens": 200_000, "cache_write_tokens": 1_000},
    }


CORPUS: list[tuple[PackagedVendor, str, dict[str, Any], int]] = [
    # 1,000 x $0.15 and 200 x $0.60, each per million
    (OPENAI, "gpt-4o-mini", PLAIN, 270_000),
    (AZURE, "gpt-4o-mini", PLAIN, 270_000),
    (OPENAI, "gpt-4o-mini", PLAIN | {"prompt_tokens_details": None}, 270_000),
    # 176 x $0.15, 1,024 x $0.075 and 40 x $0.60; the 12 hidden ones are among the 40
    (OPENAI, "gpt-4o-mini", CACHED, 127_200),
    (AZURE, "gpt-4o-mini", CACHED, 127_200),
    # 1,000 x $1.10 and 900 x $4.40, most of them hidden
    (
        OPENAI,
        "o3-mini",
        {
            "prompt_tokens": 1_000,
            "completion_tokens": 900,
            "total_tokens": 1_900,
            "completion_tokens_details": {"reasoning_tokens": 832},
        },
        5_060_000,
    ),
    # 500 x $2.50 and 300 x $10: predictions that were not taken are output too
    (
        OPENAI,
        "gpt-4o",
        {
            "prompt_tokens": 500,
            "completion_tokens": 300,
            "total_tokens": 800,
            "completion_tokens_details": {
                "accepted_prediction_tokens": 100,
                "rejected_prediction_tokens": 150,
            },
        },
        4_250_000,
    ),
    # 1,105 x $2.50 and 10 x $10: what an image counts costs what text costs
    (
        OPENAI,
        "gpt-4o",
        {
            "prompt_tokens": 1_105,
            "completion_tokens": 10,
            "total_tokens": 1_115,
            "prompt_tokens_details": {
                "cached_tokens": 0,
                "image_tokens": 1_100,
                "text_tokens": 5,
            },
        },
        2_862_500,
    ),
    # 1,000 x $0.10, 4,000 from the cache x $0.01, 5,000 written to it x $0.125, and 100 x $0.50
    (
        OPENAI,
        "gpt-6-luna",
        {
            "prompt_tokens": 10_000,
            "completion_tokens": 100,
            "total_tokens": 10_100,
            "prompt_tokens_details": {"cached_tokens": 4_000, "cache_write_tokens": 5_000},
        },
        815_000,
    ),
    # 71,000 x $0.10, 200,000 x $0.01, 1,000 x $0.125 and 10 x $0.50
    (OPENAI, "gpt-6-luna", long(272_000), 9_230_000),
    # one token more, and all cost more: 71,001 x $0.20, 200,000 x $0.02, 1,000 x $0.25, 10 x $0.75
    (OPENAI, "gpt-6-luna", long(272_001), 18_457_700),
    # vectors have no output: 1,000 x $0.02
    (OPENAI, "text-embedding-3-small", {"prompt_tokens": 1_000, "total_tokens": 1_000}, 20_000),
    (OPENAI, "text-embedding-3-small", {"total_tokens": 1_000}, 20_000),
    # 6 x $0.27, 64 x $0.07 and 1 x $1.10
    (
        DEEPSEEK,
        "deepseek-chat",
        {
            "prompt_tokens": 70,
            "completion_tokens": 1,
            "total_tokens": 71,
            "prompt_cache_hit_tokens": 64,
            "prompt_cache_miss_tokens": 6,
        },
        7_200,
    ),
    # 20 x $3 and 48 x $15
    (XAI, "grok-3", OUTSIDE, 780_000),
    # 9 x $0.59 and 2 x $0.79
    (
        GROQ,
        "llama-3.3-70b-versatile",
        {"queue_time": 0.01, "prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
        6_890,
    ),
    # 30 x $2.50 and 4 x $10; what was written to the cache has no price of its own
    (
        OPENROUTER,
        "openai/gpt-4o",
        {
            "prompt_tokens": 30,
            "completion_tokens": 4,
            "total_tokens": 34,
            "cost": 0.0001,
            "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 20},
        },
        115_000,
    ),
    # 5 x $0.15 and 2 x $0.60
    (
        MISTRAL,
        "mistral-small-latest",
        {"prompt_tokens": 5, "total_tokens": 7, "completion_tokens": 2},
        1_950,
    ),
]


@pytest.mark.parametrize(("vendor", "model", "usage", "nano_dollars"), CORPUS)
async def test_each_token_is_billed_once_in_its_class(
    vendor: PackagedVendor, model: str, usage: dict[str, Any], nano_dollars: int
) -> None:
    """The same for a whole answer and for a stream."""
    price = packaged_price(vendor, model, NOON)
    assert price is not None
    counted = await of_openai(model, usage)
    assert counted.whole is not None
    assert price.cost(counted.whole) == nano_dollars
    assert counted.streamed == counted.whole
