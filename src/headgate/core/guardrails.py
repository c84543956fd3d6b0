"""What must not pass in a text, found alike however the text is cut into pieces.

A rule finds stretches of a text: personal data, words that a company has named, hosts that are not
its own, orders that destroy. What is found is taken out, or stops the whole text. No stretch is
longer than `LONGEST`, so a stream is held back by little more than that, and a stretch is found
whether it comes in one piece or letter by letter.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["email", "phone", "card", "iban", "destructive"]
Action: TypeAlias = Literal["block", "redact"]

LONGEST = 320
STEP = 32
"""A stream is looked at again when so many more characters can be told."""


class Blocked(Exception):
    """A text holds what stops it; `rule` is the rule's name."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


class Rule(NamedTuple):
    """What is looked for.

    Attributes:
        meant: how much of a candidate, from its beginning, is what is looked for; a pattern alone
            cannot say.
    """

    name: str
    pattern: re.Pattern[str]
    action: Action
    meant: Callable[[str], int] = len


class Guardrails(NamedTuple):
    """The rules that hold for a workspace's texts, to models and from them."""

    input: tuple[Rule, ...] = ()
    output: tuple[Rule, ...] = ()


def checked(text: str, rules: Sequence[Rule]) -> str:
    """A whole text without what the rules take out.

    Raises:
        Blocked: one of them stops it.
    """
    passage = Passage(rules)
    return passage.feed(text) + passage.end()


class Passage:
    """A text that comes in pieces; what it gives, joined, does not depend on where they end."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._text = ""
        self._done = 0

    def feed(self, piece: str) -> str:
        """What can be told once this piece has come.

        Raises:
            Blocked: a rule stops the text.
        """
        self._text += piece
        limit = len(self._text) - LONGEST
        return self._told(limit) if limit - self._done >= STEP else ""

    def end(self) -> str:
        """The rest.

        Raises:
            Blocked: a rule stops the text.
        """
        return self._told(len(self._text))

    def _told(self, limit: int) -> str:
        """What stands before `limit`; what begins there has not all come yet."""
        if limit <= self._done:
            return ""
        found = list(self._spans(limit))
        pieces: list[str] = []
        for start, stop, name in _joined(found):
            if stop > limit:
                limit = start
                break
            pieces += [self._text[self._done : start], f"[{name}]"]
            self._done = stop
        if self._done < limit:
            pieces.append(self._text[self._done : limit])
            self._done = limit
        # What went before may still say that a stretch begins in the middle of a word.
        kept = max(0, self._done - LONGEST)
        self._text, self._done = self._text[kept:], self._done - kept
        return "".join(pieces)

    def _spans(self, limit: int) -> Iterator[tuple[int, int, str]]:
        for rule in self._rules:
            place = self._done
            while (match := rule.pattern.search(self._text, place)) and match.start() < limit:
                start = match.start()
                match = rule.pattern.match(self._text, start, start + LONGEST)
                length = rule.meant(match.group()) if match else 0
                if length and rule.action == "block":
                    raise Blocked(rule.name)
                if length:
                    yield start, start + length, rule.name
                place = start + max(1, length)


def _joined(spans: Sequence[tuple[int, int, str]]) -> Iterator[tuple[int, int, str]]:
    """Stretches that overlap as one, under the name of the first."""
    current: tuple[int, int, str] | None = None
    for start, stop, name in sorted(spans):
        if current is None:
            current = (start, stop, name)
        elif start < current[1]:
            current = (current[0], max(stop, current[1]), current[2])
        else:
            yield current
            current = (start, stop, name)
    if current is not None:
        yield current


_EMAIL = re.compile(
    r"(?<![\w.+%-])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,24}){1,3}(?![\w-])"
)
_CARD = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\d])")
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}(?![A-Za-z0-9])")
_PHONE = re.compile(
    r"(?<![\w+/.-])(?:\+|00)[1-9]\d{0,2}(?:[ ./-]?\(?\d{1,5}\)?){2,6}(?![\w])"
    r"|(?<![\w+/.-])\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?![\w])"
)
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22,
    "DK": 18, "EE": 20, "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GR": 27, "HR": 21, "HU": 28,
    "IE": 22, "IL": 23, "IS": 26, "IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27,
    "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24, "SA": 24, "SE": 24, "SI": 19,
    "SK": 24, "SM": 27, "TR": 26, "UA": 29,
}  # fmt: skip
_HOST = re.compile(r"https?://(?:[^\s/?#@]{1,60}@)?([A-Za-z0-9._-]{1,200}|\[[0-9A-Fa-f:.]{2,45}\])")
_DESTROYS = re.compile(
    r"\b(?:DROP\s{1,5}(?:TABLE|DATABASE|SCHEMA)\b|TRUNCATE\s{1,5}TABLE\b|DELETE\s{1,5}FROM\s{1,5}"
    r"[\w.\"`]{1,60}\s{0,5}(?:;|$)|rm\s{1,5}-(?:[a-z]{0,4}r[a-z]{0,4}f|[a-z]{0,4}f[a-z]{0,4}r)\b"
    r"|mkfs(?:\.\w{1,8})?\s|dd\s{1,5}if=\S{1,60}\s{1,5}of=/dev/|git\s{1,5}push\s{1,5}(?:-f\b|--force\b)"
    r"|shutdown\s{1,5}-h\b|format\s{1,5}c:)",
    re.IGNORECASE,
)


def of_kinds(kinds: Sequence[Kind], action: Action) -> tuple[Rule, ...]:
    """Rules that find personal data of some kinds, or orders that destroy."""
    known: dict[Kind, Rule] = {
        "email": Rule("email", _EMAIL, action),
        "iban": Rule("iban", _IBAN, action, iban_length),
        "card": Rule("card", _CARD, action, card_length),
        "phone": Rule("phone", _PHONE, action, _phone_length),
        "destructive": Rule("destructive", _DESTROYS, action),
    }
    return tuple(rule for kind, rule in known.items() if kind in kinds)


def named(patterns: Sequence[str], action: Action) -> tuple[Rule, ...]:
    """Rules that find what a company has named.

    Raises:
        ValueError: one is no regular expression.
    """
    rules = []
    for pattern in patterns:
        try:
            rules.append(Rule("blocked", re.compile(pattern), action))
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
    return tuple(rules)


def foreign_hosts(domains: Sequence[str], action: Action) -> tuple[Rule, ...]:
    """Rules that find addresses on hosts that are neither one of `domains` nor below one.

    None where no domain is named.
    """
    own = tuple(domain.lower().strip(".") for domain in domains)

    def foreign_length(found: str) -> int:
        match = _HOST.fullmatch(found)
        host = "" if match is None else match[1].lower().rstrip(".")
        is_own = any(host == domain or host.endswith(f".{domain}") for domain in own)
        return 0 if is_own else len(found)

    return (Rule("address", _HOST, action, foreign_length),) if own else ()


def card_length(found: str) -> int:
    """How much of some digits is a payment card's number: 13 to 19 with a check digit (Luhn)."""
    for stop in range(len(found), 12, -1):
        if found[stop : stop + 1].isdigit() or not found[stop - 1].isdigit():
            continue
        digits = [int(sign) for sign in found[:stop] if sign.isdigit()]
        doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
        is_checked = (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
        if len(digits) >= 13 and len(set(digits)) > 1 and is_checked:
            return stop
    return 0


def iban_length(found: str) -> int:
    """How much of some text is an account number, by its country's length and check digits."""
    length = _IBAN_LENGTHS.get(found[:2], 0)
    places = [place for place, sign in enumerate(found) if sign != " "]
    if not length or len(places) < length:
        return 0
    stop = places[length - 1] + 1
    plain = found[:stop].replace(" ", "")
    turned = plain[4:] + plain[:4]
    is_checked = int("".join(str(int(sign, 36)) for sign in turned)) % 97 == 1
    return stop if is_checked and not found[stop : stop + 1].isalnum() else 0


def _phone_length(found: str) -> int:
    digits = sum(sign.isdigit() for sign in found)
    return len(found) if 9 <= digits <= 17 else 0
