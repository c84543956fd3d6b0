"""What Cohere's counts cost, to the nano-dollar; worked out by hand from the published prices.

Billed are the vendor's billed units, not all tokens that the model saw. The bodies have the shapes
of several editions of the protocol: with and without what the cache held, and without either count.
"""

from typing import Any

import pytest

from fakes import NOON
from headgate.providers.prices import PackagedVendor, packaged_price
from wire.usage_bodies import of_cohere

COHERE = PackagedVendor(id="cohere")
SMALL, LARGE = "command-r7b-12-2024", "command-a-03-2025"
SEEN = {"input_tokens": 2_495.0, "output_tokens": 1_003.0}
BILLED = {"input_tokens": 2_000.0, "output_tokens": 1_000.0}

CORPUS: list[tuple[str, dict[str, Any], int]] = [
    # 2,000 x $0.0375 and 1,000 x $0.15
    (SMALL, {"billed_units": BILLED, "tokens": SEEN}, 225_000),
    # 2,000 x $2.50 and 1,000 x $10
    (LARGE, {"billed_units": BILLED, "tokens": SEEN}, 15_000_000),
    # the cache has no price of its own, and holds more than what is billed
    (LARGE, {"billed_units": BILLED, "tokens": SEEN, "cached_tokens": 2_400.0}, 15_000_000),
    # other units that a call for text does not have
    (SMALL, {"billed_units": BILLED | {"search_units": 1, "classifications": None}}, 225_000),
    # only the tokens: 2,495 and 1,003
    (SMALL, {"tokens": SEEN}, 244_013),
]


@pytest.mark.parametrize(("model", "usage", "cost"), CORPUS)
async def test_what_is_billed_is_billed_once(model: str, usage: dict[str, Any], cost: int) -> None:
    """The same for a whole answer and for a stream."""
    price = packaged_price(COHERE, model, NOON)
    assert price is not None
    counted = await of_cohere(model, usage)
    assert counted.whole is not None
    assert price.cost(counted.whole) == cost
    assert counted.streamed == counted.whole
