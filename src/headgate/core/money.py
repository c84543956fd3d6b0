"""Money is an integer number of nano-dollars (1 USD = 1,000,000,000), so that sums are exact.

Dollars appear only at the rim, as JSON numbers with at most nine decimals.
"""

from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Annotated, TypeAlias

import msgspec

NanoUSD: TypeAlias = int
"""An amount of money in billionths of a US dollar."""

NANO_PER_USD = 1_000_000_000
MAX_DOLLARS = 1_000_000_000
# Far more digits than an amount has; what does not fit into them is refused, not rounded.
_EXACT = Context(prec=40, traps=[Inexact])

Dollars: TypeAlias = Annotated[
    msgspec.Raw,
    msgspec.Meta(
        description="US dollars, with at most nine decimals",
        extra_json_schema={"type": "number"},
    ),
]
"""An amount of money as it is written into JSON."""


def to_text(amount: NanoUSD) -> str:
    """Write `amount` as dollars without an exponent and without trailing zeros: `0.000014`."""
    if amount < 0:
        return "-" + to_text(-amount)
    whole, nano = divmod(amount, NANO_PER_USD)
    return f"{whole}.{nano:09d}".rstrip("0").rstrip(".")


def to_json(amount: NanoUSD) -> msgspec.Raw:
    """The JSON number for `amount`, exact for any size."""
    return msgspec.Raw(to_text(amount).encode())


def from_dollars(dollars: float | str | Decimal) -> NanoUSD:
    """Nano-dollars for an amount that a person or a JSON document gave.

    Raises:
        ValueError: it is no amount, is finer than a nano-dollar, or its size is beyond a billion.
    """
    try:
        exact = dollars if isinstance(dollars, Decimal) else Decimal(str(dollars))
    except InvalidOperation:
        raise ValueError(f"{dollars!r} is not an amount of dollars") from None
    if not exact.is_finite() or exact.copy_abs() > MAX_DOLLARS:
        raise ValueError(f"{dollars} is not an amount of dollars between -1e9 and 1e9")
    try:
        nano = _EXACT.multiply(exact, NANO_PER_USD)
        return int(nano.to_integral_exact(context=_EXACT))
    except Inexact:
        raise ValueError(f"{dollars} has more than nine decimals") from None
