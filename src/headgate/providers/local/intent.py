"""What a conversation asks of a model that understands no language, and about which text.

A request is told apart into its instruction ("Summarise this in two sentences") and its material
(the text to work on), by the marks people put between them. The instruction says which abilities
are wanted; whatever it wants beyond them is named, so that the answer can say what was not done.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from headgate.core.chat import ChatRequest
from headgate.core.words import language, words
from headgate.providers.local.abilities import (
    Ability,
    abilities_in,
    asks_for_json,
    beyond_in,
    is_question,
)
from headgate.providers.local.parting import LONGEST_IN_CHARACTERS, parted, sectioned
from headgate.providers.local.shape import ANY_SHAPE, Shape, shape_of

_QUOTE = re.compile(r"^> ?", re.MULTILINE)

LONG_ENOUGH = 60
"""Words from which a text without any instruction is taken as one to summarise."""


class Intent(NamedTuple):
    """What is asked.

    Attributes:
        abilities: in the order in which they are asked for; none where nothing here can help.
        instruction: the user's own words about what to do; a question is one.
        material: the text to work on; empty where none was given.
        beyond: what was asked that cannot be done, as it follows "I cannot".
        guessed: whether nothing was asked, only a text given.
        standing: the system's texts, which order what the user's own words leave open.
        results: what tools have returned for this question.
    """

    abilities: tuple[Ability, ...]
    instruction: str
    material: str
    beyond: tuple[str, ...] = ()
    shape: Shape = ANY_SHAPE
    as_json: bool = False
    guessed: bool = False
    standing: str = ""
    results: str = ""

    @property
    def orders(self) -> str:
        """The words that say what to do: the user's own where they name an ability."""
        if next(abilities_in(self.instruction), None) or not self.standing:
            return self.instruction
        return f"{self.standing}\n{self.instruction}"


def intent(request: ChatRequest) -> Intent:
    """What `request` asks."""
    system = "\n".join(message.text for message in request.messages if message.role == "system")
    standing = _standing(request.use_case, system)
    last = request.last_user_text.strip()
    instruction, material = parted(last, questions=standing in {(), ("answer",)})
    abilities = tuple(abilities_in(instruction))
    beyond = tuple(beyond_in(instruction))
    if not abilities and not material and _is_meant_as_text(standing, beyond):
        instruction, material = "", instruction
    results = _results(request)
    if not material:
        material = _earlier(request, system, last)
    material = _QUOTE.sub("", material)
    if not abilities and material and (is_question(instruction) or results):
        # "What should we do, and who decides?" is looked up in the text like any question.
        abilities, beyond = ("answer",), tuple(one for one in beyond if one == "translate")
    as_json = asks_for_json(instruction) or asks_for_json(system[:LONGEST_IN_CHARACTERS])
    if not abilities and not beyond:
        abilities = standing or (("extraction",) if as_json and material else ())
    guessed = not (abilities or beyond or instruction) and len(material.split()) >= LONG_ENOUGH
    return Intent(
        abilities=("summary",) if guessed else abilities,
        instruction=instruction,
        material=material,
        beyond=_without_own_language(beyond, instruction, material),
        shape=shape_of(instruction, system[:LONGEST_IN_CHARACTERS]),
        as_json=as_json,
        guessed=guessed,
        standing=system[:LONGEST_IN_CHARACTERS],
        results=results,
    )


def _is_meant_as_text(standing: tuple[Ability, ...], beyond: tuple[str, ...]) -> bool:
    """Whether a short message is something to work on rather than something to do.

    Where all is to be summarised, "Write a poem" is still an order, and one to refuse.
    """
    if standing == ("summary",):
        return not beyond
    return standing in {("classification",), ("extraction",)}


def _results(request: ChatRequest) -> str:
    """What tools returned since the user last spoke."""
    returned: list[str] = []
    for message in request.messages:
        if message.role == "user":
            returned.clear()
        elif message.role == "tool":
            returned.append(message.text)
    return "\n\n".join(returned)


def _without_own_language(
    beyond: tuple[str, ...], instruction: str, material: str
) -> tuple[str, ...]:
    """Without the wish for a language in which the text is already written."""
    lower = instruction.casefold()
    if "translate" not in beyond or "translat" in lower:
        return beyond
    spoken = language(words(material[:5_000]))
    if spoken is None or re.search(rf"\b(?:in|into|to) {spoken}\b", lower) is None:
        return beyond
    return tuple(one for one in beyond if one != "translate")


def _standing(use_case: str | None, system: str) -> tuple[Ability, ...]:
    """What every text of the conversation is for, by its use case or its system prompt."""
    said = (use_case or "")[:200].replace("_", " ").replace("-", " ")
    found = tuple(abilities_in(said))
    if found:
        return found[:1]
    if re.search(r"\b(?:qa|q&a|rag|question|questions|answering|lookup)\b", said, re.IGNORECASE):
        return ("answer",)
    head = system[:2_000]
    found = tuple(abilities_in(head))
    if found:
        return found[:1]
    asked = re.search(
        r"\banswer\b.{0,60}\bquestions?\b|\bonly (?:use|from) the\b", head, re.IGNORECASE
    )
    return ("answer",) if asked else ()


def _earlier(request: ChatRequest, system: str, last: str) -> str:
    """The text that the rest of the conversation gives: tools' results, context, earlier turns."""
    tools = [message.text for message in request.messages if message.role == "tool"]
    told: list[str] = []
    for message in request.messages:
        text = message.text.strip()
        if message.role == "user" and text != last:
            instruction, material = parted(text)
            told.append(material or ("" if is_question(instruction) else instruction))
    _, given = sectioned(system, questions=False) or parted(system, questions=False)
    context = given if len(given.split()) >= 12 else ""
    return "\n\n".join(part for part in (*tools, *_longest_first(told), context) if part)


def _longest_first(told: Sequence[str]) -> list[str]:
    """Only the texts worth asking about: the statements, unless there is a real document."""
    documents = [text for text in told if len(text.split()) >= LONG_ENOUGH]
    return documents or [text for text in told if text]
