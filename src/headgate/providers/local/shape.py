"""The length and form of a summary, and how people ask for them.

They are read from an instruction: "in two sentences", "at most 50 words", "as bullet points".
"""

# ruff: noqa: RUF001 - the punctuation of many scripts is meant

import re
from typing import NamedTuple


class Shape(NamedTuple):
    """What a summary should look like; None leaves it to the text.

    Attributes:
        scale: makes a summary of no stated length shorter (below 1) or longer.
        focus: words that its sentences should be about.
    """

    sentences: int | None = None
    words: int | None = None
    characters: int | None = None
    bullets: bool = False
    scale: float = 1.0
    focus: str = ""


ANY_SHAPE = Shape()

_NUMBERS = {
    "a": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "twelve": 12, "single": 1, "un": 1, "une": 1, "ein": 1, "einem": 1,
    "deux": 2, "zwei": 2, "dos": 2, "trois": 3, "drei": 3, "tres": 3, "vier": 4, "fünf": 5,
}  # fmt: skip
_COUNT = (
    r"(?:\d{1,4}\s*(?:-|–|to|or)\s*)?(?P<count>\d{1,5}|a(?=[ -](?:sentence|line|paragraph))|"
    + "|".join(name for name in _NUMBERS if name != "a")
    + ")"
)
_SENTENCES = re.compile(
    rf"\b{_COUNT}[ -](?:\w+[ -])?(?P<unit>sentences?|lines?|phrases?|sätzen?|satz|frases?|frasi|"
    r"oraciones|zinnen|stichpunkten?|stichworten?|(?:bullet )?points?|bullets?|items|takeaways?|"
    r"ideas?|highlights|facts)\b"
    r"|(?P<wide>\d{1,2})\s?(?:つの)?(?:文|句)",
    re.IGNORECASE,
)
_WORDS = re.compile(rf"\b{_COUNT}[ -](?:words?|wörtern?|mots|palabras|parole)\b", re.IGNORECASE)
_CHARACTERS = re.compile(rf"\b{_COUNT}[ -]?(?:characters?|chars?|letters|文字|字)\b", re.IGNORECASE)
_PARAGRAPHS = re.compile(rf"\b{_COUNT}[ -](?:short )?paragraphs?\b", re.IGNORECASE)
_BULLETS = re.compile(
    r"\bbullet|\bas a list\b|\bkey (?:points|takeaways)\b|\bmain points\b|\blist of\b"
    r"|\bstichpunkt|\bstichwort|箇条書き",
    re.IGNORECASE,
)
_BRIEF = re.compile(r"\b(?:brief(?:ly)?|short|concise(?:ly)?|very short|quick)\b", re.IGNORECASE)
_DETAILED = re.compile(r"\b(?:detailed|long|thorough|comprehensive|in depth)\b", re.IGNORECASE)
_FOCUS = re.compile(
    r"\b(?:focus(?:s?ing|ed)? on|regarding|concerning|with (?:an )?emphasis on|paying attention to|"
    r"especially)\s+([^\n.;:]{2,80})",
    re.IGNORECASE,
)


def shape_of(*instructions: str) -> Shape:
    """The length and form that instructions ask for; an earlier one goes before a later one."""
    for text in instructions:
        count = _counted(_SENTENCES, text)
        limit, characters = _counted(_WORDS, text), _counted(_CHARACTERS, text)
        paragraphs = _counted(_PARAGRAPHS, text)
        bullets = bool(_BULLETS.search(text))
        scale = 0.6 if _BRIEF.search(text) else 1.7 if _DETAILED.search(text) else 1.0
        if count is None and paragraphs is not None and limit is None:
            count = 3 * paragraphs
        focus = _FOCUS.search(text)
        about = focus[1] if focus else ""
        shape = Shape(count, limit, characters, bullets, scale, about)
        if shape != ANY_SHAPE:
            return shape
    return ANY_SHAPE


def _counted(pattern: re.Pattern[str], text: str) -> int | None:
    match = pattern.search(text)
    if match is None:
        return None
    groups = match.groupdict()
    said = groups.get("count") or groups.get("wide") or "1"
    number = _NUMBERS.get(said.casefold())
    return max(1, int(said) if number is None else number)
