"""What a period's spend is heading for, and how sure that is."""

import datetime as dt
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from headgate.core.budgets import Account, BudgetScope, period_bounds
from headgate.core.money import NanoUSD
from headgate.core.usage import UsageStore

HISTORY_DAYS = 30
# Of a normal distribution, four fifths lie within so many standard deviations of the mean.
DEVIATIONS = statistics.NormalDist().inv_cdf(0.9)
DAY = dt.timedelta(days=1)

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


class Projection(NamedTuple):
    """A period's spend at its end: the likely one, and between what it lies four times in five."""

    low: NanoUSD
    likely: NanoUSD
    high: NanoUSD


def projection(spent: NanoUSD, period: str, now: float, days: Sequence[NanoUSD]) -> Projection:
    """`projected` with a band, from what the whole days before `now` did cost.

    `days` may reach into the period before, so that a period's first days have a band too. With
    their mean m and their sample deviation s, what r days to come will cost lies with a probability
    of 80 % within r·m ± 1.28·s·√(r + r²/n): the days' own variation, and how well n days tell the
    mean. It takes days as independent and alike (R. J. Hyndman and G. Athanasopoulos, Forecasting:
    Principles and Practice, 3rd ed., 5.5, the mean method, for the sum of several steps). Where
    days' mean and the period so far say different things, the band holds both. Without any days
    nothing is known of variation, and the band is the point.
    """
    likely = projected(spent, period, now)
    end = period_bounds(period)[1].timestamp()
    left = (end - now) / DAY.total_seconds()
    if not days or left <= 0:
        return Projection(likely, likely, likely)
    count = len(days)
    deviation = statistics.stdev(days) if count > 1 else 0.0
    middle = spent + left * statistics.fmean(days)
    margin = DEVIATIONS * deviation * math.sqrt(left + left * left / count)
    low = max(spent, min(likely, math.floor(middle - margin)))
    return Projection(low, likely, max(likely, math.ceil(middle + margin)))


async def days_before(store: UsageStore, account: Account, now: float) -> list[NanoUSD]:
    """What an account was billed on each of the last whole days, from the first that it was used.

    At most the last 30, the oldest first; a day without calls is 0.
    """
    start, today = _history(now)
    return _days(await store.daily(account.scope, account.id, start, today), start)


async def days_before_of_all(
    store: UsageStore, accounts: Sequence[Account], now: float
) -> list[list[NanoUSD]]:
    """`days_before` of each account, in the same order: one question for each scope."""
    start, today = _history(now)
    ids: dict[BudgetScope, set[str]] = {}
    for account in accounts:
        ids.setdefault(account.scope, set()).add(account.id)
    billed = {
        scope: await store.daily_of_each(scope, of_scope, start, today)
        for scope, of_scope in ids.items()
    }
    return [_days(billed[account.scope].get(account.id, {}), start) for account in accounts]


def _history(now: float) -> tuple[dt.datetime, dt.datetime]:
    today = dt.datetime.fromtimestamp(now, dt.UTC).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    return today - HISTORY_DAYS * DAY, today


def _days(billed: Mapping[str, NanoUSD], start: dt.datetime) -> list[NanoUSD]:
    days = [
        billed.get((start + number * DAY).strftime("%Y-%m-%d")) for number in range(HISTORY_DAYS)
    ]
    used = next((number for number, amount in enumerate(days) if amount is not None), len(days))
    return [amount or 0 for amount in days[used:]]
