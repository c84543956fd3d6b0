"""Summaries made of a text's own sentences, word for word and in their order.

A sentence is worth more when many others are about the same (a walk over the graph of shared
words), when it stands early, and when it carries facts; each further sentence is chosen for what
it adds to those already taken. After Mihalcea and Tarau, "TextRank" (2004), and Carbonell and
Goldstein, "The use of MMR" (1998).
"""

# ruff: noqa: RUF001 - the punctuation of many scripts is meant

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from headgate.core.sentences import Sentence, joined, sentences
from headgate.core.words import (
    FUNCTION_WORDS,
    UNSPACED,
    language,
    pieces,
    terms,
    token_count,
    words,
)
from headgate.providers.local.shape import ANY_SHAPE, Shape

MOST_COMPARED = 240
"""Sentences that are compared with each other; of a longer text, those nearest to its subject."""

MOST_SENTENCES = 9
"""The longest summary of a text when no length was asked for."""

_DAMPING = 0.85
_STEPS = 20
_REPEATED = 0.55
_LEANS = 0.6
_SAME_PARAGRAPH = 0.8
_WEAK = 0.35

Vector: TypeAlias = Mapping[str, float]


class _Candidate(NamedTuple):
    place: int
    sentence: Sentence
    vector: Vector
    score: float


_GREETING = re.compile(
    r"(?:thank you|thanks|dear\b|hi\b|hello\b|hey\b|(?:kind|best|warm) regards|yours\b|sincerely|"
    r"i hope (?:this|you|that)|(?:we|i) look forward|"
    r"please (?:do not|don't) hesitate|"
    r"please (?:feel free|call|contact|let me know)|let me know|you can (?:follow|find|read)|"
    r"copyright|©|all rights reserved|click here|subscribe|photo(?:graph)?:|source:|read more|"
    r"sehr geehrte|mit freundlichen|bonjour|cordialement|estimad[oa]|atentamente)",
    re.IGNORECASE,
)
_LEANING = re.compile(
    r"(?:he|she|it|they|this|that|these|those|such|if (?:it|he|she|they|so|not)|(?:his|her|their)|"
    r"but|however|also|moreover|furthermore|instead|and|so|then|yet|still|nor|or|"
    r"for (?:example|instance|once)|to this end|in contrast|you also|"
    r"er|sie|es|il|elle|ils|elles|ce|cela|aber|mais|pero|doch)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[\"“„«「‘]")
_CUE = re.compile(
    r"\b(?:in (?:conclusion|summary|short)|overall|to sum up|as a result|therefore|"
    r"(?:most|more) important(?:ly)?|significant(?:ly)?|key|crucial|main(?:ly)?|announc\w+|"
    r"approv\w+|decid\w+|agreed?|voted?|launch\w+|conclud\w+|found that|shows? that|showed that|"
    r"results?|fell|rose|grew|dropped|must|require[sd]?|deadline|payable|apologi[sz]e|fault|propos\w+|recommend\w+|"
    r"will|moved|caused?|because)\b",
    re.IGNORECASE,
)
_MEASURE = re.compile(r"\d\s?(?:%|percent|per cent|million|billion)|[$€£¥]\s?\d")
_FACT = re.compile(r"\d|[$€£¥%]")
_UNSPACED = re.compile(f"[{UNSPACED}]")


def summary(text: str, shape: Shape = ANY_SHAPE) -> str:
    """A text's most telling sentences, verbatim but for white space; empty for an empty text."""
    found = sentences(text)
    chosen = [sentence.text for sentence in choose(found, shape)]
    if shape.words is not None or shape.characters is not None:
        chosen = _shortened(chosen, shape)
    if shape.bullets:
        return "\n".join(f"- {sentence}" for sentence in chosen)
    return joined(chosen)


def choose(found: Sequence[Sentence], shape: Shape = ANY_SHAPE) -> list[Sentence]:
    """The sentences of a summary in the order of the text; at least one where there is any."""
    pool = candidates(found, shape.focus)
    wanted = shape.sentences or _usual_count(pool, shape)
    weak = _WEAK * max((one.score for one in pool), default=0.0)
    taken: list[_Candidate] = []
    said = dict.fromkeys((one.place for one in pool), 0.0)
    open_ = list(pool)
    room = _room(shape)
    while open_ and len(taken) < wanted:
        best = max(open_, key=lambda one: (_gain(one, taken, said[one.place]), -one.place))
        open_.remove(best)
        size = _size(best.sentence, shape)
        needless = said[best.place] > _REPEATED or best.score < weak
        if taken and (size > room or (needless and shape.sentences is None)):
            continue
        taken.append(best)
        room -= size
        for one in open_:
            said[one.place] = max(said[one.place], _cosine(one.vector, best.vector))
    return [one.sentence for one in sorted(taken, key=lambda one: one.place)]


def candidates(found: Sequence[Sentence], focus: str = "") -> list[_Candidate]:
    """The sentences worth comparing, with their scores: at most `MOST_COMPARED`."""
    prose = _telling(found)
    stops = FUNCTION_WORDS[
        language(word for sentence in prose[:60] for word in words(sentence.text)) or "english"
    ]
    bags = [Counter(terms(sentence.text, stops)) for sentence in prose]
    frequency = Counter(term for bag in bags for term in bag)
    vectors = [_weighted(bag, frequency, len(bags)) for bag in bags]
    subject = _sum(vectors)
    early = _earliness(prose)
    nearness = [_cosine(vector, subject) for vector in vectors]
    aims = _weighted(Counter(terms(focus, stops)), frequency, len(bags))
    kept = sorted(
        range(len(prose)),
        key=lambda place: (-nearness[place] * early[place] - _cosine(vectors[place], aims), place),
    )[:MOST_COMPARED]
    kept.sort()
    title = _weighted(
        Counter(
            term for one in found[:3] if one.kind == "heading" for term in terms(one.text, stops)
        ),
        frequency,
        len(bags),
    )
    walk = _walk([vectors[place] for place in kept])
    firsts = _first_places(prose)
    last = prose[-1].paragraph if len(firsts) > 3 and prose[-1].kind == "prose" else None
    most, nearest = max(walk, default=1.0) or 1.0, max(nearness, default=1.0) or 1.0
    return [
        _Candidate(
            place,
            prose[place],
            vectors[place],
            (
                0.40 * rank / most
                + 0.20 * nearness[place] / nearest
                + 0.15 * _cosine(vectors[place], title)
                + 1.50 * _cosine(vectors[place], aims)
                + 0.35 * early[place]
                + (0.08 if place in firsts else 0.0)
                + (0.08 if prose[place].paragraph == last else 0.0)
            )
            * _worth(prose[place], place),
        )
        for place, rank in zip(kept, walk, strict=True)
    ]


def _telling(found: Sequence[Sentence]) -> list[Sentence]:
    """Sentences rather than titles and addresses; anything where there is nothing else."""
    seen: set[str] = set()
    prose: list[Sentence] = []
    for sentence in found:
        label = len(sentence.text.split()) < 3 and not _UNSPACED.search(sentence.text)
        if label or sentence.kind == "heading" or sentence.text in seen:
            continue
        seen.add(sentence.text)
        prose.append(sentence)
    return prose or list(found)


def _first_places(prose: Sequence[Sentence]) -> set[int]:
    """Where paragraphs begin."""
    firsts: set[int] = set()
    before: int | None = None
    for place, sentence in enumerate(prose):
        if sentence.paragraph != before:
            firsts.add(place)
            before = sentence.paragraph
    return firsts


def _earliness(prose: Sequence[Sentence]) -> list[float]:
    """The first sentence counts most, courtesies aside; after a few the place hardly matters."""
    early: list[float] = []
    place = 0
    for sentence in prose:
        early.append(0.25 + 0.75 * math.exp(-place / 2.5))
        place += not _GREETING.match(sentence.text)
    return early


def _worth(sentence: Sentence, place: int) -> float:
    """What a sentence's form says about it, whatever its subject."""
    text = sentence.text
    length = len(_UNSPACED.findall(text)) / 2 or len(text.split())
    worth = 1.0
    if length < 7:
        worth *= 0.45 if length < 5 else 0.75
    elif length > 45:
        worth *= 0.8
    if text.endswith(("?", "？", ":")):
        worth *= 0.5
    if _GREETING.match(text):
        worth *= 0.3
    if _LEANING.match(text) and place:
        worth *= _LEANS
    if _QUOTED.match(text):
        worth *= 0.6
    if "http" in text or "www." in text:
        worth *= 0.6
    if _CUE.search(text):
        worth *= 1.15
    if _FACT.search(text):
        worth *= 1.2 if _MEASURE.search(text) else 1.1
    return worth


def _usual_count(pool: Sequence[_Candidate], shape: Shape) -> int:
    """How many sentences a summary has when nobody said: about the square root of the text's.

    A limit of words may be filled with up to half of the text.
    """
    if shape.words is not None or shape.characters is not None:
        return max(1, (len(pool) + 1) // 2)
    count = round(0.9 * math.sqrt(len(pool)) * shape.scale)
    return max(1, min(count, round(MOST_SENTENCES * max(shape.scale, 1.0))))


def _gain(one: _Candidate, taken: Sequence[_Candidate], said: float) -> float:
    """What a sentence would add: its score, less the part of it that is already said."""
    leans = bool(_LEANING.match(one.sentence.text))
    # "She expects…" reads well only behind the sentence that says who she is.
    follows = leans and any(other.place == one.place - 1 for other in taken)
    listed = one.sentence.kind == "item" and not leans
    beside = not listed and any(
        other.sentence.paragraph == one.sentence.paragraph for other in taken
    )
    return (
        one.score
        * (1 / _LEANS if follows else 1.0)
        * (_SAME_PARAGRAPH if beside else 1.0)
        * (1 - said)
    )


def _room(shape: Shape) -> float:
    if shape.words is not None:
        return shape.words
    return math.inf if shape.characters is None else shape.characters


def _size(sentence: Sentence, shape: Shape) -> int:
    if shape.words is not None:
        return token_count(sentence.text)
    return 0 if shape.characters is None else len(sentence.text) + (3 if shape.bullets else 1)


def _shortened(chosen: list[str], shape: Shape) -> list[str]:
    """The only sentence cut off with an ellipsis where even that one is too long."""
    if len(chosen) != 1:
        return chosen
    text = chosen[0]
    if shape.words is not None and token_count(text) > shape.words:
        return ["".join(pieces(text)[: max(shape.words, 1)]).rstrip(" ,;:.") + "…"]
    if shape.characters is not None and len(text) > shape.characters:
        head = text[: max(shape.characters - 1, 1)]
        return [(head.rsplit(" ", 1)[0] if " " in head else head).rstrip(" ,;:.") + "…"]
    return chosen


def _weighted(bag: Mapping[str, int], frequency: Mapping[str, int], total: int) -> Vector:
    """A sentence as a unit vector of its terms, rarer ones heavier."""
    raw = {
        term: (1 + math.log(count)) * math.log(1 + total / (frequency.get(term, 0) or total))
        for term, count in bag.items()
    }
    norm = math.sqrt(sum(weight * weight for weight in raw.values())) or 1.0
    return {term: weight / norm for term, weight in raw.items()}


def _sum(vectors: Iterable[Vector]) -> Vector:
    """The direction of all vectors together, as a unit vector."""
    total: defaultdict[str, float] = defaultdict(float)
    for vector in vectors:
        for term, weight in vector.items():
            total[term] += weight
    norm = math.sqrt(sum(weight * weight for weight in total.values())) or 1.0
    return {term: weight / norm for term, weight in total.items()}


def _cosine(one: Vector, other: Vector) -> float:
    if len(one) > len(other):
        one, other = other, one
    return sum(weight * other[term] for term, weight in one.items() if term in other)


def _walk(vectors: Sequence[Vector]) -> list[float]:
    """How often a reader who follows shared words comes by each sentence."""
    count = len(vectors)
    edges: list[list[tuple[int, float]]] = [[] for _ in vectors]
    for one in range(count):
        for other in range(one + 1, count):
            near = _cosine(vectors[one], vectors[other])
            if near > 0.03:
                edges[one].append((other, near))
                edges[other].append((one, near))
    weights = [sum(near for _, near in row) or 1.0 for row in edges]
    ranks = [1.0] * count
    for _ in range(_STEPS):
        ranks = [
            1 - _DAMPING + _DAMPING * sum(ranks[at] * near / weights[at] for at, near in row)
            for row in edges
        ]
    return ranks
