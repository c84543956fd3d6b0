"""What a period's spend is heading for."""

import datetime as dt

from headgate.core.budgets import period_bounds
from headgate.core.money import NanoUSD

# In a period's first hours a single call would project to a fortune.
LEAST_ELAPSED = dt.timedelta(days=1)


def projected(spent: NanoUSD, period: str, now: float) -> NanoUSD:
    """The spend at the period's end, if it goes on as it did since the period's first day."""
    start, end = period_bounds(period)
    moment = dt.datetime.fromtimestamp(now, dt.UTC)
    if moment >= end:
        return spent
    elapsed = max(moment - start, LEAST_ELAPSED)
    # As integers: a duration times more than a few cents is longer than a `timedelta` can be.
    microsecond = dt.timedelta.resolution
    return max(spent, spent * ((end - start) // microsecond) // (elapsed // microsecond))
