"""The words of a budget alert: which budget, how far it is, and what follows."""

from headgate.core.alerts import Mark, Notice, Spend
from headgate.core.budgets import period_bounds
from headgate.core.money import NANO_PER_USD, NanoUSD, to_text
from headgate.usage.projection import projected

LONGEST_NAME = 80
_CENT = NANO_PER_USD // 100
_CONSEQUENCES = {
    True: "hard: calls that it cannot cover are refused",
    False: "soft: calls go on, and are counted",
}


def notice(spend: Spend, mark: Mark, *, name: str | None, now: float) -> Notice:
    """What is said when `spend` has reached `mark`; `name` is that of a key."""
    scope, account_id = spend.account
    whose = f"{scope} {_one_line(account_id)}"
    if name is not None:
        whose += f' ("{_one_line(name)}")'
    starts, ends = period_bounds(spend.period)
    heading_for = projected(spend.spent, spend.period, now)
    return Notice(
        f"The budget of {whose} has reached {_percent(mark.share)}",
        (
            ("Spent", _part(spend.spent, spend.limit.amount)),
            ("Projected", f"{dollars(heading_for)} in {starts:%B %Y}"),
            ("Resets", f"{ends:%Y-%m-%d %H:%M} UTC"),
            ("Limit", _CONSEQUENCES[spend.limit.hard]),
        ),
        mark.share,
    )


def dollars(amount: NanoUSD) -> str:
    """An amount as people write it: `$1,234.50`, and `$0.000014` where cents would hide it."""
    if amount < _CENT:
        return f"${to_text(amount)}"
    cents = amount // _CENT
    return f"${cents // 100:,}.{cents % 100:02d}"


def _part(spent: NanoUSD, limit: NanoUSD) -> str:
    text = f"{dollars(spent)} of {dollars(limit)}"
    # Rounded down, as all amounts here: a budget that is nearly spent does not read as 100 %.
    return f"{text} ({spent * 1000 // limit / 10:g} %)" if limit else text


def _percent(share: float) -> str:
    return f"{share * 100:.6g} %"


def _one_line(text: str) -> str:
    """A name without anything that could end a line or hide what follows, and not too long."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    shown = " ".join(shown.split())
    return shown if len(shown) <= LONGEST_NAME else f"{shown[: LONGEST_NAME - 1]}…"
