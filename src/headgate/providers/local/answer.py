"""Answers that are sentences of a given text, word for word.

The sentence that shares most of the question's telling words is quoted, rarer words counting
more; a sentence that holds the kind of thing asked for (a date for "when", a person for "who") is
preferred. When too little is shared there is no answer, and saying so is the answer.
"""

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from headgate.core.sentences import Sentence, sentences
from headgate.core.synonyms import SYNONYM_WEIGHT, meanings
from headgate.core.words import FUNCTION_WORDS, stem, terms, words
from headgate.providers.local.extract import facts

LEAST_SHARED = 0.45
"""The part of a question's weight that a sentence must share to be its answer."""

MOST_ALIKE = 0.5
"""The part of a sentence's words that a second quotation may share with the first."""

MOST_INSPECTED = 24
"""How many of the best sentences are searched for dates, persons and amounts."""

_ASKING = frozenset(
    stem(word)
    for word in [
        "tell",
        "find",
        "know",
        "explain",
        "describe",
        "mention",
        "mentioned",
        "mentions",
        "state",
        "stated",
        "states",
        "text",
        "article",
        "document",
        "passage",
        "letter",
        "email",
        "report",
        "context",
        "according",
        "answer",
        "question",
        "please",
        "happen",
        "happened",
        "there",
        "name",
        "many",
        "much",
        "long",
        "old",
        "kind",
        "type",
        "exactly",
        "actually",
    ]
)
_SAME = MappingProxyType(
    {
        stem(word): stem(group.split()[0])
        for group in (
            "cost costs price prices pay paid pays charge charged fee expensive total",
            "begin begins began begun start starts started commence launch launched",
            "end ends ended finish finished close stop",
            "buy buys bought purchase purchased acquire acquired acquisition",
            "build builds built construct construction building",
            "make makes made produce produced create created",
            "reason cause caused causes because why due",
            "ceo chief head boss leader",
            "person people who",
            "job role position work",
            "tall height high",
            "long length duration",
            "big large size largest biggest",
            "live lives lived reside resident",
            "oppose opposed against object objected",
            "approve approved back backed support supported favour favor",
            "late delay delayed delays",
            "phone telephone call number",
            "email e-mail mail write",
            "company firm business",
            "child children kid kids",
            "say said says told",
            "think thought believe",
            "worst severe",
            "choose chose chosen",
            "contact reach",
            "send sent",
            "leave leaves left",
            "fail failed broke break broken",
        )
        for word in group.split()
    }
)
_MONEY = re.compile(
    r"\bhow much\b|\b(?:cost|price|budget|fee|pay|total|amount|revenue|worth)\b", re.IGNORECASE
)
_WANTED: tuple[tuple[re.Pattern[str], frozenset[str]], ...] = (
    (re.compile(r"\b(?:who|whom|whose)\b", re.IGNORECASE), frozenset({"person", "organisation"})),
    (
        re.compile(r"\bwhen\b|\bwhat (?:date|day|year|time|month)\b", re.IGNORECASE),
        frozenset({"date", "time"}),
    ),
    (_MONEY, frozenset({"amount", "percentage"})),
    (re.compile(r"\be-?mail\b|\bcontact\b", re.IGNORECASE), frozenset({"email", "phone"})),
    (re.compile(r"\b(?:phone|telephone|call)\b", re.IGNORECASE), frozenset({"phone"})),
    (re.compile(r"\b(?:website|link|url)\b", re.IGNORECASE), frozenset({"url"})),
)
_COUNTED = re.compile(r"\bhow (?:many|long|old|far|tall|high|big|large|often)\b", re.IGNORECASE)
_WHERE = re.compile(r"\bwhere\b", re.IGNORECASE)
_WHY = re.compile(r"\bwhy\b|\breason\b", re.IGNORECASE)
_AMOUNT = re.compile(r"[$€£¥₹]\s?\d|\d\s?(?:€|dollars\b|euros?\b|pounds\b)", re.IGNORECASE)
_NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|"
    r"fifty|hundred|thousand|half|dozen)\b",
    re.IGNORECASE,
)
_PLACE = re.compile(r"\b(?:in|at|from|near|across|to|on)\s+(?:the\s+)?[A-Z\d]")
_CAUSE = re.compile(
    r"\b(?:because|since|due to|owing to|so that|reason|caused?|fault|failed)\b", re.IGNORECASE
)


class Quotation(NamedTuple):
    """A sentence that answers, where it stands, and how much of the question it shares (0 to 1)."""

    text: str
    start: int
    end: int
    shared: float


def quotations(question: str, text: str, *, most: int = 2) -> list[Quotation]:
    """The sentences of `text` that answer `question`, in their order; none where none does."""
    asked = _asked(question)
    found = [one for one in sentences(text) if one.text.strip() != question.strip()]
    if not asked or not found:
        return []
    bags = [frozenset(_meaning(one.text)) for one in found]
    weights = _weights(asked, bags)
    total = sum(weights.values())
    shared = [_shared(asked, bag, weights) / total for bag in bags]
    inspected = sorted(range(len(found)), key=lambda at: (-shared[at], at))[:MOST_INSPECTED]
    scores = {
        at: shared[at]
        + _context(at, found, bags, asked, weights) / total
        + _fit(question, found[at])
        for at in inspected
        if shared[at] > 0
    }
    if not scores:
        return []
    best = max(scores, key=lambda at: (scores[at], -at))
    if shared[best] + _context(best, found, bags, asked, weights) / total < LEAST_SHARED:
        return []
    taken = [best]
    for at in sorted(scores, key=lambda at: (-scores[at], at)):
        alike = any(_overlap(bags[at], bags[other]) > MOST_ALIKE for other in taken)
        close = scores[at] >= 0.93 * scores[best] and shared[at] >= LEAST_SHARED
        if close and not alike and len(taken) < most and found[at].kind != "heading":
            taken.append(at)
    return [
        Quotation(found[at].text, found[at].start, found[at].end, round(shared[at], 3))
        for at in sorted(taken)
    ]


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / max(1, min(len(one), len(other)))


def _asked(question: str) -> list[str]:
    """The question's telling words, each once."""
    stops = FUNCTION_WORDS["english"]
    kept = [word for word in words(question) if word not in stops and stem(word) not in _ASKING]
    if not kept:
        kept = [word for word in words(question) if word not in stops]
    return list(dict.fromkeys(_SAME.get(stem(word), stem(word)) for word in kept))


def _meaning(text: str) -> Iterator[str]:
    """What a sentence's words stand for; an amount of money speaks of a cost without the word."""
    for term in terms(text):
        yield _SAME.get(term, term)
    if _AMOUNT.search(text):
        yield stem("cost")
    if "@" in text:
        yield from (stem("contact"), stem("email"))


def _weights(asked: Sequence[str], bags: Sequence[frozenset[str]]) -> Mapping[str, float]:
    """What each asked word weighs: most where hardly any sentence has it, or none at all."""
    frequency = Counter(term for bag in bags for term in bag)
    return {term: math.log(1 + (len(bags) + 1) / (frequency.get(term, 0) + 0.5)) for term in asked}


def _shared(asked: Iterable[str], bag: frozenset[str], weights: Mapping[str, float]) -> float:
    """The weight of the asked words in a sentence; a synonym, or a like beginning, counts less."""
    beginnings: dict[str, list[str]] = {}
    for term in bag:
        beginnings.setdefault(term[:5], []).append(term)
    return sum(
        weights[term]
        if term in bag
        else weights[term]
        * max(
            0.7 * any(_akin(term, near) for near in beginnings.get(term[:5], ())),
            SYNONYM_WEIGHT * (not bag.isdisjoint(meanings(term))),
        )
        for term in asked
    )


def _akin(one: str, other: str) -> bool:
    """Whether two words begin alike for most of their length: "approv" and "approval"."""
    alike = sum(1 for _ in itertools.takewhile(bool, map(str.__eq__, one, other)))
    return alike >= 5 and alike >= 0.6 * max(len(one), len(other))


def _context(
    at: int,
    found: Sequence[Sentence],
    bags: Sequence[frozenset[str]],
    asked: Iterable[str],
    weights: Mapping[str, float],
) -> float:
    """The weight of asked words that only the sentence before or its heading has."""
    if not at or found[at].paragraph - found[at - 1].paragraph > 1:
        return 0.0
    if found[at].paragraph != found[at - 1].paragraph and found[at - 1].kind != "heading":
        return 0.0
    missing = [term for term in asked if term not in bags[at]]
    return 0.35 * _shared(missing, bags[at - 1], weights)


def _fit(question: str, sentence: Sentence) -> float:
    """A bonus for holding what is asked for, and a small one for being a sentence."""
    bonus = 0.0 if sentence.kind == "heading" else 0.08
    for pattern, kinds in _WANTED:
        if pattern.search(question):
            has = any(fact.kind in kinds for fact in facts(sentence.text))
            bonus += 0.2 if has else -0.1
            break
    if _COUNTED.search(question) and _NUMBER.search(sentence.text):
        bonus += 0.2
    if _WHERE.search(question) and _PLACE.search(sentence.text):
        bonus += 0.15
    if _WHY.search(question) and _CAUSE.search(sentence.text):
        bonus += 0.2
    return bonus - (0.3 if sentence.text.endswith("?") else 0.0)
