"""What exactly an instruction wants: among which labels to choose, which fields to extract."""

# ruff: noqa: RUF001 - the punctuation of many scripts is meant

import re

from headgate.core.words import FUNCTION_WORDS, word_set, words
from headgate.providers.local.properties import kinds_of

_FEELINGS = ("positive", "negative", "neutral")
_TOPICS = (
    "politics",
    "business",
    "finance",
    "technology",
    "science",
    "health",
    "environment",
    "education",
    "crime",
    "sports",
    "entertainment",
    "travel",
    "food",
    "weather",
)
_LANGUAGES = (
    "English",
    "German",
    "French",
    "Spanish",
    "Italian",
    "Portuguese",
    "Dutch",
    "Swedish",
    "Japanese",
    "Chinese",
    "Korean",
    "Russian",
    "Arabic",
)
_LABELS_BEHIND = (
    re.compile(
        r"\b(?:labels?|categories|classes|options|topics)\s*(?:are|is)?\s*[:=]?\s*"
        r"[\[({]([^\[\](){}]{1,600})[\])}]",
        re.IGNORECASE,
    ),
    re.compile(r"[\[({]([^\[\](){}]{3,600})[\])}]"),
    re.compile(
        r"\b(?:labels?|categories|classes|options|topics|following)\s*(?:are|is)?\s*[:=]\s*"
        r"([^\n.?]+)",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:as|into|under|between|whether (?:it|this|the \w+) is|is (?:this|it)(?: \w+)?:|"
        r"one of|among)\s+(?:(?:either|one of|exactly one of|the following|these)\b)?\s*:?\s*"
        r"([^\n.?:]+)",
        re.IGNORECASE,
    ),
    re.compile(r"\bis (?:this|it|the following)(?: \w+)? ([^\n.?:]+ or [^\n.?:]+)", re.IGNORECASE),
)
_LABEL_SEPARATOR = re.compile(r"\s*(?:,\s*(?:or|and)\s+|[,/|;]|\bor\b|\band\b|\n\s*[-*]?)\s*")
_FIELDS = re.compile(
    r"\b(?:extract\w*|list|find|identify|pull out|get|give me|show(?: me)?|parse|collect|name|"
    r"what are|what is)\b[:\s]*"
    r"(.+?)(?=\s+(?:from|in|out of|mentioned|as|into|that|which|and return|and output|below|"
    r"and put)\b|[.?]|$)",
    re.IGNORECASE | re.DOTALL,
)
_KEYS = re.compile(r"\b(?:keys|fields|properties)\b[:\s]*(?:are\s)?(.+?)(?=[.?]|\n\n|$)", re.DOTALL)
_FIELD_SEPARATOR = re.compile(r"\s*(?:,|;|\band\b|&|\n\s*[-*•]?)\s*")
_FILLER = re.compile(
    r"^(?:(?:all|every|each|any|the|of|a|an|me|keys?|fields?|following|mentioned|named|different|"
    r"its|their|of|information|key|relevant|important)\b[:\s]*)+",
    re.IGNORECASE,
)
_EVERYTHING = word_set(
    """
    information info data entities entity details everything facts fields items structured
    json named key
    """
)
_ASKS_FOR = re.compile(
    r"\b(?:what|which)\s+((?:[\w-]+ ){0,2}?[\w-]+)\s+(?:are|is|were|was|does|do|did|can)\b",
    re.IGNORECASE,
)
_ASKS_WHO = re.compile(r"\bwho (?:is|are) (?:all )?(?:mentioned|named)\b", re.IGNORECASE)
_ONLY = re.compile(
    r"\b(?:only|just) (?:with )?(?:the|a|one|its)?\s?(?:\w+ )?"
    r"(?:label|category|class|word|name|answer)\b"
    r"|\b(?:one|single) word\b|\bnothing else\b|\blabel only\b",
    re.IGNORECASE,
)


def labels_of(asked: str) -> tuple[str, ...]:
    """The labels that an instruction names, or the usual ones for what it speaks of."""
    for pattern in _LABELS_BEHIND:
        for match in pattern.finditer(asked):
            found = [part.strip(" \t\"'`“”‘’*.:") for part in _LABEL_SEPARATOR.split(match[1])]
            found = [_without_article(part) for part in found if part]
            if len(found) >= 2 and all(len(part.split()) <= 4 for part in found):
                return tuple(dict.fromkeys(found))
    lower = asked.casefold()
    if "spam" in lower:
        return ("spam", "not spam")
    if "urgen" in lower:
        return ("urgent", "not urgent")
    if "language" in lower:
        return _LANGUAGES
    return _FEELINGS if "sentiment" in lower or "tone" in lower else _TOPICS


def _without_article(label: str) -> str:
    return re.sub(r"^(?:either|a|an|the)\s+", "", label, flags=re.IGNORECASE) or label


def fields_of(instruction: str) -> tuple[str, ...]:
    """What an instruction wants extracted; empty where it wants whatever there is."""
    if _ASKS_WHO.search(instruction):
        return ("people",)
    asked = [match[1] for match in _ASKS_FOR.finditer(instruction) if kinds_of(match[1])]
    if asked:
        return tuple(asked)
    names: list[str] = []
    pattern = _KEYS if _KEYS.search(instruction) else _FIELDS
    for match in pattern.finditer(instruction):
        for part in _FIELD_SEPARATOR.split(match[1]):
            name = _FILLER.sub("", part.strip(" \t\n:\"'`*[](){}")).strip(" :\"'`*[](){}")
            telling = [word for word in words(name) if word not in FUNCTION_WORDS["english"]]
            if telling and len(telling) <= 4 and not _EVERYTHING.issuperset(telling):
                names.append(name)
    return tuple(dict.fromkeys(names))[:24]


def wants_label_only(*instructions: str) -> bool:
    """Whether the bare label is wanted, without a word on how sure it is."""
    return any(_ONLY.search(text) for text in instructions)
