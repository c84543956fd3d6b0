"""Ranking chunks in this process, for stores whose database cannot.

By terms with BM25 (k1 = 1.2, b = 0.75, as SQLite's FTS5 counts it), by vector with the cosine.
Both look at every chunk of a workspace, so their time grows with it.
"""

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from operator import mul
from typing import NamedTuple

from headgate.core.documents import Chunk, Document, Hit

_K1 = 1.2
_B = 0.75
_LEAST_WEIGHT = 1e-6


class Candidate(NamedTuple):
    """A chunk that may be found, with its document and how often it has each of its terms."""

    document: Document
    chunk: Chunk
    counts: Mapping[str, int]
    length: int


def candidates(document: Document, chunks: Iterable[Chunk]) -> list[Candidate]:
    """A document's chunks, made ready to be ranked again and again."""
    found = []
    for chunk in chunks:
        terms = chunk.terms.split()
        found.append(Candidate(document, chunk, Counter(terms), len(terms)))
    return found


def by_terms(
    terms: Sequence[str], all_: Sequence[Candidate], admitted: Iterable[Candidate], limit: int
) -> list[Hit]:
    """The best of the `admitted` ones; how telling a term is, is counted over `all_`."""
    if not all_:
        return []
    average = sum(one.length for one in all_) / len(all_) or 1.0
    weights = {term: _weight(term, all_) for term in dict.fromkeys(terms)}
    scored = [
        (sum(_score(one, term, weight, average) for term, weight in weights.items()), one)
        for one in admitted
        if any(term in one.counts for term in weights)
    ]
    return _best(scored, limit)


def by_vector(space: str, vector: bytes, admitted: Iterable[Candidate], limit: int) -> list[Hit]:
    """The nearest of the `admitted` ones that are in the same space."""
    wanted = array("f", vector)
    scored = [
        (sum(map(mul, wanted, array("f", one.chunk.vector))), one)
        for one in admitted
        if one.chunk.space == space and len(one.chunk.vector) == len(vector)
    ]
    return _best(scored, limit)


def _weight(term: str, all_: Sequence[Candidate]) -> float:
    having = sum(term in one.counts for one in all_)
    return max(_LEAST_WEIGHT, math.log((len(all_) - having + 0.5) / (having + 0.5)))


def _score(one: Candidate, term: str, weight: float, average: float) -> float:
    count = one.counts.get(term, 0)
    damped = count + _K1 * (1 - _B + _B * one.length / average)
    return weight * count * (_K1 + 1) / damped


def _best(scored: list[tuple[float, Candidate]], limit: int) -> list[Hit]:
    scored.sort(key=lambda found: (-found[0], found[1].document.id, found[1].chunk.number))
    return [
        Hit(
            document=one.document,
            number=one.chunk.number,
            start=one.chunk.start,
            end=one.chunk.end,
            text=one.chunk.text,
            page=one.chunk.page,
            nearness=score,
        )
        for score, one in scored[:limit]
    ]
