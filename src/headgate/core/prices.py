"""What tokens cost, and what a call could cost at most.

A price is in nano-dollars per million tokens, so that every published price is an integer and a
call's cost is rounded once, upwards.
"""

from decimal import Decimal
from typing import Protocol

import msgspec

from headgate.core.chat import TokenUsage
from headgate.core.money import NanoUSD

TOKENS_PER_PRICE = 1_000_000
PPM = 1_000_000
MAX_MARKUP = 10


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """Nano-dollars per million tokens, by class of token.

    Attributes:
        cached_input: for input read from the vendor's cache; None means the price of `input`.
        cache_write: for input written to the vendor's cache; None means the price of `input`.
        cache_write_1h: for input that the cache keeps for an hour; None means that of the others.
        reasoning: for hidden output; None means the price of `output`.
        version: where the price comes from and which edition of it, for the ledger.
        tiers: other prices for every token of a call whose input is larger than so many tokens,
            the smallest first.
    """

    input: int
    output: int
    cached_input: int | None = None
    cache_write: int | None = None
    cache_write_1h: int | None = None
    reasoning: int | None = None
    version: str
    tiers: "tuple[tuple[int, Price], ...]" = ()

    @property
    def is_free(self) -> bool:
        """Whether no use of it can cost anything."""
        if self.input or self.output:
            return False
        return all(price.dearest() == (0, 0) for price in self._all(None))

    def cost(self, usage: TokenUsage) -> NanoUSD:
        """What the vendor charges for `usage`: each token once, in its own class."""
        if self.tiers:
            return self._all(usage.input_tokens)[-1].flat_cost(usage)
        return self.flat_cost(usage)

    def flat_cost(self, usage: TokenUsage) -> NanoUSD:
        """What `usage` costs at this price, tiers left aside."""
        if not (usage.cached_input_tokens or usage.cache_write_tokens or usage.reasoning_tokens):
            # As most calls are: what follows would give the same, at three times the price.
            plain = usage.input_tokens * self.input + usage.output_tokens * self.output
            return -(-plain // TOKENS_PER_PRICE)
        cached = min(usage.cached_input_tokens, usage.input_tokens)
        written = min(usage.cache_write_tokens, usage.input_tokens - cached)
        written_1h = min(usage.cache_write_1h_tokens, written)
        reasoning = min(usage.reasoning_tokens, usage.output_tokens)
        of_write = _or(self.cache_write, self.input)
        total = (
            (usage.input_tokens - cached - written) * self.input
            + cached * _or(self.cached_input, self.input)
            + (written - written_1h) * of_write
            + written_1h * _or(self.cache_write_1h, of_write)
            + (usage.output_tokens - reasoning) * self.output
            + reasoning * _or(self.reasoning, self.output)
        )
        return -(-total // TOKENS_PER_PRICE)

    def ceiling(self, input_tokens: int, output_tokens: int) -> NanoUSD:
        """An upper bound of the cost of so many tokens, whatever their classes turn out to be."""
        of_input, of_output = self._dearest_for(input_tokens)
        return -(-(input_tokens * of_input + output_tokens * of_output) // TOKENS_PER_PRICE)

    def affordable_output(self, money: NanoUSD, input_tokens: int) -> int:
        """The most output tokens that `money` covers besides `input_tokens`; may be negative."""
        of_input, of_output = self._dearest_for(input_tokens)
        left = money * TOKENS_PER_PRICE - input_tokens * of_input
        if not of_output:
            return 0 if left < 0 else TOKENS_PER_PRICE
        return left // of_output

    def _dearest_for(self, input_tokens: int) -> tuple[int, int]:
        """The dearest price of an input and an output token for inputs up to this size."""
        if not self.tiers:
            return self.dearest()
        bounds = [price.dearest() for price in self._all(input_tokens)]
        return max(bound[0] for bound in bounds), max(bound[1] for bound in bounds)

    def dearest(self) -> tuple[int, int]:
        """The price of the dearest class of input tokens, and of output tokens."""
        of_input = max(
            self.input, self.cached_input or 0, self.cache_write or 0, self.cache_write_1h or 0
        )
        return of_input, max(self.output, self.reasoning or 0)

    def _all(self, input_tokens: int | None) -> "list[Price]":
        """This price and its tiers, up to the one for an input of this size."""
        return [
            self,
            *(price for start, price in self.tiers if input_tokens is None or input_tokens > start),
        ]


def _or(price: int | None, otherwise: int) -> int:
    return otherwise if price is None else price


class Markup(msgspec.Struct, frozen=True):
    """The platform's share, in parts per million of the vendor's price (2 % is 20,000)."""

    ppm: int

    def billed(self, cost: NanoUSD) -> NanoUSD:
        """What the caller is charged for a vendor's `cost`, rounded up."""
        return -(-cost * (PPM + self.ppm) // PPM)

    def affordable_cost(self, money: NanoUSD) -> NanoUSD:
        """The highest vendor cost whose bill `money` covers."""
        return money * PPM // (PPM + self.ppm)


def exact_markup(share: Decimal) -> Markup:
    """A share of the vendor's price in parts per million.

    Raises:
        ValueError: it is negative, above ten times the price, or finer than a part per million.
    """
    if not share.is_finite() or not 0 <= share <= MAX_MARKUP:
        raise ValueError(f"a markup of {share} is not between 0 and {MAX_MARKUP}; 0.02 is 2 %")
    ppm = share * PPM
    if ppm != ppm.to_integral_value():
        raise ValueError(f"a markup of {share} has more than six decimals")
    return Markup(int(ppm))


class PriceBook(Protocol):
    """Where prices come from."""

    def price(self, provider: str, model: str) -> Price | None:
        """The price in force of a vendor's model, or None where none is known."""
        ...
