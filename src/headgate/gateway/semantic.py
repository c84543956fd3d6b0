"""Answers to similar questions: which kept answer may be given to a question that is worded anew.

Two requests are compared only where they say the same in everything but the words of the last user
message, and where those name the same numbers. The words are compared by their vectors. The
embedding is a call of the caller's own, with a row, a price and a budget like any other.
"""

import asyncio
import hashlib
import logging
import math
import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import msgspec

from headgate.core.cache import Neighbour, NeighbourStore
from headgate.core.chat import ChatRequest, Message, Text
from headgate.core.errors import HeadgateError
from headgate.gateway.calls import Caller, Place

LONGEST_QUESTION = 4_000
"""In characters: a longer text may differ in a detail that no vector shows."""
MOST_LOOKS = 4
"""So many kept answers are looked for, since the nearest may be gone."""

# So many comparisons are made before others have their turn on the event loop.
_AT_ONCE = 16
_FULL = 127
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
_LOG = logging.getLogger(__name__)


class Embedded(NamedTuple):
    """What a text means, to the model that says so."""

    model: str
    vector: Sequence[float]


class Embeds(Protocol):
    """Makes the vectors that questions are compared by."""

    async def vector(self, caller: Caller, model: str, text: str, place: Place) -> Embedded:
        """The vector of a text, as a part of a call that is admitted already.

        Raises:
            HeadgateError: there is none.
        """
        ...


@dataclass(frozen=True, slots=True)
class Semantics:
    """How similar questions are found.

    Attributes:
        model: makes the vectors.
        threshold: the least cosine of two vectors for which one answer does for both questions.
    """

    store: NeighbourStore
    embeds: Embeds
    model: str
    threshold: float

    def question(self, caller: Caller, request: ChatRequest, scope: object) -> "Question | None":
        """The question that a request asks; None for one that is compared with no other.

        `scope` is what else must be the same.
        """
        text = request.last_user_text
        if not text.strip() or len(text) > LONGEST_QUESTION:
            return None
        rest = without_question(request)
        if rest is None:
            return None
        return Question(self, caller, text, (scope, rest, _NUMBER.findall(text)))


class Question:
    """One question: the answers to others like it, and itself for those who ask later."""

    def __init__(self, semantics: Semantics, caller: Caller, text: str, scope: object) -> None:
        self._semantics = semantics
        self._caller = caller
        self._text = text
        self._scope = scope
        self._found: tuple[str, bytes] | None = None

    async def alike(self, place: Place) -> Sequence[str]:
        """The names of answers to similar questions, the most similar first.

        None where no vector can be had: a cache is never why a call fails.
        """
        semantics = self._semantics
        try:
            meant = await semantics.embeds.vector(self._caller, semantics.model, self._text, place)
        except HeadgateError as error:
            _LOG.warning(
                "request %s: similar questions were not looked for: %s",
                self._caller.request_id,
                error.message,
            )
            return ()
        vector = packed(meant.vector)
        if not vector:
            return ()
        named = msgspec.json.encode((meant.model, self._scope), order="sorted")
        group = hashlib.sha256(named).hexdigest()
        self._found = (group, vector)
        near: list[tuple[float, str]] = []
        for number, neighbour in enumerate(await semantics.store.neighbours(group), start=1):
            likeness = similarity(vector, neighbour.vector)
            if likeness >= semantics.threshold:
                near.append((likeness, neighbour.name))
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
        near.sort(key=lambda each: -each[0])
        return [name for _, name in near[:MOST_LOOKS]]

    async def remember(self, name: str) -> None:
        """Let those who ask similar questions find the answer that is kept under `name`."""
        if self._found is not None:
            group, vector = self._found
            await self._semantics.store.add_neighbour(group, Neighbour(vector, name))


def without_question(request: ChatRequest) -> object | None:
    """All that a request says but the words of its last user message.

    None where these words cannot be told from the rest.
    """
    if request.wire is not None:
        return _without_words(request)
    messages = list(request.messages)
    for place in range(len(messages) - 1, -1, -1):
        if messages[place].role == "user":
            messages[place] = _silent(messages[place])
            return msgspec.structs.replace(request, model="", messages=tuple(messages))
    return None


def _without_words(request: ChatRequest) -> object | None:
    """The same of a body in a vendor's protocol, by what is common to all of them."""
    wire = request.wire
    if wire is None:
        return None
    body = msgspec.json.decode(wire.body, type=dict[str, Any])
    turns = body.get("messages")
    if not isinstance(turns, list):
        return None
    asked = [turn for turn in turns if isinstance(turn, dict) and turn.get("role") == "user"]
    if not asked:
        return None
    words: list[object] = []
    content = asked[-1].get("content")
    if isinstance(content, str):
        words.append(content)
        asked[-1]["content"] = ""
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and part.get("type") == "text":
            words.append(part.get("text"))
            part["text"] = ""
    if "\n".join(str(word) for word in words) != request.last_user_text:
        return None
    return (wire.protocol, wire.headers, request.use_case, body | {"model": ""})


def _silent(message: Message) -> Message:
    """The message without its words."""
    if isinstance(message.content, str):
        return msgspec.structs.replace(message, content="")
    parts = tuple(
        msgspec.structs.replace(part, text="") if isinstance(part, Text) else part
        for part in message.content
    )
    return msgspec.structs.replace(message, content=parts)


def packed(vector: Sequence[float]) -> bytes:
    """A vector's direction, one signed byte for each dimension; empty where it has none."""
    most = max(map(abs, vector), default=0.0)
    if not 0 < most < math.inf:
        return b""
    return array("b", [round(_FULL * each / most) for each in vector]).tobytes()


def similarity(one: bytes, other: bytes) -> float:
    """The cosine of the angle between two packed vectors; 0 where they cannot be compared."""
    if not one or len(one) != len(other):
        return 0.0
    # From lengths and distance, by the law of cosines: `math` has these, and is fast.
    left, right = memoryview(one).cast("b").tolist(), memoryview(other).cast("b").tolist()
    a, b, c = math.hypot(*left), math.hypot(*right), math.dist(left, right)
    return (a * a + b * b - c * c) / (2 * a * b) if a and b else 0.0
