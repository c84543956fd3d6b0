"""Two orders of chunks, by words and by vectors, made one.

Reciprocal rank fusion (Cormack, Clarke and Büttcher 2009): a chunk gets 1 / (60 + its place) from
each order that has it. Only places count, so scores of different kinds need no common scale.
"""

from collections.abc import Sequence

from headgate.core.documents import Hit, Passage

CANDIDATES = 50
"""How many chunks of each order take part."""

LEAST_NEARNESS = 0.1
"""The cosine below which a vector is near to nothing: unrelated texts come to it by chance."""

_DAMPING = 60


def fused(orders: Sequence[Sequence[Hit]], limit: int) -> tuple[Passage, ...]:
    """The best of all chunks; one that is the first of every order has a score of 1."""
    scores: dict[tuple[str, int], float] = {}
    hits: dict[tuple[str, int], Hit] = {}
    best = len(orders) / (_DAMPING + 1)
    for order in orders:
        for place, hit in enumerate(order, 1):
            name = (hit.document.id, hit.number)
            hits[name] = hit
            scores[name] = scores.get(name, 0.0) + 1 / (_DAMPING + place) / best
    # Of two with the same score the one that stands in the first order, by words, comes first.
    chosen = sorted(scores, key=lambda name: -scores[name])[:limit]
    return tuple(_passage(hits[name], scores[name]) for name in chosen)


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
