"""What an instruction asks for: the abilities it names, and what lies beyond them."""

# ruff: noqa: RUF001 - the punctuation of many scripts is meant

import re
from collections.abc import Iterator
from typing import Literal, TypeAlias

Ability: TypeAlias = Literal["summary", "classification", "extraction", "answer"]

_ABILITIES: tuple[tuple[Ability, re.Pattern[str]], ...] = (
    (
        "summary",
        re.compile(
            r"\bsummar(?:y|ies|i[sz]\w+)\b|\btl;? ?dr\b|\brecap\b|\bgist\b"
            r"|\bsynopsis\b"
            r"|\bsum (?:it |this )?up\b"
            r"|\b(?:key|main|most important|central) "
            r"(?:points?|ideas?|takeaways?|facts?|messages?)\b"
            r"|\b(?:shorten|condense|abridge)\b|\boverview\b"
            r"|\bin (?:brief|a nutshell)\b"
            r"|\btakeaways\b|\bhighlights\b|\bwhat is (?:this|the) (?:\w+ )?about\b"
            r"|zusammenfass|fass\w* .{0,60}zusammen|\brésum[eé]\w{0,2}\b|\bresum(?:en|ir|a)\b"
            r"|\bresume (?:el|la|los|este|esta)\b|\briassu|samenvat"
            r"|要約|まとめて|总结|總結|摘要|概括|요약",
            re.IGNORECASE,
        ),
    ),
    (
        "classification",
        re.compile(
            r"\bclassif\w+|\bcategori[sz]\w+|\blabel (?:this|the|it|each)\b|\bsentiment\b"
            r"|\b(?:which|what) (?:label|category|class|topic|department|queue|language)"
            r"\b"
            r"|\bis (?:this|it|the \w+) (?:\w+ )?(?:spam|urgent|positive|negative)\b"
            r"|\bpositive,? (?:or|and|/) ?negative\b|\btriage\b"
            r"|\broute (?:this|the) (?:ticket|message)\b"
            r"|\bassign (?:a|one|the) (?:label|category|class)\b|klassifizier|\bclasifica"
            r"|分類|分类",
            re.IGNORECASE,
        ),
    ),
    (
        "extraction",
        re.compile(
            r"\bextract\w*\b|\bpull out\b|\bparse\b|\bidentify (?:all|the|every|any)\b"
            r"|\b(?:list|find|get|show|give me|name|collect) (?:me )?(?:all|every|each|any|the) "
            r"(?:of the )?(?:\w+ ){0,2}?"
            r"(?:dates?|times|amounts?|prices?|names?|people|persons?|companies|"
            r"organi[sz]ations?|e-?mails?(?: addresses)?|addresses|phone(?: numbers?)?|urls?|links|"
            r"entities|percentages?|sums|numbers)\b"
            r"|\b(?:what|which) (?:\w+ )?(?:dates|amounts|people|persons|names|companies|"
            r"organi[sz]ations|e-?mails?|addresses|phone numbers|urls|links) "
            r"(?:are|is|does|do|can|were)\b"
            r"|\bwho (?:is|are) (?:all )?(?:mentioned|named)\b|\bnamed entit|\bextrah|\bextrai"
            r"|抽出|提取",
            re.IGNORECASE,
        ),
    ),
)
_LANGUAGES = (
    "english|german|french|spanish|italian|portuguese|dutch|swedish|japanese|chinese|korean|russian|"
    "arabic|hindi|polish|turkish|greek|latin"
)
_BEYOND: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "translate",
        re.compile(
            rf"\btranslat\w+|\bübersetz|\b(?:in|into|to) (?:{_LANGUAGES})\b(?! or\b)",
            re.IGNORECASE,
        ),
    ),
    (
        "write or explain code",
        re.compile(
            r"\b(?:write|create|generate|fix|debug|implement|refactor|explain)\b.{0,40}"
            r"\b(?:code|function|script|program|sql|query|regex|class|python|javascript)\b"
            r"|\bdebug\b|\brefactor\b|\bimplement\b",
            re.IGNORECASE,
        ),
    ),
    (
        "rewrite text",
        re.compile(
            r"\b(?:rewrite|rephrase|reword|paraphrase|simplify|proofread|polish|edit|improve)\b"
            r"|\b(?:fix|correct) (?:the |my )?(?:grammar|spelling|errors)\b|\bin your own words\b"
            r"|\bin (?:simple|plain|simpler) (?:terms|words|language|english)\b"
            r"|\bmake (?:it|this) (?:more|less|sound)\b|\b(?:formal|friendly|professional) tone\b"
            r"|\blike i'?m five\b",
            re.IGNORECASE,
        ),
    ),
    (
        "write new text",
        re.compile(
            r"\b(?:write|compose|draft|create|generate|invent|brainstorm|make up|design)\b"
            r"|\b(?:poem|haiku|joke|essay|story|song|slogan|limerick|riddle)\b"
            r"|\b(?:reply|respond) to\b|\bschreibe?\b|\bgedicht\b",
            re.IGNORECASE,
        ),
    ),
    (
        "calculate",
        re.compile(
            r"\b(?:calculate|compute|solve|add up|multiply|convert)\b"
            r"|\d\s?[-+*/×÷^]\s?\d{1,20}\s?=?\s?\??$",
            re.IGNORECASE,
        ),
    ),
    (
        "judge, compare or advise",
        re.compile(
            r"\b(?:recommend|suggest|advise|advice|opinion|compare|critique|evaluate|analy[sz]e|"
            r"pros and cons|what do you think|should (?:i|we)|plan (?:a|my|our))\b",
            re.IGNORECASE,
        ),
    ),
    ("explain", re.compile(r"\bexplain\b|\bteach me\b|\bdescribe\b", re.IGNORECASE)),
)
_MAKES_SUMMARY = re.compile(
    r"\b(?:write|give|make|create|generate|produce|draft|provide|prepare|compose|return|output)\s+"
    r"(?:me |us )?(?:up )?(?:an? |the |your |some )?(?:[\w-]+ ){0,4}?"
    r"(?=summary|summaries|overview|abstract|tl;?dr|recap|synopsis|list|bullets?|json|label|key |"
    r"main |gist|highlights|takeaways)",
    re.IGNORECASE,
)
_JSON = re.compile(r"\bjson\b", re.IGNORECASE)
_QUESTION = re.compile(
    r"\W*(?:(?:please|so|and|but|ok|now)[\s,]+)*"
    r"(?:(?:can|could|would) you\s+)?(?:please\s+)?(?:explain|tell me|describe|find out|say)\s+"
    r"(?:about|who|whom|whose|what|when|where|why|which|how|if|whether)\b"
    r"|\W*(?:(?:please|so|and|but|ok|now|hi|hello)[\s,]+)*"
    r"(?:who|whom|whose|what|when|where|why|which|how|is|are|was|were|does|do|did|should|will|has|"
    r"have)\b|\W*(?:based on|according to|in|from) [^?]{3,200}"
    r"\b(?:who|what|when|where|why|which|how)\b",
    re.IGNORECASE,
)


def abilities_in(instruction: str) -> Iterator[Ability]:
    """The abilities an instruction names, in its order."""
    places = [
        (match.start(), ability)
        for ability, pattern in _ABILITIES
        if (match := pattern.search(instruction))
    ]
    yield from (ability for _, ability in sorted(places))


def beyond_in(instruction: str) -> Iterator[str]:
    """What an instruction asks that is beyond this model, as it follows "I cannot"."""
    bare = _MAKES_SUMMARY.sub(" ", instruction)
    found = [name for name, pattern in _BEYOND if pattern.search(bare)]
    if "write or explain code" in found:
        found = [name for name in found if name not in {"write new text", "explain"}]
    yield from found


def is_question(text: str) -> bool:
    """Whether a text asks something, rather than tells or orders."""
    clean = text.strip()
    return bool(clean) and (clean.endswith(("?", "？")) or bool(_QUESTION.match(clean)))


def asks_for_json(instruction: str) -> bool:
    """Whether an instruction wants JSON."""
    return _JSON.search(instruction) is not None
