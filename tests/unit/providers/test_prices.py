import datetime as dt
from decimal import ROUND_CEILING, Decimal

import genai_prices
import pytest
from genai_prices import data_snapshot
from genai_prices.types import TieredPrices
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import NOON, FakeClock
from headgate.core.chat import TokenUsage
from headgate.core.money import NANO_PER_USD, NanoUSD
from headgate.core.prices import Price
from headgate.providers.prices import (
    MAX_REMEMBERED,
    REMEMBER_SECONDS,
    PackagedVendor,
    Prices,
    packaged_models,
    packaged_price,
)

OPENAI = PackagedVendor(id="openai")
MODELS = sorted(packaged_models("openai"))
CORRECTION = Price(input=1, output=2, version="correction")
FIXED = Price(input=0, output=0, version="fixed")


def price_of(model: str, vendor: PackagedVendor = OPENAI) -> Price:
    price = packaged_price(vendor, model, NOON)
    assert price is not None
    return price


def tiered(vendor_id: str) -> list[str]:
    """The models of a vendor that cost more for a larger input."""
    providers = data_snapshot.get_snapshot().providers
    vendor = data_snapshot.find_provider_by_id(providers, vendor_id)
    assert vendor is not None
    moment = dt.datetime.fromtimestamp(NOON, dt.UTC)
    return [
        model.id
        for model in vendor.models
        if any(isinstance(p, TieredPrices) for p in vars(model.get_prices(moment)).values())
        and packaged_price(PackagedVendor(id=vendor_id), model.id, NOON) is not None
    ]


def packages_cost(vendor: str, model: str, usage: TokenUsage) -> NanoUSD:
    """What the package itself makes of it, rounded up to the nano-dollar."""
    calculated = genai_prices.calc_price(
        genai_prices.Usage(
            input_tokens=usage.input_tokens,
            cache_read_tokens=usage.cached_input_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            output_tokens=usage.output_tokens,
        ),
        model,
        provider_id=vendor,
        genai_request_timestamp=dt.datetime.fromtimestamp(NOON, dt.UTC),
    )
    nano = calculated.total_price * NANO_PER_USD
    return int(nano.to_integral_value(rounding=ROUND_CEILING))


@st.composite
def usages(draw: st.DrawFn) -> TokenUsage:
    total = draw(st.integers(0, 2_000_000))
    cached = draw(st.integers(0, total))
    written = draw(st.integers(0, total - cached))
    output = draw(st.integers(0, 200_000))
    return TokenUsage(total, output, cached, written, draw(st.integers(0, output)))


@settings(deadline=None, max_examples=300)
@given(model=st.sampled_from(MODELS), usage=usages())
def test_a_call_costs_what_the_package_says_to_the_nano_dollar(
    model: str, usage: TokenUsage
) -> None:
    assert price_of(model).cost(usage) == packages_cost("openai", model, usage)


@pytest.mark.parametrize("vendor", ["openai", "google", "anthropic"])
def test_a_larger_input_costs_what_its_tier_says(vendor: str) -> None:
    """On both sides of each step, all classes of tokens."""
    models = tiered(vendor)
    assert models
    for model in models:
        price = price_of(model, PackagedVendor(id=vendor))
        assert price.tiers
        for start, _ in price.tiers:
            for tokens in (start, start + 1):
                usage = TokenUsage(tokens, 999, tokens // 3, tokens // 5)
                assert price.cost(usage) == packages_cost(vendor, model, usage), model


def test_each_class_of_cached_tokens_has_its_own_price() -> None:
    """An hour in the cache costs twice the input, five minutes a quarter more."""
    price = price_of("claude-haiku-4-5", PackagedVendor(id="anthropic"))
    dollar = NANO_PER_USD
    assert (price.input, price.output, price.cached_input) == (dollar, 5 * dollar, dollar // 10)
    assert (price.cache_write, price.cache_write_1h) == (dollar * 5 // 4, 2 * dollar)


def test_every_text_model_of_the_catalog_has_a_price_of_this_package() -> None:
    assert {"gpt-4o", "gpt-4o-mini", "o3", "text-embedding-3-small"} <= set(MODELS)
    for model in MODELS:
        price = price_of(model)
        assert price.input >= 0
        assert price.output >= 0
        assert price.version.startswith("genai-prices-")


@pytest.mark.parametrize(
    "model",
    [
        "gpt-4o-audio-preview",
        "gpt-audio",
        "gpt-4o-realtime-preview",
        "gpt-realtime",
        "gpt-4o-transcribe",
        "gpt-4o-mini-tts",
        "gpt-image-1",
        "gpt-5-image",
        "chatgpt-image-latest",
        "whisper-1",
        "tts-1",
        "no-such-model",
        "",
    ],
)
def test_what_tokens_of_text_do_not_pay_for_has_no_price_here(model: str) -> None:
    assert packaged_price(OPENAI, model, NOON) is None
    assert model not in MODELS


def test_a_model_that_costs_by_the_request_too_has_no_price_here() -> None:
    assert packaged_price(PackagedVendor(id="perplexity"), "sonar-pro", NOON) is None


def test_reasoning_has_its_own_price_where_the_package_has_one() -> None:
    vendor = PackagedVendor(id="openrouter")
    price = price_of("perplexity/sonar-deep-research", vendor)
    assert price.reasoning is not None
    assert price.reasoning != price.output


def test_texts_turned_into_vectors_have_a_price_where_images_cost_more() -> None:
    assert price_of("gemini-embedding-2", PackagedVendor(id="google")).output == 0


def test_a_dated_edition_costs_what_its_model_does_unless_it_has_its_own_price() -> None:
    assert price_of("gpt-4o-mini-2024-07-18") == price_of("gpt-4o-mini")
    assert price_of("gpt-4o-2024-08-06") == price_of("gpt-4o")
    assert price_of("gpt-4o-2024-05-13").input == 2 * price_of("gpt-4o").input


def test_a_vendor_is_found_by_the_address_it_is_called_at() -> None:
    vendor = PackagedVendor(url="https://api.deepseek.com/v1")
    assert price_of("deepseek-chat", vendor).cached_input is not None
    unknown = PackagedVendor(url="http://127.0.0.1:8000/v1")
    assert packaged_price(unknown, "deepseek-chat", NOON) is None


def test_a_vendor_that_the_package_does_not_know_has_no_models() -> None:
    assert packaged_models("nobody") == frozenset()


def test_no_model_of_the_catalog_is_only_the_beginning_of_names() -> None:
    assert not [model for model in MODELS if model.endswith("-")]


def test_a_correction_beats_the_package_and_one_for_the_vendor_beats_one_for_the_model() -> None:
    prices = Prices(
        {
            "gpt-4o": CORRECTION,
            "other/gpt-4o": Price(input=3, output=4, version="other's"),
            "fixed/free": Price(input=5, output=6, version="not free"),
        },
        {"fixed": FIXED},
        {"openai": OPENAI},
        clock=FakeClock(),
    )

    def version(provider: str, model: str) -> str | None:
        price = prices.price(provider, model)
        return None if price is None else price.version

    assert version("openai", "gpt-4o") == "correction"
    assert version("other", "gpt-4o") == "other's"
    assert version("fixed", "free") == "not free"
    assert version("fixed", "anything") == "fixed"
    assert (version("openai", "gpt-4o-mini") or "").startswith("genai-prices-")
    assert version("openai", "nothing") is None
    assert version("nobody", "gpt-4o-mini") is None


def test_a_price_is_looked_up_again_after_a_while() -> None:
    """Prices of some models depend on the time of day; a clock that is set back stops nothing."""
    corrections: dict[str, Price] = {}
    clock = FakeClock()
    prices = Prices(corrections, {}, {}, clock=clock)
    assert prices.price("v", "m") is None
    corrections["m"] = CORRECTION
    clock.advance(REMEMBER_SECONDS)
    assert prices.price("v", "m") is None
    clock.advance(1)
    assert prices.price("v", "m") == CORRECTION
    corrections.clear()
    clock.advance(-3_600)
    assert prices.price("v", "m") is None


def test_names_that_callers_make_up_do_not_fill_the_memory() -> None:
    prices = Prices({}, {}, {}, clock=FakeClock())
    for number in range(2 * MAX_REMEMBERED + 10):
        assert prices.price("v", f"m{number}") is None
    assert len(prices._remembered) <= MAX_REMEMBERED


def test_a_price_is_exact_where_dollars_have_decimals() -> None:
    price = price_of("gpt-4o-mini")
    assert price.input == Decimal("0.15") * NANO_PER_USD
    assert price.cached_input == Decimal("0.075") * NANO_PER_USD
