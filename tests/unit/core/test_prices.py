"""Prices: each token costs once, and the ceiling is one."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.chat import TokenUsage
from headgate.core.prices import TOKENS_PER_PRICE, Markup, Price

DOLLAR = 1_000_000_000

rates = st.integers(0, 100 * DOLLAR)
optional_rates = st.none() | rates
tokens = st.integers(0, 2_000_000)


@st.composite
def prices(draw: st.DrawFn, *, with_tiers: bool = True) -> Price:
    starts = sorted(draw(st.sets(st.integers(0, 1_000_000), max_size=3 if with_tiers else 0)))
    return Price(
        input=draw(rates),
        output=draw(rates),
        cached_input=draw(optional_rates),
        cache_write=draw(optional_rates),
        cache_write_1h=draw(optional_rates),
        reasoning=draw(optional_rates),
        version="test",
        tiers=tuple((start, draw(prices(with_tiers=False))) for start in starts),
    )


usages = st.builds(TokenUsage, tokens, tokens, tokens, tokens, tokens, tokens)
markups = st.builds(Markup, st.integers(0, 5_000_000))


@given(prices(), usages, tokens, tokens)
def test_no_call_costs_more_than_its_ceiling(
    price: Price, usage: TokenUsage, more_input: int, more_output: int
) -> None:
    """Whatever the classes of its tokens, and however far the count was from above."""
    ceiling = price.ceiling(usage.input_tokens + more_input, usage.output_tokens + more_output)
    assert 0 <= price.cost(usage) <= ceiling


@given(prices(), st.integers(0, 10**15), tokens)
def test_the_affordable_output_is_the_largest_that_fits(
    price: Price, money: int, input_tokens: int
) -> None:
    output = price.affordable_output(money, input_tokens)
    if output < 0 or price.ceiling(input_tokens, 0) > money:
        assert output <= 0
        assert price.ceiling(input_tokens, 0) > money
    else:
        assert price.ceiling(input_tokens, output) <= money
        is_free = price.ceiling(input_tokens, TOKENS_PER_PRICE) == price.ceiling(input_tokens, 0)
        assert price.ceiling(input_tokens, output + 1) > money or is_free


@given(prices())
def test_a_price_is_free_where_nothing_can_cost_anything(price: Price) -> None:
    dearest = price.ceiling(TOKENS_PER_PRICE * 2, TOKENS_PER_PRICE * 2)
    assert price.is_free == (dearest == 0)


@given(markups, st.integers(0, 10**15))
def test_the_affordable_cost_is_the_highest_whose_bill_fits(markup: Markup, money: int) -> None:
    cost = markup.affordable_cost(money)
    assert markup.billed(cost) <= money < markup.billed(cost + 1)


@given(markups, st.integers(0, 10**15))
def test_a_bill_is_never_below_its_cost(markup: Markup, cost: int) -> None:
    assert markup.billed(cost) >= cost
    assert markup.affordable_cost(markup.billed(cost)) >= cost


def test_each_token_costs_once_in_its_own_class() -> None:
    price = Price(
        input=1_000_000,
        output=10_000_000,
        cached_input=100_000,
        cache_write=2_000_000,
        reasoning=20_000_000,
        version="test",
    )
    usage = TokenUsage(
        input_tokens=100,
        output_tokens=10,
        cached_input_tokens=50,
        cache_write_tokens=20,
        reasoning_tokens=4,
    )
    assert price.cost(usage) == 30 * 1 + 50 // 10 + 20 * 2 + 6 * 10 + 4 * 20


def test_what_a_cache_keeps_for_an_hour_is_a_part_of_what_is_written() -> None:
    price = Price(
        input=1_000_000, output=0, cache_write=2_000_000, cache_write_1h=5_000_000, version="test"
    )
    usage = TokenUsage(100, cache_write_tokens=20, cache_write_1h_tokens=8)
    assert price.cost(usage) == 80 * 1 + 12 * 2 + 8 * 5
    cheaper = msgspec.structs.replace(price, cache_write_1h=None)
    assert cheaper.cost(usage) == 80 * 1 + 20 * 2


def test_a_class_without_a_price_costs_what_its_kind_costs() -> None:
    price = Price(input=1_000_000, output=3_000_000, version="test")
    assert price.cost(TokenUsage(100, 10, 50, 20, 4)) == 100 + 30


def test_a_class_that_is_free_is_free() -> None:
    price = Price(input=1_000_000, output=3_000_000, cached_input=0, version="test")
    assert price.cost(TokenUsage(100, 0, cached_input_tokens=40)) == 60


def test_a_cost_is_rounded_once_and_upwards() -> None:
    price = Price(input=1, output=1, version="test")
    assert price.cost(TokenUsage(1, 1)) == 1
    assert price.cost(TokenUsage(TOKENS_PER_PRICE, 1)) == 2
    assert Markup(20_000).billed(1) == 2
    assert Markup(0).billed(1) == 1


def test_a_vendor_that_counts_more_in_a_class_than_in_all_is_not_paid_below_zero() -> None:
    price = Price(input=1_000_000, output=1_000_000, cached_input=500_000, version="test")
    assert price.cost(TokenUsage(10, 0, cached_input_tokens=100, cache_write_tokens=100)) == 5


def test_a_larger_input_has_the_price_of_its_tier_for_every_token() -> None:
    large = Price(input=2_000_000, output=4_000_000, version="test")
    price = Price(input=1_000_000, output=3_000_000, version="test", tiers=((200, large),))
    assert price.cost(TokenUsage(200, 10)) == 200 + 30
    assert price.cost(TokenUsage(201, 10)) == 402 + 40


def test_money_that_does_not_cover_the_input_covers_no_output() -> None:
    price = Price(input=1_000_000, output=1_000_000, version="test")
    assert price.affordable_output(100, 40) == 60
    assert price.affordable_output(100, 140) == -40
    free_output = Price(input=1_000_000, output=0, version="test")
    assert free_output.affordable_output(100, 140) == 0
    assert free_output.affordable_output(100, 40) == TOKENS_PER_PRICE
