"""Vectors that are near when texts share words, parts of words and pairs of words.

Each feature is hashed to a place and a sign ("the hashing trick", Weinberger et al. 2009), counted
on a logarithmic scale and the whole brought to length 1. They know spelling, not meaning: "car"
and "cars" are near, "car" and "automobile" are not.
"""

import hashlib
import itertools
import math
from collections import Counter
from collections.abc import Iterator

from headgate.core.words import FUNCTION_WORDS, stem, words

DIMENSIONS = 256
MOST_DIMENSIONS = 4_096

_WORD = 1.0
_SMALL_WORD = 0.15
_PAIR = 0.5
_GRAM = 0.3


def vector(text: str, dimensions: int = DIMENSIONS) -> tuple[float, ...]:
    """The unit vector of a text, the same in every process; a text without words has one too."""
    places = [0.0] * dimensions
    for feature, weight in _features(text):
        hashed = int.from_bytes(hashlib.blake2b(feature.encode(), digest_size=8).digest(), "big")
        sign = 1.0 if hashed & 1 else -1.0
        places[(hashed >> 1) % dimensions] += sign * weight
    length = math.sqrt(sum(value * value for value in places))
    if not length:
        # Nothing was found, or all of it cancelled out.
        return (1.0,) + (0.0,) * (dimensions - 1)
    return tuple(round(value / length, 7) for value in places)


def _features(text: str) -> Iterator[tuple[str, float]]:
    """Each feature once, with its weight."""
    found = words(text)
    small = FUNCTION_WORDS["english"]
    stems = [stem(word) for word in found]
    for word, count in Counter(found).items():
        weight = 1 + math.log(count)
        yield f"w {stem(word)}", weight * (_SMALL_WORD if word in small else _WORD)
        if word not in small:
            for gram in _grams(word):
                yield f"g {gram}", weight * _GRAM
    for (one, other), count in Counter(itertools.pairwise(stems)).items():
        if not (one in small and other in small):
            yield f"p {one} {other}", (1 + math.log(count)) * _PAIR


def _grams(word: str) -> Iterator[str]:
    """The runs of three and four characters of a word with its edges marked."""
    marked = f"<{word[:60]}>"
    for size in (3, 4):
        for at in range(len(marked) - size + 1):
            yield marked[at : at + size]
