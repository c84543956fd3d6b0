"""What a conversation asks of a model that understands no language, and about which text.

A request is told apart into its instruction ("Summarise this in two sentences") and its material
(the text to work on), by the marks people put between them. The instruction says which abilities
are wanted; whatever it wants beyond them is named, so that the answer can say what was not done.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

from headgate.core.chat import ChatRequest
from headgate.providers.local.sentences import sentences
from headgate.providers.local.summarize import Shape

Ability: TypeAlias = Literal["summary", "classification", "extraction", "answer"]

LONG_ENOUGH = 60
"""Words from which a text without any instruction is taken as one to summarise."""

LONGEST_INSTRUCTION = 90


class Intent(NamedTuple):
    """What is asked.

    Attributes:
        abilities: in the order in which they are asked for; none where nothing here can help.
        instruction: the user's own words about what to do; a question is one.
        material: the text to work on; empty where none was given.
        beyond: what was asked that cannot be done, as it follows "I cannot".
        guessed: whether nothing was asked, only a text given.
    """

    abilities: tuple[Ability, ...]
    instruction: str
    material: str
    beyond: tuple[str, ...] = ()
    shape: Shape = Shape()
    as_json: bool = False
    guessed: bool = False


_ABILITIES: tuple[tuple[Ability, re.Pattern[str]], ...] = (
    (
        "summary",
        re.compile(
            r"\bsummar(?:y|ies|i[sz]\w+)\b|\btl;? ?dr\b|\brecap\b|\bgist\b|\bsynopsis\b|\bsum (?:it |this )?up\b"
            r"|\b(?:key|main|most important|central) (?:points?|ideas?|takeaways?|facts?|messages?)\b"
            r"|\b(?:shorten|condense|abridge)\b|\boverview\b|\bin (?:brief|short|a nutshell)\b"
            r"|\btakeaways\b|\bhighlights\b|\bwhat is (?:this|the) (?:\w+ )?about\b"
            r"|zusammenfass|fass\w* .{0,40}zusammen|\brésum|\bresum(?:e|en|ir|a)\b|\briassu|samenvat"
            r"|要約|まとめて|总结|總結|摘要|概括|요약",
            re.IGNORECASE,
        ),
    ),
    (
        "classification",
        re.compile(
            r"\bclassif\w+|\bcategori[sz]\w+|\blabel (?:this|the|it|each)\b|\bsentiment\b"
            r"|\b(?:which|what) (?:label|category|class|topic|department|queue|language)\b"
            r"|\bis (?:this|it|the \w+) (?:\w+ )?(?:spam|urgent|positive|negative)\b"
            r"|\bpositive,? (?:or|and|/) ?negative\b|\btriage\b|\broute (?:this|the) (?:ticket|message)\b"
            r"|\bassign (?:a|one|the) (?:label|category|class)\b|klassifizier|\bclasifica|分類|分类",
            re.IGNORECASE,
        ),
    ),
    (
        "extraction",
        re.compile(
            r"\bextract\w*\b|\bpull out\b|\bparse\b|\bidentify (?:all|the|every|any)\b"
            r"|\b(?:list|find|get|show|give me|name|collect) (?:me )?(?:all|every|each|any|the) (?:of the )?"
            r"(?:\w+ ){0,2}?(?:dates?|times|amounts?|prices?|names?|people|persons?|companies|"
            r"organi[sz]ations?|e-?mails?(?: addresses)?|addresses|phone(?: numbers?)?|urls?|links|"
            r"entities|percentages?|sums|numbers)\b"
            r"|\b(?:what|which) (?:\w+ )?(?:dates|amounts|people|persons|names|companies|organi[sz]ations|"
            r"e-?mails?|addresses|phone numbers|urls|links) (?:are|is|does|do|can|were)\b"
            r"|\bwho (?:is|are) (?:all )?(?:mentioned|named)\b|\bnamed entit|\bextrah|\bextrai|抽出|提取",
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
        re.compile(rf"\btranslat\w+|\b(?:in|into|to) (?:{_LANGUAGES})\b(?! or\b)", re.IGNORECASE),
    ),
    (
        "write or explain code",
        re.compile(
            r"\b(?:write|create|generate|fix|debug|implement|refactor|explain)\b.{0,40}"
            r"\b(?:code|function|script|program|sql|query|regex|class|python|javascript|typescript)\b"
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
            r"|\b(?:reply|respond) to\b",
            re.IGNORECASE,
        ),
    ),
    (
        "calculate",
        re.compile(
            r"\b(?:calculate|compute|solve|add up|multiply|convert)\b|\d\s*[-+*/×÷^]\s*\d\s*=?\s*\??$",
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
_COURTESY = (
    r"(?:(?:please|kindly|now|hi|hello|hey|ok|okay|so|then|next|also|and|thanks|can you|could you|"
    r"would you|will you|i(?:'d| would) like(?: you)?(?: to)?|i (?:want|need)(?: you)?(?: to)?|"
    r"your task is(?: to)?|your job is(?: to)?|task|instructions?|help me(?: to)?|quickly|briefly|"
    r"for me|there|below is [^.:]{0,60}[.:])[\s,:!]*)*"
)
_REQUEST = re.compile(
    rf"\W*{_COURTESY}(?:summar|tl;?\s?dr|recap|condense|shorten|abridge|sum up|classif|categori|label|"
    r"extract|list|find|get|show|give|name|identify|pull|parse|collect|tell|translat|rewrite|"
    r"rephrase|paraphrase|write|compose|draft|create|generate|explain|describe|compare|analy|"
    r"evaluate|answer|quote|what|who|whom|whose|when|where|why|which|how|is|are|was|were|does|do|"
    r"did|can|could|should|will|would|has|have|triage|route|assign|decide|determine|detect|make|"
    r"provide|return|output|read|use|using|based on|according to|from the|in (?:\w+ ){1,2}(?:sentences?|"
    r"words)|an? (?:\w+ ){0,2}summary|key points|main points|the gist|calculate|compute|solve|"
    r"simplify|proofread|improve|fix|convert|fass|résum|resum|riassu|samenvat|extrah)",
    re.IGNORECASE,
)
_FOREIGN_REQUEST = re.compile(r"要約|まとめて|总结|總結|摘要|概括|요약|分類|分类|抽出|提取|zusammen")
_QUESTION = re.compile(
    r"\W*(?:(?:please|so|and|but|ok|now)[\s,]+)*(?:who|whom|whose|what|when|where|why|which|how|is|are|was|were|does|do|"
    r"did|can|could|should|will|would|has|have)\b",
    re.IGNORECASE,
)
_DELIMITED = (
    re.compile(r"```[\w-]*\n?(.+?)```", re.DOTALL),
    re.compile(r'"""(.+?)"""', re.DOTALL),
    re.compile(r"<([a-zA-Z][\w-]{0,30})>(.+?)</\1>", re.DOTALL),
    re.compile(r"(?:^|\n)---+\n(.+?)(?:\n---+|\Z)", re.DOTALL),
)
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
_TRAILING_CUE = re.compile(r"\n\s*(tl;?\s?dr)\s*[:?.]*\s*$", re.IGNORECASE)
_QUOTED = re.compile(r"(?<!\w)(?:\"([^\"]{2,})\"|“([^”]{2,})”|«([^»]{2,})»|'([^'\n]{12,})'(?!\w))")
_HEAD = re.compile(r"([^\n:]{2,300}?)\s*[:：]\s*(?=\S)")
_PARAGRAPH = re.compile(r"\n[ \t]*\n")

_NUMBERS = {
    "a": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "twelve": 12, "single": 1, "un": 1, "une": 1, "ein": 1, "einem": 1,
    "deux": 2, "zwei": 2, "dos": 2, "trois": 3, "drei": 3, "tres": 3, "vier": 4, "fünf": 5,
}  # fmt: skip
_COUNT = r"(?:\d{1,4}\s*(?:-|–|to|or)\s*)?(?P<count>\d{1,5}|" + "|".join(_NUMBERS) + r")"
_SENTENCES = re.compile(
    rf"\b{_COUNT}[ -](?:\w+[ -])?(?P<unit>sentences?|lines?|phrases?|sätzen?|satz|frases?|frasi|"
    r"oraciones|zinnen|(?:bullet )?points?|bullets?|items|takeaways?|ideas?|highlights|facts)\b"
    r"|(?P<wide>\d{1,2})\s?(?:つの)?(?:文|句)",
    re.IGNORECASE,
)
_WORDS = re.compile(rf"\b{_COUNT}[ -](?:words?|wörtern?|mots|palabras|parole)\b", re.IGNORECASE)
_CHARACTERS = re.compile(rf"\b{_COUNT}[ -]?(?:characters?|chars?|letters|文字|字)\b", re.IGNORECASE)
_PARAGRAPHS = re.compile(rf"\b{_COUNT}[ -](?:short )?paragraphs?\b", re.IGNORECASE)
_BULLETS = re.compile(
    r"\bbullet|\bas a list\b|\bkey (?:points|takeaways)\b|\bmain points\b|\blist of\b|箇条書き",
    re.IGNORECASE,
)
_BRIEF = re.compile(r"\b(?:brief(?:ly)?|short|concise(?:ly)?|very short|quick)\b", re.IGNORECASE)
_DETAILED = re.compile(r"\b(?:detailed|long|thorough|comprehensive|in depth)\b", re.IGNORECASE)
_JSON = re.compile(r"\bjson\b", re.IGNORECASE)


def intent(request: ChatRequest) -> Intent:
    """What `request` asks."""
    system = "\n".join(message.text for message in request.messages if message.role == "system")
    standing = _standing(request.use_case, system)
    last = request.last_user_text.strip()
    instruction, material = parted(last, questions=not standing or standing == ("answer",))
    question = is_question(instruction)
    abilities = tuple(_abilities(instruction))
    beyond = tuple(_beyond(instruction))
    background = False
    if not material and (abilities or question or standing):
        material = _earlier(request, system, last)
        background = bool(material)
    if not abilities and question and material:
        # "What should we do, and who decides?" is looked up in the text like any question.
        abilities, beyond = ("answer",), tuple(one for one in beyond if one in {"translate"})
    if not abilities and not beyond:
        abilities = standing
    if abilities and not material and not background and instruction and standing and not beyond:
        material, instruction = instruction, ""
    guessed = not abilities and not beyond and len(material.split()) >= LONG_ENOUGH
    if guessed:
        abilities = ("summary",)
    return Intent(
        abilities,
        instruction,
        material,
        beyond,
        shape_of(instruction, system),
        bool(_JSON.search(instruction) or _JSON.search(system)),
        guessed,
    )


def _standing(use_case: str | None, system: str) -> tuple[Ability, ...]:
    """What every text of the conversation is for, by its use case or its system prompt."""
    said = (use_case or "").replace("_", " ").replace("-", " ")
    found = tuple(_abilities(said))
    if found:
        return found[:1]
    if re.search(r"\b(?:qa|q&a|rag|question|questions|answering|lookup)\b", said, re.IGNORECASE):
        return ("answer",)
    head = system[:2_000]
    found = tuple(_abilities(head))
    if found:
        return found[:1]
    asked = re.search(r"\banswer\b.{0,60}\bquestions?\b|\bonly (?:use|from) the\b", head, re.IGNORECASE)
    return ("answer",) if asked else ()


def _abilities(instruction: str) -> Iterator[Ability]:
    """The abilities an instruction names, in its order."""
    places = [
        (match.start(), ability)
        for ability, pattern in _ABILITIES
        if (match := pattern.search(instruction))
    ]
    yield from (ability for _, ability in sorted(places))


def _beyond(instruction: str) -> Iterator[str]:
    bare = _MAKES_SUMMARY.sub(" ", instruction)
    found = [name for name, pattern in _BEYOND if pattern.search(bare)]
    if "write or explain code" in found:
        found = [name for name in found if name not in {"write new text", "explain"}]
    yield from found


def is_question(text: str) -> bool:
    """Whether a text asks something, rather than tells or orders."""
    clean = text.strip()
    return bool(clean) and (clean.endswith(("?", "？")) or bool(_QUESTION.match(clean)))


def parted(text: str, *, questions: bool = True) -> tuple[str, str]:
    """A message's instruction and its material; either may be empty.

    With `questions` a question beside a text is an instruction; without, only an order is, so
    that a letter that asks something can itself be summarised.
    """
    for split in (_delimited, _sectioned, _quoted, _headed, _by_paragraph, _by_sentence):
        found = split(text, questions)
        if found is not None:
            return found[0].strip(), found[1].strip()
    if _is_instruction(text, questions) and len(text.split()) <= LONGEST_INSTRUCTION:
        return text, ""
    return ("", text) if len(text.split()) >= 12 else (text, "")


def _is_instruction(text: str, questions: bool) -> bool:
    """Whether a short text tells what to do."""
    clean = text.strip()
    if not clean or len(clean.split()) > LONGEST_INSTRUCTION:
        return False
    named = next(_abilities(clean), None) is not None
    if _FOREIGN_REQUEST.search(clean[:200]):
        return True
    if questions:
        return bool(_REQUEST.match(clean)) or clean.endswith(("?", "？"))
    return named and bool(_REQUEST.match(clean))


def _delimited(text: str, questions: bool) -> tuple[str, str] | None:
    """Material in fences, triple quotes, tags or between rules."""
    for pattern in _DELIMITED:
        if pattern.pattern.startswith("<") and text.count("</") > 20:
            continue  # A page of markup rather than a text in tags.
        inside = [match[match.lastindex or 0] for match in pattern.finditer(text)]
        outside = pattern.sub(" ", text).strip()
        if inside and _is_instruction(outside, questions):
            return outside, "\n\n".join(part.strip() for part in inside)
    return None


def _sectioned(text: str, questions: bool) -> tuple[str, str] | None:
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
        return (head, text[material.end() :]) if _is_instruction(head, questions) else None
    if task.start() < material.start():
        return text[task.end() : material.start()], text[material.end() :]
    return text[task.end() :], text[material.end() : task.start()]


def _quoted(text: str, questions: bool) -> tuple[str, str] | None:
    """Material in quotation marks inside an instruction."""
    if len(text) > 20_000 or not _REQUEST.match(text):
        return None
    inside = [next(part for part in match.groups() if part) for match in _QUOTED.finditer(text)]
    outside = _QUOTED.sub(" ", text).strip()
    long_ = len(inside) == 1 and len(inside[0].split()) >= 2
    if long_ and len(outside.split()) <= 40 and _is_instruction(outside, questions):
        named = next(_abilities(outside), None) is not None or bool(next(_beyond(outside), None))
        if named or len(inside[0].split()) >= 6:
            return outside, inside[0]
    return None


def _headed(text: str, questions: bool) -> tuple[str, str] | None:
    """Material behind the first colon: "Summarise in two sentences: …"."""
    match = _HEAD.match(text)
    if match is None or not _is_instruction(match[1], questions):
        return None
    named = next(_abilities(match[1]), None) or next(_beyond(match[1]), None)
    rest = text[match.end() :]
    own_line = "\n" in text[match.end(1) : match.end()]
    if own_line or (named and len(rest.split()) >= 3) or _FOREIGN_REQUEST.search(match[1]):
        return _with_list(match[1], rest) if named == "extraction" else (match[1], rest)
    return None


def _with_list(head: str, rest: str) -> tuple[str, str]:
    """An instruction that goes on behind its colon: "Extract: name, date\n\n…"."""
    first, _, below = rest.partition("\n")
    listed = "," in first and len(first.split()) <= 15 and below.strip()
    return (f"{head}: {first}", below) if listed else (head, rest)


def _by_paragraph(text: str, questions: bool) -> tuple[str, str] | None:
    """An instruction that stands alone above or below its material."""
    cue = _TRAILING_CUE.search(text)
    if cue:
        return cue[1], text[: cue.start()]
    paragraphs = _PARAGRAPH.split(text)
    if len(paragraphs) > 1:
        if _is_instruction(paragraphs[0], questions):
            return paragraphs[0], "\n\n".join(paragraphs[1:])
        if _is_instruction(paragraphs[-1], questions):
            return paragraphs[-1], "\n\n".join(paragraphs[:-1])
    first, _, rest = text.partition("\n")
    if rest.strip() and len(rest.split()) >= 3 and _is_instruction(first, questions):
        return first, rest
    before, _, last = text.rpartition("\n")
    if len(before.split()) >= 8 and _is_instruction(last, questions):
        return last, before
    return None


def _by_sentence(text: str, questions: bool) -> tuple[str, str] | None:
    """An instruction that is the first or the last sentence of one paragraph."""
    found = sentences(text[:100_000])
    if len(found) < 2:
        return None
    first, last = found[0], found[-1]
    if _is_instruction(first.text, questions) and len(text[first.end :].split()) >= 8:
        return first.text, text[first.end :]
    if last.end == len(text.rstrip()) and _is_instruction(last.text, questions):
        before = text[: last.start]
        if len(before.split()) >= 4 and not _is_instruction(before, questions):
            return last.text, before
    return None


def _earlier(request: ChatRequest, system: str, last: str) -> str:
    """The text that the rest of the conversation gives: tools' results, context, earlier turns."""
    tools = [message.text for message in request.messages if message.role == "tool"]
    told: list[str] = []
    for message in request.messages:
        text = message.text.strip()
        if message.role == "user" and text != last:
            instruction, material = parted(text)
            told.append(material or ("" if is_question(instruction) else instruction))
    _, given = _sectioned(system, False) or parted(system, questions=False)
    context = given if len(given.split()) >= 12 else ""
    return "\n\n".join(part for part in (*tools, *_longest_first(told), context) if part)


def _longest_first(told: Sequence[str]) -> list[str]:
    """Only the texts worth asking about: the statements, unless there is a real document."""
    documents = [text for text in told if len(text.split()) >= LONG_ENOUGH]
    return documents or [text for text in told if text]


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
        shape = Shape(count, limit, characters, bullets, scale)
        if shape != Shape():
            return shape
    return Shape()


def _counted(pattern: re.Pattern[str], text: str) -> int | None:
    match = pattern.search(text)
    if match is None:
        return None
    groups = match.groupdict()
    said = groups.get("count") or groups.get("wide") or "1"
    number = _NUMBERS.get(said.casefold())
    return max(1, int(said) if number is None else number)
