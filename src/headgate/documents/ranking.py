"""Two orders of chunks, by words and by vectors, made one.

In each order the best has 1 and the others their part of it, and a chunk's score is the weighted
mean of the two. Unlike a fusion by places, this keeps what one order is sure of: where a chunk has
far more of the words than any other, a slightly nearer vector does not pass it.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from headgate.core.documents import Hit, Passage

CANDIDATES = 50
"""How many chunks of each order take part."""

LEAST_NEARNESS = 0.1
"""The cosine below which a vector is near to nothing: unrelated texts come to it by chance."""

_Name: TypeAlias = tuple[str, int]


def fused(
    by_terms: Sequence[Hit], by_vector: Sequence[Hit], vector_weight: float, limit: int
) -> tuple[Passage, ...]:
    """The best of all chunks; one that is the first of both orders has a score of 1.

    `vector_weight` is the part of the score that vectors have, from 0 to 1.
    """
    near = [hit for hit in by_vector if hit.nearness >= LEAST_NEARNESS]
    # Of two with the same score the one that words have found earlier comes first.
    hits = {_name(hit): hit for hit in (*by_terms, *near)}
    told, meant = _parts(by_terms), _parts(near)
    scores = {
        name: (1 - vector_weight) * told.get(name, 0.0) + vector_weight * meant.get(name, 0.0)
        for name in hits
    }
    chosen = sorted(scores, key=lambda name: -scores[name])[:limit]
    return tuple(_passage(hits[name], scores[name]) for name in chosen)


def _name(hit: Hit) -> _Name:
    return hit.document.id, hit.number


def _parts(order: Sequence[Hit]) -> Mapping[_Name, float]:
    """How near each is, as a part of how near the first is."""
    return {_name(hit): hit.nearness / order[0].nearness for hit in order}


def _passage(hit: Hit, score: float) -> Passage:
    return Passage(
        document_id=hit.document.id,
        name=hit.document.name,
        text=hit.text,
        start=hit.start,
        end=hit.end,
        page=hit.page,
        score=round(score, 6),
    )
