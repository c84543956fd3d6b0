"""The words in which `genai-prices` writes its table down.

The table is a Python module that calls these names. The package's own classes of these names come
with pydantic and an HTTP client, which take six times as long to load as the table. A field that is
not known here is refused, so that a later edition cannot mean something that is overlooked.
"""

import datetime as dt
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

import msgspec


class Clause(Protocol):
    """Says whether a name, in small letters, is meant."""

    def is_match(self, text: str, /) -> bool:
        """Whether `text` is meant."""
        ...


class Constraint(Protocol):
    """Says when a price holds."""

    def active(self, request_timestamp: dt.datetime, /) -> bool:
        """Whether it holds at this moment, in UTC."""
        ...


class ClauseEquals(msgspec.Struct):
    """A name."""

    equals: str

    def is_match(self, text: str, /) -> bool:
        """See `Clause`."""
        return text == self.equals.lower()


class ClauseStartsWith(msgspec.Struct):
    """Names that begin so."""

    starts_with: str

    def is_match(self, text: str, /) -> bool:
        """See `Clause`."""
        return text.startswith(self.starts_with.lower())


class ClauseEndsWith(msgspec.Struct):
    """Names that end so."""

    ends_with: str

    def is_match(self, text: str, /) -> bool:
        """See `Clause`."""
        return text.endswith(self.ends_with.lower())


class ClauseContains(msgspec.Struct):
    """Names that hold this."""

    contains: str

    def is_match(self, text: str, /) -> bool:
        """See `Clause`."""
        return self.contains.lower() in text


class ClauseRegex(msgspec.Struct):
    """Names in which this pattern is found."""

    regex: str

    def is_match(self, text: str, /) -> bool:
        """See `Clause`."""
        return re.search(self.regex, text) is not None


class ClauseOr(msgspec.Struct):
    """Names that one of these means."""

    or_: Sequence[Clause]

    def is_match(self, text: str, /) -> bool:
        """See `Clause`."""
        for clause in self.or_:  # noqa: SIM110 - twice as fast, and most of a start's look-ups
            if clause.is_match(text):
                return True
        return False


class ClauseAnd(msgspec.Struct):
    """Names that all of these mean."""

    and_: Sequence[Clause]

    def is_match(self, text: str, /) -> bool:
        """See `Clause`."""
        return all(clause.is_match(text) for clause in self.and_)


class StartDateConstraint(msgspec.Struct):
    """From a day on, in UTC."""

    start_date: dt.date

    def active(self, request_timestamp: dt.datetime, /) -> bool:
        """See `Constraint`."""
        return request_timestamp.date() >= self.start_date


class TimeOfDateConstraint(msgspec.Struct):
    """Between two times of each day, which may have midnight between them."""

    start_time: dt.time
    end_time: dt.time

    def active(self, request_timestamp: dt.datetime, /) -> bool:
        """See `Constraint`."""
        now = request_timestamp.time()
        start, end = (_in_utc(time, request_timestamp) for time in (self.start_time, self.end_time))
        return start <= now < end if start <= end else now >= start or now < end


def _in_utc(time: dt.time, moment: dt.datetime) -> dt.time:
    if time.tzinfo is None:
        return time
    return dt.datetime.combine(moment.date(), time).astimezone(dt.UTC).time()


class Tier(msgspec.Struct):
    """The price of every token where there are more than `start` input tokens."""

    start: int
    price: Decimal


class TieredPrices(msgspec.Struct):
    """A price that depends on the size of the input; `tiers` are in its order."""

    base: Decimal
    tiers: list[Tier]

    def __post_init__(self) -> None:
        self.tiers.sort(key=lambda tier: tier.start)


class ModelPrice:
    """Dollars by what they are paid for, each an attribute; `Decimal` or `TieredPrices`."""

    def __init__(self, **prices: Decimal | TieredPrices | None) -> None:
        self.__dict__ = prices


class ConditionalPrice(msgspec.Struct, kw_only=True):
    """Prices that hold for some time."""

    prices: ModelPrice
    constraint: Constraint | None = None


class ModelInfo(msgspec.Struct, kw_only=True):
    """A model, or several that cost the same."""

    id: str
    match: Clause
    prices: ModelPrice | list[ConditionalPrice]
    context_window: int | None = None
    name: str | None = None
    description: str | None = None
    price_comments: str | None = None
    price_variants: object = None
    """Prices of ways to call that are not taken here, such as batches."""
    deprecated: bool | None = None

    def is_match(self, model_ref: str, /) -> bool:
        """Whether a name in small letters is this model's."""
        return self.match.is_match(model_ref)


class Provider(msgspec.Struct, kw_only=True):
    """A vendor.

    Attributes:
        api_pattern: a regular expression for the beginning of the addresses that it is called at.
        fallback_model_providers: the ids of vendors whose models it may serve.
    """

    id: str
    api_pattern: str
    models: list[ModelInfo]
    fallback_model_providers: list[str] | None = None
    name: str | None = None
    description: str | None = None
    pricing_urls: list[str] | None = None
    price_comments: str | None = None
    model_match: Clause | None = None
    provider_match: Clause | None = None
    extractors: object = None


class _Overlooked:
    """Says something that no price depends on."""

    def __init__(self, **_: object) -> None:
        pass


UsageExtractor = UsageExtractorMapping = ArrayMatch = PriceVariant = _Overlooked
