"""Dates, amounts, names and addresses of a text, each with its place in it.

Everything found is a verbatim stretch of the text. A value is worked out beside it only where it
is certain: 13/04/2025 is a day in April, 03/04/2025 is left as it stands, "next week" too.
"""

# ruff: noqa: RUF001 - the punctuation of many scripts is meant

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple, TypeAlias

from headgate.providers.local.names import names

FactKind: TypeAlias = Literal[
    "date",
    "time",
    "amount",
    "percentage",
    "person",
    "organisation",
    "email",
    "url",
    "phone",
    "address",
]
KINDS: tuple[FactKind, ...] = (
    "date",
    "time",
    "amount",
    "percentage",
    "person",
    "organisation",
    "email",
    "phone",
    "url",
    "address",
)


class Fact(NamedTuple):
    """One thing found: `text` stands at `start` to `end`.

    Attributes:
        value: a date in ISO 8601, an amount or a percentage as a number; None where it is not
            certain, or where the text is the value.
        currency: an amount's, as its ISO 4217 code.
    """

    kind: FactKind
    text: str
    start: int
    end: int
    value: str | float | None = None
    currency: str | None = None


_MONTHS = {
    name: number
    for number, listed in enumerate(
        (
            "january jan januar janvier enero gennaio",
            "february feb februar février febrero febbraio",
            "march mar märz mars marzo",
            "april apr avril abril aprile",
            "may mai mayo maggio",
            "june jun juni juin junio giugno",
            "july jul juli juillet julio luglio",
            "august aug août agosto",
            "september sep sept septembre septiembre settembre",
            "october oct oktober octobre octubre ottobre",
            "november nov novembre noviembre",
            "december dec dezember décembre diciembre dicembre",
        ),
        start=1,
    )
    for name in listed.split()
}
_MONTH = "(?P<{}>" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\b\.?"
_DAY = r"(?P<{}>[0-3]?\d)(?:st|nd|rd|th|er|º|\.)?"
_DATE = re.compile(
    r"(?<![\w./-])(?:"
    r"(?P<year0>\d{4})-(?P<month0>\d{2})-(?P<day0>\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2})?(?:\.\d+)?Z?)?"
    r"|(?P<year6>\d{4})/(?P<month6>\d{1,2})/(?P<day6>\d{1,2})"
    r"|(?P<one>\d{1,2})(?P<mark>[./-])(?P<two>\d{1,2})(?P=mark)(?P<year1>\d{4}|\d{2})"
    rf"|{_DAY.format('day2')}\s{{1,2}}(?:of\s|de\s)?{_MONTH.format('month2')}"
    r"(?:,?\s(?:de\s)?(?P<year2>[12]\d{3}))?"
    rf"|{_MONTH.format('month3')}\s{{1,2}}{_DAY.format('day3')}(?:,?\s(?P<year3>[12]\d{{3}}))?"
    rf"|{_MONTH.format('month4')},?\s(?:de\s)?(?P<year4>[12]\d{{3}})"
    r"|(?P<year5>\d{4})年(?P<month5>\d{1,2})月(?P<day5>\d{1,2})日"
    r")(?![\w-]|[./]\d)",
    re.IGNORECASE,
)
_RELATIVE = re.compile(
    r"\b(?:today|tomorrow|yesterday|(?:next|last|this)\s(?:week|month|year|quarter|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day)|(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"(?<![\w:.])(?:[01]?\d|2[0-3])(?::[0-5]\d(?::[0-5]\d)?(?:\s?[ap]\.?m\b\.?)?|\s?[ap]\.?m\b\.?)"
    r"(?![\w:])",
    re.IGNORECASE,
)
_CURRENCIES = {
    "$": "USD", "us$": "USD", "usd": "USD", "dollar": "USD", "dollars": "USD",
    "€": "EUR", "eur": "EUR", "euro": "EUR", "euros": "EUR",
    "£": "GBP", "gbp": "GBP", "pound": "GBP", "pounds": "GBP",
    "¥": "JPY", "jpy": "JPY", "yen": "JPY", "円": "JPY",
    "₹": "INR", "inr": "INR", "rupees": "INR",
    "chf": "CHF", "francs": "CHF", "cad": "CAD", "c$": "CAD", "aud": "AUD", "a$": "AUD",
    "cny": "CNY", "yuan": "CNY", "元": "CNY", "sek": "SEK", "nok": "NOK", "dkk": "DKK",
    "pln": "PLN", "zł": "PLN", "brl": "BRL", "r$": "BRL", "₩": "KRW", "krw": "KRW",
    "mxn": "MXN", "zar": "ZAR", "sgd": "SGD", "hkd": "HKD",
}  # fmt: skip
_SCALES = {
    "thousand": 1e3, "k": 1e3, "tsd": 1e3, "million": 1e6, "millions": 1e6, "m": 1e6, "mn": 1e6,
    "mio": 1e6, "millionen": 1e6, "billion": 1e9, "billions": 1e9, "bn": 1e9, "b": 1e9,
    "mrd": 1e9, "trillion": 1e12, "万": 1e4, "億": 1e8, "亿": 1e8,
}  # fmt: skip
_NUMBER = r"\d{1,15}(?:[.,'\u00a0\u202f]\d{1,6}){0,6}"


def _any_of(written: Iterable[str]) -> str:
    """A regular expression for any of some texts, the longest first."""
    return "|".join(re.escape(text) for text in sorted(written, key=len, reverse=True))


_SCALE = rf"(?:[ \u00a0-]?(?P<{{}}>{_any_of(_SCALES)})(?![^\W\d_円元])\.?)?"
_SIGNS = _any_of(unit for unit in _CURRENCIES if unit[-1] in "$€£¥₹₩")
_CODES = _any_of(
    unit for unit in _CURRENCIES if len(unit) == 3 and unit.isascii() and unit != "yen"
)
_UNITS = _any_of(unit for unit in _CURRENCIES if unit.isalpha())
_AMOUNT = re.compile(
    rf"(?<![\w.,])(?:(?P<before>(?:{_SIGNS})|\b(?:{_CODES})\b)\s?"
    rf"(?P<first>-?{_NUMBER}){_SCALE.format('scale1')}"
    rf"|(?P<second>{_NUMBER}){_SCALE.format('scale2')}[ \u00a0]?"
    rf"(?:(?P<sign>[$€£¥₹₩円元])|(?:US\s)?(?P<after>{_UNITS})\b))",
    re.IGNORECASE,
)
_PERCENTAGE = re.compile(
    rf"(?<![\w.,])(?P<number>-?{_NUMBER})[ \u00a0]?"
    r"(?:%|％|(?:percent|per cent|prozent|pour cent)\b)",
    re.IGNORECASE,
)
_EMAIL = re.compile(
    r"(?<![\w.+%-])[\w.+%-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,6}[a-z]{2,24}\b",
    re.IGNORECASE,
)
_URL = re.compile(r"(?<![\w@])(?:https?://|www\.)[^\s<>\"'“”«»「」]{1,2000}", re.IGNORECASE)
_PHONE = re.compile(
    r"(?<![\w.,/+-])(?:\+\d{1,3}[ .-]?|00\d{1,3}[ .-])?(?:\(\d{1,5}\)[ .-]?)?"
    r"\d{1,5}(?:[ .-]\d{2,5}){1,5}(?![\w-]|[.,]\d)|(?<![\w.,+-])\+\d{8,15}(?!\w)"
)
_STREET = (
    r"street|st|road|rd|avenue|ave|lane|ln|drive|dr|boulevard|blvd|way|court|ct|square|sq|place|pl|"
    r"terrace|crescent|close|parkway|highway|row|quay|gardens"
)
_POSTCODE = r"(?:[A-Z]{2}[ ]\d{5}(?:-\d{4})?|[A-Z]{1,2}\d[A-Z\d]?[ ]\d[A-Z]{2}|\d{5})"
_CITY = r"(?:,?[ \t]*\n?[ \t]*(?:[A-Z][\w.'’-]{1,30}[ ,\n]{1,2}){1,3}?)"
_ADDRESS = re.compile(
    r"(?<![\w,.£$€-])\d{1,5}[a-zA-Z]?[ ](?:[A-Z][\w.'’-]{1,30}[ ]|[NSEW]\.?[ ]){1,4}"
    rf"(?:{_STREET.title()})\b\.?(?:,?[ ](?:Apt|Suite|Unit|Floor|Flat|#)\.?[ ]?[\w-]{{1,6}})?"
    rf"(?:{_CITY}{_POSTCODE}"
    r"|,[ ][A-Z][\w.'’-]{1,30}(?:[ ][A-Z][\w.'’-]{1,30})?)?"
    r"|\b[A-ZÄÖÜ][\wäöüß-]{1,40}(?:straße|strasse|str\.|weg|platz|allee|gasse)[ ]\d{1,4}[a-z]?"
    r"(?:,?\s\d{5}[ ][A-ZÄÖÜ][\wäöüß-]{1,40})?"
    r"|\bP\.?[ ]?O\.?[ ]Box[ ]\d{1,8}"
)


def facts(text: str) -> list[Fact]:
    """Everything found in a text, in its order; nothing stands within another thing.

    Where two readings overlap, the more certain one stays: an address of the web before a name,
    a date before a telephone number.
    """
    taken = bytearray(len(text))
    found: list[Fact] = []
    for fact in _readings(text):
        if not any(taken[fact.start : fact.end]):
            taken[fact.start : fact.end] = b"\x01" * (fact.end - fact.start)
            found.append(fact)
    return sorted(found, key=lambda fact: fact.start)


def _readings(text: str) -> Iterator[Fact]:
    """All readings of a text, the most certain kinds first."""
    for match in _URL.finditer(text):
        end = match.start() + len(match.group().rstrip(".,;:!?)]}*"))
        yield Fact("url", text[match.start() : end], match.start(), end)
    for match in _EMAIL.finditer(text):
        yield _plain("email", match)
    for match in _ADDRESS.finditer(text):
        end = match.start() + len(match.group().rstrip(" ,\n"))
        yield Fact("address", text[match.start() : end], match.start(), end)
    yield from _dates(text)
    for match in _PERCENTAGE.finditer(text):
        yield _plain("percentage", match)._replace(value=number(match["number"]))
    for match in _AMOUNT.finditer(text):
        yield _amount(match)
    for match in _TIME.finditer(text):
        yield _plain("time", match)
    for match in _PHONE.finditer(text):
        if 7 <= sum(character.isdigit() for character in match.group()) <= 15:
            yield _plain("phone", match)
    for name in names(text):
        yield Fact(name.kind, text[name.start : name.end], name.start, name.end)


def _plain(kind: FactKind, match: re.Match[str]) -> Fact:
    return Fact(kind, match.group(), match.start(), match.end())


def _dates(text: str) -> Iterator[Fact]:
    for match in _DATE.finditer(text):
        if _is_verb(match):
            continue
        kept = match.group().rstrip(". ") if match.group()[-1] == "." else match.group()
        end = match.start() + len(kept)
        value = _iso(match)
        if value != "":
            yield Fact("date", kept, match.start(), end, value)
    for match in _RELATIVE.finditer(text):
        yield _plain("date", match)


def _is_verb(match: re.Match[str]) -> bool:
    """Whether "march 5" or "may 2" is written as a verb: months have a capital in English."""
    month = match["month2"] or match["month3"] or match["month4"]
    return month is not None and month in {"may", "march", "mar", "mars"}


def _iso(match: re.Match[str]) -> str | None:
    """A date in ISO 8601, None where the text leaves it open, empty where there is no such day."""
    parts = match.groupdict()
    if parts["mark"]:
        return _of_numbers(int(parts["one"]), int(parts["two"]), parts["year1"], parts["mark"])
    if parts["month4"]:
        return f"{parts['year4']}-{_MONTHS[parts['month4'].casefold()]:02d}"
    for number_ in "02356":
        day, month, year = (parts[f"{name}{number_}"] for name in ("day", "month", "year"))
        if day is None:
            continue
        month_number = int(month) if month.isdigit() else _MONTHS[month.casefold()]
        if year is None:
            return None if 1 <= int(day) <= 31 else ""
        return _day(int(year), month_number, int(day))
    return None


def _of_numbers(one: int, two: int, year: str, mark: str) -> str | None:
    """A date such as 13/04/2025; dots are day first everywhere, other marks differ by country."""
    full = int(year) + (0 if len(year) == 4 else 2000)
    if mark == "." or one > 12 or one == two:
        return _day(full, two, one)
    if two > 12:
        return _day(full, one, two)
    return None if one and two else ""


def _day(year: int, month: int, day: int) -> str:
    try:
        return dt.date(year, month, day).isoformat()
    except ValueError:
        return ""


def _amount(match: re.Match[str]) -> Fact:
    unit = (match["before"] or match["sign"] or match["after"]).casefold()
    scale = (match["scale1"] or match["scale2"] or "").casefold()
    value = number(match["first"] or match["second"])
    if value is not None and scale:
        value = round(value * _SCALES[scale], 6)
    kept = match.group().rstrip(".,")
    end = match.start() + len(kept)
    return Fact("amount", kept, match.start(), end, value, _CURRENCIES.get(unit))


def number(written: str) -> float | None:
    """A number as English or as continental Europe writes it; None where both are possible.

    `1,234.5` and `1.234,5` are the same; a single mark before three digits groups thousands.
    """
    clean = re.sub(r"['\s\u00a0\u202f]", "", written)
    marks = [character for character in clean if character in ".,"]
    if not marks:
        return float(clean)
    last = marks[-1]
    whole, _, fraction = clean.rpartition(last)
    if len(set(marks)) == 2:
        return float(f"{re.sub('[.,]', '', whole)}.{fraction}") if marks.count(last) == 1 else None
    grouped = all(len(group) == 3 for group in clean.lstrip("-").split(last)[1:])
    if len(marks) > 1:
        return float(clean.replace(last, "")) if grouped else None
    if grouped and (last == "," or clean.lstrip("-")[0] == "0"):
        return float(clean.replace(",", "")) if last == "," else float(clean)
    return float(f"{whole}.{fraction}")
