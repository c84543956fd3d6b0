"""The text with which this model answers a conversation.

Nothing in an answer is made up: it is quoted from the given text, counted from it, or one of the
fixed sentences below that say what this model is and what it did not do.
"""

import re
from collections.abc import Iterable, Sequence

import msgspec

from headgate.core.chat import ChatRequest
from headgate.core.words import words
from headgate.providers.local.abilities import Ability, is_question
from headgate.providers.local.answer import quotations
from headgate.providers.local.classify import classification
from headgate.providers.local.extract import KINDS, Fact, FactKind, facts
from headgate.providers.local.fields import filled
from headgate.providers.local.intent import Intent, intent
from headgate.providers.local.orders import fields_of, labels_of, wants_label_only
from headgate.providers.local.properties import distinct, kinds_of
from headgate.providers.local.summarize import summary

WHAT_IT_IS = "I am Headgate's built-in `local` model: plain text methods, no language model."
WHAT_IT_CAN = (
    "With a text that you give me I can summarise it in its own sentences, sort it under labels, "
    "extract dates, amounts, names and addresses, and quote its answer to a question."
)
HOW_TO_CONNECT = (
    "For more, connect a language model: set OPENAI_API_KEY or another vendor's key and restart, "
    "or start Ollama on this machine."
)
NOT_FOUND = "I did not find an answer in the text: none of its sentences matches the question."
NO_TEXT = "There is no text to work on in this conversation. Put it below the instruction."

_HEADINGS: dict[FactKind, str] = {
    "date": "Dates",
    "time": "Times",
    "amount": "Amounts",
    "percentage": "Percentages",
    "person": "Persons",
    "organisation": "Organisations",
    "email": "E-mail addresses",
    "phone": "Phone numbers",
    "url": "Links",
    "address": "Addresses",
}
_SECTIONS: dict[Ability, str] = {
    "summary": "Summary",
    "classification": "Label",
    "extraction": "Extracted",
    "answer": "Answer",
}
_PLURALS: dict[FactKind, str] = {
    "date": "dates",
    "time": "times",
    "amount": "amounts",
    "percentage": "percentages",
    "person": "persons",
    "organisation": "organisations",
    "email": "emails",
    "phone": "phones",
    "url": "urls",
    "address": "addresses",
}
_UNDECIDED = 0.01
_BRIEF_RESULTS = 80
"""Words up to which tools' results are given whole."""

_ASKS_ABOUT = re.compile(r"\b(?:tell me|say|what does it say) about\b", re.IGNORECASE)
_WHAT_ARE_YOU = re.compile(
    r"\b(?:who|what) are you\b|\bwhat can you do\b|\bwhat model\b|^\W*(?:hi|hello|hey|help|test|"
    r"good (?:morning|day|evening)|hola|bonjour|hallo|thanks|thank you)\b[^?]{0,30}$",
    re.IGNORECASE,
)


def reply(request: ChatRequest) -> str:
    """The answer to a conversation, before any limit on its length."""
    if request.labels:
        return _json(classification(request.last_user_text, request.labels))
    asked = intent(request)
    form = request.response_format
    if form is not None and form.type == "json_schema" and form.schema is not None:
        text = asked.material or request.last_user_text
        return _json(filled(form.schema, text, asked.instruction))
    if (form is not None and form.type == "json_object") or (asked.as_json and asked.abilities):
        return _json(_as_object(asked, request.last_user_text))
    return _prose(asked)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _prose(asked: Intent) -> str:
    if not asked.abilities:
        return _cannot(asked)
    if not asked.material:
        missing = f"I cannot {_either(asked.beyond)}." if asked.beyond else NO_TEXT
        return f"{missing} {WHAT_IT_IS} {WHAT_IT_CAN} {HOW_TO_CONNECT}"
    parts = [_done(ability, asked) for ability in asked.abilities]
    if len(parts) > 1:
        parts = [
            f"{_SECTIONS[ability]}:\n{part}"
            for ability, part in zip(asked.abilities, parts, strict=True)
        ]
    if asked.guessed:
        parts.insert(0, "I found no instruction that I know, so here is a summary of the text.")
    if asked.beyond:
        parts.append(f"Not done: I cannot {_either(asked.beyond)}. {WHAT_IT_IS} {HOW_TO_CONNECT}")
    return "\n\n".join(parts)


def _cannot(asked: Intent) -> str:
    if not asked.instruction and not asked.material:
        return f"{WHAT_IT_IS} {WHAT_IT_CAN} {HOW_TO_CONNECT}"
    if _WHAT_ARE_YOU.search(asked.instruction or asked.material):
        return f"{WHAT_IT_IS} {WHAT_IT_CAN} {HOW_TO_CONNECT}"
    if asked.beyond:
        why = f"I cannot {_either(asked.beyond)}."
    elif is_question(asked.instruction or asked.material):
        why = "I cannot answer this: I have no knowledge beyond a text that you give me."
    else:
        why = "I cannot do this."
    return f"{why} {WHAT_IT_IS} {WHAT_IT_CAN}\n\n{HOW_TO_CONNECT}"


def _either(beyond: Sequence[str]) -> str:
    return " or ".join(beyond)


def _done(ability: Ability, asked: Intent) -> str:
    match ability:
        case "summary":
            return summary(asked.material, asked.shape)
        case "classification":
            return _classified(asked)
        case "extraction":
            return _extracted(asked)
        case "answer":
            return _answered(asked)


def _answered(asked: Intent) -> str:
    if not asked.instruction:
        return NO_TEXT
    most = 3 if _ASKS_ABOUT.search(asked.instruction) else 2
    found = quotations(asked.instruction, asked.material, most=most)
    if not found and asked.results:
        brief = len(asked.results.split()) <= _BRIEF_RESULTS
        told = asked.results if brief else summary(asked.results)
        return f"The tools returned: {_quotation(told)}"
    if not found:
        return NOT_FOUND
    quoted = " … ".join(_quotation(one.text) for one in found)
    return f"The text says: {quoted}"


def _quotation(text: str) -> str:
    """A text in quotation marks that do not stand within it."""
    return f"“{text}”" if '"' in text else f'"{text}"'


def _classified(asked: Intent) -> str:
    found = classification(asked.material, labels_of(asked.orders))
    if wants_label_only(asked.orders, asked.standing):
        return found.label
    if found.confidence - min(found.scores.values()) < _UNDECIDED and len(found.scores) > 1:
        return (
            f"{found.label} (a guess: nothing in the text speaks for one of "
            f"{', '.join(found.scores)})"
        )
    return f"{found.label} (confidence {found.confidence:.0%}, by the words it uses)"


def _extracted(asked: Intent) -> str:
    names = fields_of(asked.orders)
    found = distinct(facts(asked.material))
    if not names:
        return _listed(found, KINDS)
    if len(names) == 1 and kinds_of(names[0]) and _is_plural(names[0], asked.orders):
        kinds = _wanted(names[0])
        some = [fact for fact in found if fact.kind in kinds]
        return _bullets(some) or f"No {names[0]} found in the text."
    lines: list[str] = []
    for name in names:
        if kinds_of(name) and _is_plural(name, asked.orders):
            some = [fact for fact in found if fact.kind in _wanted(name)]
            lines.append(f"{_heading(name)}:\n{_bullets(some) or '- none found'}")
        else:
            lines.append(f"{_heading(name)}: {_field(name, asked.material) or 'not found'}")
    return "\n".join(lines)


def _wanted(name: str) -> tuple[FactKind, ...]:
    """The kinds a word of an instruction means: "names" are those of organisations as well."""
    if words(name) == ["names"]:
        return ("person", "organisation")
    return kinds_of(name)


def _is_plural(name: str, instruction: str) -> bool:
    last = words(name)[-1:]
    return bool(last) and (
        (last[0].endswith("s") and not last[0].endswith("ss"))
        or last[0] == "people"
        or re.search(rf"\b(?:all|every|each|any)\s+{re.escape(name)}", instruction) is not None
    )


def _heading(name: str) -> str:
    return name[:1].upper() + name[1:]


def _field(name: str, text: str) -> object:
    schema = {
        "type": "object",
        "properties": {name: {"type": ["string", "null"]}},
        "required": [name],
    }
    found = filled(schema, text)
    return found.get(name) if isinstance(found, dict) else None


def _listed(found: Iterable[Fact], kinds: Iterable[FactKind]) -> str:
    """Facts under a heading for each kind that there is."""
    facts_ = list(found)
    blocks = [
        f"{_HEADINGS[kind]}:\n{_bullets(some)}"
        for kind in kinds
        if (some := [fact for fact in facts_ if fact.kind == kind])
    ]
    return "\n\n".join(blocks) or "No dates, amounts, names or addresses found in the text."


def _bullets(found: Iterable[Fact]) -> str:
    return "\n".join(f"- {_written(fact)}" for fact in found)


def _written(fact: Fact) -> str:
    return re.sub(r"\s+", " ", fact.text)


def _as_object(asked: Intent, last: str) -> object:
    """The answer as a JSON object, its keys those that the instruction names or our own."""
    text = asked.material or last
    if not asked.abilities and not asked.material:
        return {"error": _cannot(asked)}
    out: dict[str, object] = {}
    for ability in asked.abilities or ("extraction",):
        match ability:
            case "summary":
                out["summary"] = summary(text, asked.shape)
            case "classification":
                found = classification(text, labels_of(asked.orders))
                out |= {"label": found.label, "confidence": found.confidence}
            case "answer":
                quoted = quotations(asked.instruction, text)
                out["answer"] = quoted[0].text if quoted else None
            case "extraction":
                out |= _extracted_object(asked.orders, text)
    if asked.beyond:
        out["notDone"] = f"I cannot {_either(asked.beyond)}. {WHAT_IT_IS}"
    return out


def _extracted_object(instruction: str, text: str) -> dict[str, object]:
    found = distinct(facts(text))
    names = fields_of(instruction)
    if not names:
        return {
            _PLURALS[kind]: [_written(fact) for fact in found if fact.kind == kind]
            for kind in KINDS
        }
    out: dict[str, object] = {}
    for name in names:
        key = "_".join(name.split())
        if kinds_of(name) and _is_plural(name, instruction):
            out[key] = [_written(fact) for fact in found if fact.kind in _wanted(name)]
        else:
            out[key] = _field(name, text)
    return out
