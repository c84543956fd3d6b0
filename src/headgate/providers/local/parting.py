"""A message told apart into its instruction and its material.

People mark where the text begins in many ways: fences, tags, "Text:", quotation marks, a colon, an
empty line. Each way is tried in turn, and holds only where the rest reads like an instruction.
"""

# ruff: noqa: RUF001 - the punctuation of many scripts is meant

import itertools
import re

from headgate.core.sentences import sentences
from headgate.providers.local.abilities import abilities_in, asks_for_json, beyond_in

LONGEST_INSTRUCTION = 90
LONGEST_IN_CHARACTERS = 2_000
"""What is longer, in words or in characters, is material."""

_COURTESY = (
    r"(?:(?:please|kindly|now|hi|hello|hey|ok|okay|so|then|next|also|and|thanks|can you|could you|"
    r"would you|will you|i(?:'d| would) like(?: you)?(?: to)?|i (?:want|need)(?: you)?(?: to)?|"
    r"your task is(?: to)?|your job is(?: to)?|task|instructions?|help me(?: to)?|quickly|briefly|"
    r"for me|there|below is [^.:]{0,60}[.:])[\s,:!]*)*"
)
_REQUEST = re.compile(
    rf"\W*{_COURTESY}(?:summar|tl;?\s?dr|recap|condense|shorten|abridge|sum up|classif|categori|"
    r"label|extract|list|find|get|show|give|name|identify|pull|parse|collect|tell|translat|rewrite|"
    r"rephrase|paraphrase|write|compose|draft|create|generate|explain|describe|compare|analy|"
    r"evaluate|answer|quote|what|who|whom|whose|when|where|why|which|how|is|are|was|were|does|do|"
    r"did|can|could|should|will|would|has|have|triage|route|assign|decide|determine|detect|make|"
    r"provide|return|output|read|use|using|based on|according to|from the|"
    r"in (?:\w+ ){1,2}(?:sentences?|words)|an? (?:\w+ ){0,2}summary|key points|main points|"
    r"the gist|calculate|compute|solve|simplify|proofread|improve|fix|convert|fass|résum|resum|"
    r"riassu|samenvat|extrah|übersetz|schreib)",
    re.IGNORECASE,
)
_FOREIGN_REQUEST = re.compile(
    r"要約|まとめて|总结|總結|摘要|概括|요약|分類|分类|抽出|提取|[Zz]usammen"
)
_DELIMITED = (
    re.compile(r"```[\w-]*\n?(.+?)```", re.DOTALL),
    re.compile(r'"""(.+?)"""', re.DOTALL),
    re.compile(r"(?:^|\n)---+\n(.+?)(?:\n---+|\Z)", re.DOTALL),
)
_CLOSING = re.compile(r"</([a-zA-Z][\w-]{0,30})>")
MOST_TAGS = 20
"""Closing tags from which a text is a page of markup."""

_MATERIAL_LABEL = re.compile(
    r"^[ \t#*]*(?:the )?(?:text|article|context|document|passage|e-?mail|letter|transcript|input|"
    r"content|review|ticket|message|sources?|notes|excerpts?|report)[ \t*]*:[ \t*]*",
    re.IGNORECASE | re.MULTILINE,
)
_TASK_LABEL = re.compile(
    r"^[ \t#*]*(?:question|q|instructions?|task|query|request)[ \t*]*:[ \t*]*",
    re.IGNORECASE | re.MULTILINE,
)
_CUE_LABEL = re.compile(
    r"^[ \t#*]*(?:answer|a|summary|output|label|category|result)[ \t*]*:[ \t*]*$",
    re.IGNORECASE | re.MULTILINE,
)
LONGEST_QUOTING = 4_000
_TRAILING_CUE = re.compile(r"\n\s*(tl;?\s?dr)\s*[:?.]*\s*$", re.IGNORECASE)
_QUOTED = re.compile(r"(?<!\w)(?:\"([^\"]{2,})\"|“([^”]{2,})”|«([^»]{2,})»|'([^'\n]{12,})'(?!\w))")
_HEAD = re.compile(r"([^\n:]{2,300}?)\s*[:：]\s*(?=\S)")
_PARAGRAPH = re.compile(r"\n[ \t]*\n")


def parted(text: str, *, questions: bool = True) -> tuple[str, str]:
    """A message's instruction and its material; either may be empty.

    With `questions` a question beside a text is an instruction; without, only an order is, so
    that a letter that asks something can itself be summarised.
    """
    for split in (_delimited, sectioned, _quoted, _headed, _by_paragraph, _by_sentence):
        found = split(text, questions=questions)
        if found is not None and len(found[0]) <= LONGEST_IN_CHARACTERS:
            return found[0].strip(), found[1].strip()
    if _is_instruction(text, questions=questions):
        return text, ""
    is_long = len(text) > LONGEST_IN_CHARACTERS or len(text.split()) >= 12
    return ("", text) if is_long else (text, "")


def _is_instruction(text: str, *, questions: bool) -> bool:
    """Whether a short text tells what to do."""
    clean = text.strip()
    if not clean or len(clean) > LONGEST_IN_CHARACTERS:
        return False
    if len(clean.split()) > LONGEST_INSTRUCTION:
        return False
    named = next(abilities_in(clean), None) is not None
    if _FOREIGN_REQUEST.search(clean[:200]):
        return True
    if questions:
        return bool(_REQUEST.match(clean)) or clean.endswith(("?", "？"))
    return named and bool(_REQUEST.match(clean))


def _delimited(text: str, *, questions: bool) -> tuple[str, str] | None:
    """Material in fences, triple quotes, tags or between rules."""
    tagged = _tagged(text)
    if tagged is not None and _is_instruction(tagged[0], questions=questions):
        return tagged
    for pattern in _DELIMITED:
        inside = [match[match.lastindex or 0] for match in pattern.finditer(text)]
        outside = pattern.sub(" ", text).strip()
        if inside and _is_instruction(outside, questions=questions):
            return outside, "\n\n".join(part.strip() for part in inside)
    return None


def _tagged(text: str) -> tuple[str, str] | None:
    """What stands outside and inside of tags; None for a page of markup or a text without."""
    closings = list(itertools.islice(_CLOSING.finditer(text), MOST_TAGS + 1))
    if not 1 <= len(closings) <= MOST_TAGS:
        return None
    outside: list[str] = []
    inside: list[str] = []
    done = 0
    for closing in closings:
        opening = f"<{closing[1]}>"
        start = text.find(opening, done, closing.start())
        if start >= 0:
            outside.append(text[done:start])
            inside.append(text[start + len(opening) : closing.start()].strip())
            done = closing.end()
    outside.append(text[done:])
    return ("\n".join(outside).strip(), "\n\n".join(inside)) if inside else None


def sectioned(text: str, *, questions: bool) -> tuple[str, str] | None:
    """Material under "Text:" or "Context:", the task before it or under "Question:"."""
    text = _CUE_LABEL.sub("", text)
    material = _MATERIAL_LABEL.search(text)
    task = _TASK_LABEL.search(text)
    if material is None:
        if task is None or not text[: task.start()].strip():
            return None
        return text[task.end() :], text[: task.start()]
    if task is None:
        head = text[: material.start()]
        return (
            (head, text[material.end() :]) if _is_instruction(head, questions=questions) else None
        )
    if task.start() < material.start():
        return text[task.end() : material.start()], text[material.end() :]
    return text[task.end() :], text[material.end() : task.start()]


def _quoted(text: str, *, questions: bool) -> tuple[str, str] | None:
    """Material in quotation marks inside an instruction."""
    if len(text) > LONGEST_QUOTING or not _REQUEST.match(text):
        return None
    inside = [next(part for part in match.groups() if part) for match in _QUOTED.finditer(text)]
    outside = _QUOTED.sub(" ", text).strip()
    long_ = len(inside) == 1 and len(inside[0].split()) >= 2
    if long_ and len(outside.split()) <= 40 and _is_instruction(outside, questions=questions):
        named = bool(next(abilities_in(outside), None) or next(beyond_in(outside), None))
        if named or len(inside[0].split()) >= 6:
            return outside, inside[0]
    return None


def _headed(text: str, *, questions: bool) -> tuple[str, str] | None:
    """Material behind the first colon: "Summarise in two sentences: …"."""
    match = _HEAD.match(text)
    if match is None or not _is_instruction(match[1], questions=questions):
        return None
    ability = next(abilities_in(match[1]), None)
    named = bool(ability or next(beyond_in(match[1]), None) or asks_for_json(match[1]))
    rest = text[match.end() :]
    own_line = "\n" in text[match.end(1) : match.end()]
    if own_line or (named and len(rest.split()) >= 3) or _FOREIGN_REQUEST.search(match[1]):
        listing = ability in {"extraction", "classification"}
        return _with_list(match[1], rest) if listing else (match[1], rest)
    return None


def _with_list(head: str, rest: str) -> tuple[str, str]:
    """An instruction that goes on behind its colon: "Extract: name, date", then the text."""
    first, _, below = rest.partition("\n")
    listed = "," in first and len(first.split()) <= 15 and below.strip()
    return (f"{head}: {first}", below) if listed else (head, rest)


def _by_paragraph(text: str, *, questions: bool) -> tuple[str, str] | None:
    """An instruction that stands alone above or below its material."""
    tail = max(0, len(text) - 40)
    cue = _TRAILING_CUE.search(text, tail)
    if cue:
        return cue[1], text[: cue.start()]
    paragraphs = _PARAGRAPH.split(text)
    if len(paragraphs) > 1:
        if _is_instruction(paragraphs[0], questions=questions):
            return paragraphs[0], "\n\n".join(paragraphs[1:])
        if _is_instruction(paragraphs[-1], questions=questions):
            return paragraphs[-1], "\n\n".join(paragraphs[:-1])
    first, _, rest = text.partition("\n")
    if rest.strip() and len(rest.split()) >= 3 and _is_instruction(first, questions=questions):
        return first, rest
    before, _, last = text.rpartition("\n")
    if len(before.split()) >= 8 and _is_instruction(last, questions=questions):
        return last, before
    return None


def _by_sentence(text: str, *, questions: bool) -> tuple[str, str] | None:
    """An instruction that is the first or the last sentence of one paragraph."""
    found = sentences(text[:100_000])
    if len(found) < 2:
        return None
    first, last = found[0], found[-1]
    named = next(abilities_in(first.text), None) is not None
    least = 3 if named else 8
    if _is_instruction(first.text, questions=questions) and len(text[first.end :].split()) >= least:
        return first.text, text[first.end :]
    if last.end == len(text.rstrip()) and _is_instruction(last.text, questions=questions):
        before = text[: last.start]
        if len(before.split()) >= 4 and not _is_instruction(before, questions=questions):
            return last.text, before
    return None
