"""Ranking chunks in this process, for stores whose database cannot.

By terms with BM25, the terms of a concept added up as if they were one; by vector with the cosine.
Both look at every chunk of a workspace, so their time grows with it.
"""

import math
import struct
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from headgate.core.documents import Chunk, Concept, Document, Hit

K1 = 1.5
B = 0.75


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
    concepts: Sequence[Concept],
    all_: Sequence[Candidate],
    admitted: Iterable[Candidate],
    limit: int,
) -> list[Hit]:
    """The best of the `admitted` ones; how telling a concept is, is counted over `all_`."""
    if not all_:
        return []
    average = sum(one.length for one in all_) / len(all_) or 1.0
    told = [
        (
            concept,
            telling(len(all_), sum(not one.counts.keys().isdisjoint(concept) for one in all_)),
        )
        for concept in concepts
    ]
    scored = []
    for one in admitted:
        score = sum(weight * _saturation(one, concept, average) for concept, weight in told)
        if score:
            scored.append((score, one))
    return _best(scored, limit)


def telling(chunks: int, having: int) -> float:
    """How much a concept says that so many of all chunks have."""
    return math.log(1 + (chunks - having + 0.5) / (having + 0.5))


def by_vector(space: str, vector: bytes, admitted: Iterable[Candidate], limit: int) -> list[Hit]:
    """The nearest of the `admitted` ones that are in the same space."""
    wanted = values(vector)
    scored = [
        (nearness(wanted, values(one.chunk.vector)), one)
        for one in admitted
        if one.chunk.space == space and len(one.chunk.vector) == len(vector)
    ]
    return _best(scored, limit)


def values(vector: bytes) -> tuple[float, ...]:
    """The numbers of a vector."""
    return struct.unpack(f"<{len(vector) // 4}f", vector)


def nearness(one: Sequence[float], other: Sequence[float]) -> float:
    """The cosine of the angle between two vectors of length 1."""
    # What it lacks to 1 is half of the squared distance, which is counted in C.
    return 1 - math.dist(one, other) ** 2 / 2


def _saturation(one: Candidate, concept: Concept, average: float) -> float:
    """How much of a concept a chunk has: more for each time, but less and less."""
    times = sum(weight * one.counts.get(term, 0) for term, weight in concept.items())
    return times * (K1 + 1) / (times + K1 * (1 - B + B * one.length / average))


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
