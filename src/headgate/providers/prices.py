"""What models cost: corrections first, then what a platform's own models cost, then the package.

Vendors' prices come from the package `genai-prices`, whose version stands on every usage event.
"""

import datetime as dt
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from importlib.metadata import version
from typing import Any

from headgate.core.money import NANO_PER_USD
from headgate.core.prices import Price
from headgate.providers.price_table.table import price_table, prices_at
from headgate.providers.price_table.types import ModelInfo, ModelPrice, TieredPrices

# Some prices depend on the time of day, so they are looked up again this often.
REMEMBER_SECONDS = 60.0
MAX_REMEMBERED = 10_000

_CLASSES = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cached_input": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "reasoning": "output_reasoning_mtok",
}
# What costs extra only where a request asks for it, in ways that are not taken here.
_OPTIONS = (
    "web_searches_kcount",
    "storage_searches_kcount",
    "input_audio_mtok",
    "cache_audio_read_mtok",
)
# Only texts are turned into vectors, so what other input costs does not matter to such a model.
_OTHER_INPUT = ("input_image_mtok", "input_video_mtok")
_KNOWN = frozenset(_CLASSES.values()).union(_OPTIONS)
_KNOWN_OF_VECTORS = _KNOWN.union(_OTHER_INPUT)
# The package has one price for some models whose tokens of sound and image cost more than text.
_OTHER_MEDIA = re.compile(r"(?:^|[-/:])(?:audio|image|realtime|transcribe|tts)(?:[-/:@]|$)")


def _as_it_is(model: str) -> str:
    return model


@dataclass(frozen=True, slots=True)
class PackagedVendor:
    """A vendor as `genai-prices` knows it: by its id, or by the address it is called at.

    `known_as` gives the package's name of a model, or None where the package cannot know it.
    """

    id: str | None = None
    url: str | None = None
    known_as: Callable[[str], str | None] = _as_it_is


@dataclass(slots=True)
class Prices:
    """The prices of all vendors.

    Attributes:
        corrections: by model or `vendor/model`, from the configuration.
        fixed: by vendor, where all its models cost the same.
        packaged: by vendor, where the package knows its prices.
    """

    corrections: Mapping[str, Price]
    fixed: Mapping[str, Price]
    packaged: Mapping[str, PackagedVendor]
    clock: Callable[[], float] = time.time
    _remembered: dict[tuple[str, str], tuple[float, Price | None]] = field(default_factory=dict)

    def price(self, provider: str, model: str) -> Price | None:
        """The price in force of a vendor's model, or None where none is known."""
        now = self.clock()
        known = self._remembered.get((provider, model))
        if known is None or not 0 <= now - known[0] <= REMEMBER_SECONDS:
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()  # callers can ask for any name
            known = self._remembered[provider, model] = (now, self._find(provider, model, now))
        return known[1]

    def _find(self, provider: str, model: str, now: float) -> Price | None:
        for name in (f"{provider}/{model}", model):
            if name in self.corrections:
                return self.corrections[name]
        if provider in self.fixed:
            return self.fixed[provider]
        vendor = self.packaged.get(provider)
        return None if vendor is None else packaged_price(vendor, model, now)


def packaged_models(vendor_id: str) -> frozenset[str]:
    """The ids of a vendor's models that answer in text, or in vectors, for tokens alone."""
    now = time.time()
    vendor = price_table().vendors.get(vendor_id)
    if vendor is None:
        return frozenset()
    found = PackagedVendor(id=vendor_id)
    return frozenset(
        model.id
        for model in vendor.models
        # An id that ends in a dash is the beginning of many.
        if not model.id.endswith("-") and packaged_price(found, model.id, now) is not None
    )


def packaged_price(vendor: PackagedVendor, model: str, now: float) -> Price | None:
    """The package's price of a model at a moment, in Unix seconds.

    None where the package has none, or a call costs more than the tokens that are counted here.
    """
    found = packaged_model(vendor, model)
    if found is None or _OTHER_MEDIA.search(found.id):
        return None
    return _price(prices_at(found, dt.datetime.fromtimestamp(now, dt.UTC)))


def packaged_model(vendor: PackagedVendor, model: str) -> ModelInfo | None:
    """What the package knows of a vendor's model, if anything."""
    name, table = vendor.known_as(model), price_table()
    found = table.vendor(vendor.id, vendor.url)
    return None if name is None or found is None else table.model(found, name)


def _price(prices: ModelPrice) -> Price | None:
    given: dict[str, Any] = {
        name: value for name, value in vars(prices).items() if value is not None
    }
    known = _KNOWN if "output_mtok" in given else _KNOWN_OF_VECTORS
    if "input_mtok" not in given or not given.keys() <= known:
        return None
    starts = {
        tier.start
        for value in given.values()
        if not isinstance(value, Decimal)
        for tier in value.tiers
    }
    return Price(
        **_classes(given, 0),
        version=_VERSION,
        tiers=tuple(
            (start, Price(**_classes(given, start + 1), version=_VERSION))
            for start in sorted(starts)
        ),
    )


def _classes(given: Mapping[str, Any], input_tokens: int) -> dict[str, Any]:
    """The price of each class of tokens for an input of this size."""
    found = {
        ours: _nano(_at(given[theirs], input_tokens))
        for ours, theirs in _CLASSES.items()
        if theirs in given
    }
    return {"output": 0} | found


def _at(value: Decimal | TieredPrices, input_tokens: int) -> Decimal:
    if isinstance(value, Decimal):
        return value
    price = value.base
    for tier in value.tiers:
        if input_tokens > tier.start:
            price = tier.price
    return price


def _nano(dollars: Decimal) -> int:
    """Nano-dollars per million tokens, rounded up where a price is finer than that."""
    return -int(-dollars * NANO_PER_USD // 1)


_VERSION = f"genai-prices-{version('genai-prices')}"
