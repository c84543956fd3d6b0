"""Which of some labels fits a text, told by the words they share.

Each label gathers evidence: its own words, the words associated with what it names, and for
feelings a count of good and bad words that heeds "not". The scores are those evidences, turned
into shares of 1. They say how clear the signs are, not how often such an answer is right.
"""

# ruff: noqa: RUF001 - the punctuation of many scripts is meant

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from headgate.core.words import FUNCTION_WORDS, stem, words
from headgate.providers.local import association

_FINENESS = 10_000
_NAMES_ITSELF = 1.6
_UNCERTAIN = 0.6
"""The evidence for labels such as `other` that are right when nothing else is."""

_NEGATED = re.compile(r"^(?:not|non|no|isn't|un)[\s_-]+(?=\S)", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_CLAUSE = re.compile(r"[.;:,!?()\n]+")
_RELAXED = re.compile(
    r"\b(?:no (?:hurry|rush)|not urgent|whenever|when you (?:can|have time)|low priority)\b",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"(?:who|what|when|where|why|which|how|is|are|was|were|do|does|did|can|could|would|will|should"
    r"|may)\b",
    re.IGNORECASE,
)
_PRESSES = re.compile(r"!|\b[A-Z]{4,}\b")
_LURES = re.compile(r"\b(?:https?://|www\.)|[$€£]\s?\d|!{2,}|\b(?:[A-Z]{4,}\s+){2}|\d\s?% off")


class Classification(msgspec.Struct, frozen=True):
    """The answer to a classification, and its form as JSON.

    `scores` stand in the order of the labels and sum to 1; `confidence` is the highest of them.
    """

    label: str
    confidence: float
    scores: dict[str, float]


class _Reading(NamedTuple):
    """What is looked at in a text, worked out once for all labels."""

    text: str
    words: Sequence[str]
    stems: Mapping[str, int]
    good: float
    bad: float


def classification(text: str, labels: Sequence[str]) -> Classification:
    """The label that fits best; of equally good ones the first. Labels given twice count once.

    Raises:
        ValueError: there is no label.
    """
    distinct = list(dict.fromkeys(labels))
    if not distinct:
        raise ValueError("a classification needs at least one label")
    reading = _read(text)
    evidence = [_evidence(label, reading) for label in distinct]
    highest = max(evidence)
    shares = [math.exp(found - highest) for found in evidence]
    total = sum(shares)
    # Rounded down, so that what is left over can only make the winner's share larger.
    rounded = [math.floor(share / total * _FINENESS) / _FINENESS for share in shares]
    winner = evidence.index(highest)
    rounded[winner] = round(rounded[winner] + 1 - sum(rounded), 6)
    return Classification(
        distinct[winner], rounded[winner], dict(zip(distinct, rounded, strict=True))
    )


def _read(text: str) -> _Reading:
    found = words(text)
    good, bad = _feelings(text)
    stems = Counter(stem(word) for word in found if word not in FUNCTION_WORDS["english"])
    return _Reading(text, found, stems, good, bad)


def _feelings(text: str) -> tuple[float, float]:
    """How much good and bad is said; what follows a "but" counts more than what it corrects."""
    good: float = sum(2 for character in text if character in association.GOOD_SIGNS)
    bad: float = sum(2 for character in text if character in association.BAD_SIGNS)
    weight = 1.0
    for clause in _CLAUSE.split(text):
        before: list[str] = []
        for word in words(clause):
            if word in association.TURNS:
                good, bad, weight, before = good * 0.6, bad * 0.6, 1.3, []
            root = stem(word)
            if root not in association.GOOD and root not in association.BAD:
                before = [*before[-3:], word]
                continue
            strength = weight * (1.5 if any(near in association.STRONGER for near in before) else 1)
            negated = any(near in association.NEGATIONS for near in before)
            if (root in association.GOOD) != negated:
                good += strength * (0.8 if negated else 1)
            else:
                bad += strength
            before = []
    return good, bad


def _evidence(label: str, reading: _Reading) -> float:
    """How much speaks for one label; 0 where nothing does."""
    opposite = _NEGATED.match(label)
    if opposite:
        # As clear as the thing itself would be, turned round at the point of doubt.
        return max(0.0, 2 * _UNCERTAIN - _evidence(label[opposite.end() :], reading))
    named = [word for word in words(_CAMEL.sub(" ", label).replace("_", " ")) if word]
    found = 0.0
    for word in dict.fromkeys(named):
        if word not in FUNCTION_WORDS["english"] or len(named) == 1:
            found += _NAMES_ITSELF * _much(_own_hits(word, reading))
    families = dict.fromkeys(
        association.ALIASES.get(word) or association.ALIASES.get(stem(word)) for word in named
    )
    strongest = max(
        (_family_evidence(family, reading) for family in families if family), default=0.0
    )
    return found + strongest


def _own_hits(word: str, reading: _Reading) -> float:
    """How often a label's own word, or one that begins like it, stands in the text."""
    root = stem(word)
    if root in reading.stems:
        return reading.stems[root]
    if len(root) < 5:
        return 0
    alike = (
        count
        for other, count in reading.stems.items()
        if len(other) >= 5 and (other.startswith(root[:5]))
    )
    return 0.5 * sum(alike)


def _much(hits: float) -> float:
    """Evidence from a count: the tenth word of a kind tells less than the first."""
    return 1.25 * math.log2(1 + hits)


def _family_evidence(family: str, reading: _Reading) -> float:
    special = _SPECIAL.get(family)
    if special is not None:
        return special(reading)
    if family in FUNCTION_WORDS or family in association.SCRIPTS:
        return _spoken(family, reading)
    listed = association.ASSOCIATIONS[family]
    hits = sum(1 + 0.3 * (count - 1) for root, count in reading.stems.items() if root in listed)
    if family == "spam":
        hits += len(_LURES.findall(reading.text[:20_000]))
    if family == "urgent" and _RELAXED.search(reading.text):
        return 0.0
    if family == "urgent":
        hits += 0.5 * min(4, len(_PRESSES.findall(reading.text[:20_000])))
    return _much(hits)


def _positive(reading: _Reading) -> float:
    return _much(max(0.0, 1.4 * (reading.good - 0.5 * reading.bad)))


def _negative(reading: _Reading) -> float:
    return _much(max(0.0, 1.4 * (reading.bad - 0.5 * reading.good)))


def _neutral(reading: _Reading) -> float:
    """Doubt when nothing is felt, and more of it when good and bad weigh the same."""
    return 2 * _UNCERTAIN + _much(min(reading.good, reading.bad) / 2)


def _fallback(_: _Reading) -> float:
    return _UNCERTAIN


def _honest(reading: _Reading) -> float:
    return max(0.0, 4 * _UNCERTAIN - _family_evidence("spam", reading))


def _calm(reading: _Reading) -> float:
    return max(0.0, 2 * _UNCERTAIN - _family_evidence("urgent", reading))


def _asks(reading: _Reading) -> float:
    text = reading.text.strip()
    return 2.5 * text.endswith(("?", "？")) + 1.0 * bool(_ASKS.match(text)) + 0.5 * ("?" in text)


_SPECIAL: Mapping[str, Callable[[_Reading], float]] = MappingProxyType(
    {
        "positive": _positive,
        "negative": _negative,
        "neutral": _neutral,
        "other": _fallback,
        "ham": _honest,
        "low": _calm,
        "question": _asks,
    }
)


def _spoken(language: str, reading: _Reading) -> float:
    """Evidence that a text is in a language: its script, or its share of small words."""
    letters = max(1, sum(character.isalpha() for character in reading.text))
    for name, script in association.SCRIPTS.items():
        share = len(re.findall(f"[{script}]", reading.text)) / letters
        if share > (0.1 if name == "japanese" else 0.4):
            return 4.0 * (name == language)
    if language not in FUNCTION_WORDS:
        return 0.0
    return 8.0 * _share(reading.words, FUNCTION_WORDS[language])


def _share(found: Iterable[str], small: frozenset[str]) -> float:
    counted = [word in small for word in found]
    return sum(counted) / max(1, len(counted))
