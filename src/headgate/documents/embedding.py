"""Texts turned into vectors that can be compared, through the models as their caller may use them.

Which model made a vector is a part of it: a *space* names vendor, model and length, and vectors of
two spaces are never compared. So another embedding model, or another one behind the same alias,
mixes nothing up: documents from before it are still found by their words.
"""

import math
from array import array
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from headgate.core.embeddings import EmbeddingRequest
from headgate.core.metered import Models
from headgate.core.usage import UsageEvent

BATCH = 64
"""Texts in one call; vendors take 96 or more."""


class Vector(NamedTuple):
    """A vector of length 1 as little-endian 32-bit floats, and its space."""

    space: str
    values: bytes


class Embedded(NamedTuple):
    """One vector per text, and the ledger's rows of the calls that made them."""

    vectors: list[Vector]
    events: list[UsageEvent]


async def embedded(
    texts: Sequence[str], models: Models, model: str, call_key: str | None
) -> Embedded:
    """The vectors of texts, in their order.

    Raises:
        HeadgateError: there are none; the calls before the one that failed were charged.
    """
    done = Embedded([], [])
    for start in range(0, len(texts), BATCH):
        request = EmbeddingRequest(model=model, input=tuple(texts[start : start + BATCH]))
        part = None if call_key is None else f"{call_key}/vectors/{start}"
        answer = await models.embed(request, call_key=part)
        made = answer.response.vectors
        maker = f"{answer.event.provider}/{answer.event.model}"
        done.vectors.extend(Vector(f"{maker}/{len(one)}", _packed(one)) for one in made)
        done.events.append(answer.event)
    return done


def _packed(vector: Iterable[float]) -> bytes:
    values = array("f", vector)
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return array("f", [value / length for value in values]).tobytes()
