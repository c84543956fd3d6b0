"""A JSON Schema filled with what a text says.

A property is matched by its name, its description and its type. What was not found is null where
the schema allows null, and left out where it is not required. A required property that may not be
null is answered with the empty value of its type, `""`, `0`, `false` or `[]`: that is how this
model says "not found" there, and an enumeration gets the member that is nearest in words. Bounds
and patterns of a schema are not heeded, since heeding them would mean making values up.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from headgate.providers.local.answer import quotations
from headgate.providers.local.classify import classification
from headgate.providers.local.extract import Fact, FactKind, facts, number
from headgate.providers.local.sentences import sentences
from headgate.providers.local.summarize import Shape, choose, summary
from headgate.providers.local.words import stem, words

JSONSchema = Mapping[str, object]

MOST_DEPTH = 8
MOST_VALUES = 2_000
"""How far a schema is followed, deep and wide; one may refer to itself many times over."""

_MISSING = object()
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_LINE = re.compile(r"^[ \t]*(?:[-*•][ \t]+)?\**([^\W\d_][^:=\n]{0,40}?)\**[ \t]*[:=]\**[ \t]*(\S[^\n]{0,500})$", re.MULTILINE)
_CODE = r"(?:[ ]+(?:number|no\.?|nr\.?|id|code|reference|ref\.?))?(?:[ ]+is)?[ ]*[:#]?[ ]*([A-Z0-9][\w/-]*\d[\w/-]*)"
_YES = frozenset("yes true y on ja oui sí".split())
_NO = frozenset("no false n off nein non".split())
_POINTS = frozenset("point points highlight highlights takeaway takeaways bullet bullets finding findings sentence sentences".split())

_SIGNERS = frozenset(stem(word) for word in "sender author signed signer writer".split())
_SIGNED = re.compile(r"\b(?:sincerely|faithfully|regards|yours|grüßen|cordialement)\b", re.IGNORECASE)

_KINDS: tuple[tuple[FactKind, frozenset[str]], ...] = (
    ("email", frozenset("email emails mail e-mail".split())),
    ("phone", frozenset("phone phones telephone mobile fax tel".split())),
    ("url", frozenset("url urls link links website site homepage uri".split())),
    (
        "date",
        frozenset("date dates day deadline due when birthday dob birthdate expiry on".split()),
    ),
    ("time", frozenset("time times hour".split())),
    ("percentage", frozenset("percent percents percentage percentages rate rebate".split())),
    (
        "organisation",
        frozenset(
            """company companies organisation organisations organization organizations vendor
            employer institution institutions supplier merchant business firm agency""".split()
        ),
    ),
    (
        "amount",
        frozenset(
            """amount amounts total totals price prices cost costs fee sum budget salary revenue
            balance payment subtotal money tax discount value""".split()
        ),
    ),
    ("address", frozenset("address addresses street location".split())),
    (
        "person",
        frozenset(
            """person persons people author authors sender recipient customer client contact ceo
            director manager employee speaker speakers who participant participants attendees
            mayor patient candidate applicant fullname firstname lastname surname names""".split()
        ),
    ),
)
_PERSON_NAME = frozenset("full first last middle given family user display".split())
_FORMATS: Mapping[str, FactKind] = {
    "date": "date",
    "date-time": "date",
    "time": "time",
    "email": "email",
    "uri": "url",
    "url": "url",
}


def filled(schema: JSONSchema, text: str, question: str = "") -> object:
    """The value for a whole schema; a property named `answer` quotes the answer to `question`."""
    filler = _Filler(schema, text, facts(text), _labelled(text), itertools.count(), question)
    found = filler.value(schema, "", 0)
    return _empty(schema) if found is _MISSING else found


def kinds_of(name: str) -> tuple[FactKind, ...]:
    """The kinds of facts that a property's name speaks of."""
    said = _name_words(name)
    for kind, telling in _KINDS:
        if telling.intersection(said):
            return ("person",) if _is_persons_name(said) and kind != "organisation" else (kind,)
    return ("person",) if _is_persons_name(said) else ()


def _is_persons_name(said: Sequence[str]) -> bool:
    return bool({"name", "names"}.intersection(said)) and (
        len(said) == 1
        or bool(_PERSON_NAME.intersection(said))
        or any(word in _KINDS[-1][1] for word in said if word not in {"name", "names"})
    )


def _name_words(name: str) -> list[str]:
    return words(_CAMEL.sub(" ", name).replace("_", " ").replace("-", " "))


def _labelled(text: str) -> dict[tuple[str, ...], str]:
    """What stands behind a label at the beginning of a line: `Invoice number: 88213`."""
    pairs: dict[tuple[str, ...], str] = {}
    for match in _LINE.finditer(text):
        key = tuple(stem(word) for word in words(match[1]))
        if key and len(key) <= 5:
            pairs.setdefault(key, match[2].strip())
    return pairs


@dataclass(frozen=True, slots=True)
class _Filler:
    """Fills the parts of one schema from one text, or from one sentence of it."""

    root: JSONSchema
    text: str
    found: Sequence[Fact]
    labelled: Mapping[tuple[str, ...], str]
    steps: Iterator[int]
    question: str = ""

    def value(self, schema: JSONSchema, name: str, depth: int) -> object:
        """What the text says for one part of the schema; `_MISSING` where it says nothing."""
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if depth > MOST_DEPTH or next(self.steps) > MOST_VALUES:
            return _MISSING
        options = schema.get("anyOf") or schema.get("oneOf")
        if isinstance(options, list) and options:
            return self._first_of(options, schema, name, depth)
        if isinstance(schema.get("enum"), list):
            return self._member(cast("list[object]", schema["enum"]), name)
        kind = _type_of(schema)
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, name, depth)
        if kind == "boolean":
            return self._boolean(name)
        if kind in {"number", "integer"}:
            return self._number(schema, name, whole=kind == "integer")
        return self._string(schema, name) if kind == "string" else _MISSING

    def _resolved(self, schema: JSONSchema) -> JSONSchema:
        """A schema with its reference followed and the parts of `allOf` laid together."""
        for _ in range(MOST_DEPTH):
            reference = schema.get("$ref")
            if not isinstance(reference, str) or not reference.startswith("#"):
                break
            target: object = self.root
            for step in reference.lstrip("#/").split("/") if reference != "#" else ():
                target = target.get(step) if isinstance(target, dict) else None
            schema = target if isinstance(target, dict) else {}
        parts = schema.get("allOf")
        if isinstance(parts, list):
            merged = {key: value for key, value in schema.items() if key != "allOf"}
            for part in parts:
                if isinstance(part, dict):
                    merged = {**self._resolved(part), **merged} if part is not schema else merged
            return merged
        return schema

    def _first_of(
        self, options: list[object], schema: JSONSchema, name: str, depth: int
    ) -> object:
        described = {key: schema[key] for key in ("description", "title") if key in schema}
        for option in options:
            if isinstance(option, dict) and _type_of(option) != "null":
                found = self.value({**described, **option}, name, depth + 1)
                if found is not _MISSING and found not in ({}, []):
                    return found
        return _MISSING

    def _object(self, schema: JSONSchema, depth: int) -> object:
        properties = schema.get("properties")
        if not isinstance(properties, dict):
            return {}
        required = schema.get("required")
        needed = set(required) if isinstance(required, list) else set()
        out: dict[str, object] = {}
        for key, part in properties.items():
            inner = part if isinstance(part, dict) else {}
            found = self.value(inner, str(key), depth + 1)
            if found is not _MISSING:
                out[key] = found
            elif key in needed or self._may_be_null(inner):
                out[key] = None if self._may_be_null(inner) else _empty(self._resolved(inner))
        return out

    def _may_be_null(self, schema: JSONSchema) -> bool:
        schema = self._resolved(schema)
        kinds = schema.get("type")
        options = schema.get("anyOf") or schema.get("oneOf")
        members = schema.get("enum")
        return (
            kinds == "null"
            or (isinstance(kinds, list) and "null" in kinds)
            or (isinstance(members, list) and None in members)
            or (
                isinstance(options, list)
                and any(isinstance(one, dict) and self._may_be_null(one) for one in options)
            )
        )

    def _array(self, schema: JSONSchema, name: str, depth: int) -> list[object]:
        items = schema.get("items")
        item = self._resolved(items) if isinstance(items, dict) else {}
        if isinstance(item.get("enum"), list):
            members = cast("list[object]", item["enum"])
            return [one for one in members if isinstance(one, str) and self._stands(one)]
        if _type_of(item) == "object":
            return self._rows(item, name, depth)
        if _POINTS.intersection(_name_words(name)):
            return [sentence.text for sentence in choose(sentences(self.text))]
        numeric = _type_of(item) in {"number", "integer"}
        kinds = self._kinds(item, name)
        values = [
            fact.value if numeric else _written(fact, item)
            for fact in distinct(self.found)
            if fact.kind in kinds and (not numeric or isinstance(fact.value, float))
        ]
        if not values and not numeric:
            listed = self._behind_label(name)
            values = [part.strip() for part in re.split(r"[,;]", listed)] if listed else []
        return [_whole(one) if _type_of(item) == "integer" else one for one in values]

    def _rows(self, item: JSONSchema, name: str, depth: int) -> list[object]:
        """One object for each fact that names a row, filled from that fact's own sentence."""
        properties = item.get("properties")
        if not isinstance(properties, dict):
            return []
        leads = [(key, kind) for key in properties for kind in (kinds_of(str(key)) or kinds_of(name))]
        rows: list[object] = []
        stretches = sentences(self.text)
        for lead, kind in leads[:1]:
            for fact in distinct(self.found):
                inside = [s for s in stretches if s.start <= fact.start < s.end]
                if fact.kind != kind or not inside:
                    continue
                part = self.text[inside[0].start : inside[0].end]
                # The row's own fact first, so that it is not taken for another row's.
                near = sorted(facts(part), key=lambda one: one.text != fact.text)
                inner = _Filler(self.root, part, near, _labelled(part), self.steps)
                row = inner.value(item, "", depth + 1)
                if isinstance(row, dict):
                    rows.append({**row, lead: _written(fact, {})} if _is_text(properties[lead]) else row)
        return rows

    def _member(self, members: list[object], name: str) -> object:
        """The member of an enumeration that stands in the text, else the nearest in words."""
        texts = [member for member in members if isinstance(member, str)]
        said = self._behind_label(name)
        for text in texts:
            if said is not None and text.casefold() == said.casefold():
                return text
        standing = [text for text in texts if self._stands(text)]
        if len(standing) == 1:
            return standing[0]
        if not texts:
            return _MISSING if None in members or not members else members[0]
        nearest = classification(self.text, texts)
        clear = nearest.confidence > 1.2 / len(texts) or len(texts) == 1
        return nearest.label if clear or None not in members else None

    def _stands(self, word: str) -> bool:
        return bool(
            re.search(rf"(?<!\w){re.escape(word)}(?!\w)", self.text, flags=re.IGNORECASE)
        )

    def _boolean(self, name: str) -> object:
        said = (self._behind_label(name) or "").casefold().rstrip(".!")
        return True if said in _YES else False if said in _NO else _MISSING

    def _number(self, schema: JSONSchema, name: str, *, whole: bool) -> object:
        kinds = self._kinds(schema, name) or ()
        best = self._best([fact for fact in self.found if fact.kind in kinds], schema, name)
        if best is not None and isinstance(best.value, float):
            return _whole(best.value) if whole else best.value
        said = self._behind_label(name)
        match = re.search(r"-?\d[\d.,]*", said or "") or self._counted(name)
        if match is None:
            return _MISSING
        value = number(match.group().rstrip(".,"))
        return _MISSING if value is None else _whole(value) if whole else value

    def _counted(self, name: str) -> re.Match[str] | None:
        """The number before the thing a property counts: `seven_gates` is no use, `3,500 books` is."""
        things = [word for word in _name_words(name) if word not in {"number", "of", "count", "num", "quantity"}]
        if things == ["age"]:
            return re.search(r"\d{1,3}(?=[ -]years?[ -]old)|(?<=aged )\d{1,3}|(?<=, )\d{2}(?=,)", self.text)
        for thing in things:
            root = re.escape(stem(thing))
            match = re.search(rf"\d[\d,.]*(?=\s+(?:[\w'-]+\s+){{0,2}}{root})", self.text, re.IGNORECASE)
            if match:
                return match
        return None

    def _string(self, schema: JSONSchema, name: str) -> object:
        said = _name_words(name)
        kinds = self._kinds(schema, name)
        labelled = self._behind_label(name)
        if labelled is not None and not kinds:
            return labelled
        if "currency" in said:
            codes = [fact.currency for fact in self.found if fact.currency]
            return codes[0] if codes else _MISSING
        if kinds:
            within = facts(labelled) if labelled else []
            fitting = [fact for fact in [*within, *self.found] if fact.kind in kinds]
            best = self._best(fitting, schema, name)
            if best is not None:
                return _part_of_name(_written(best, schema), said)
            return labelled if labelled is not None else _MISSING
        return self._told(said)

    def _told(self, said: Sequence[str]) -> object:
        """Fields about the text as a whole, and codes such as an order's number."""
        if {"summary", "abstract", "overview", "tldr", "description", "gist"}.intersection(said):
            return summary(self.text, Shape(sentences=2)) or _MISSING
        if {"answer", "answers"}.intersection(said) and self.question:
            quoted = quotations(self.question, self.text, most=1)
            return quoted[0].text if quoted else _MISSING
        if {"title", "headline", "subject", "heading"}.intersection(said):
            for sentence in sentences(self.text)[:5]:
                if sentence.kind == "heading":
                    return sentence.text
            return _MISSING
        things = [w for w in said if w not in {"number", "no", "nr", "id", "code", "reference", "ref"}]
        for thing in things if len(things) < len(said) or len(said) == 1 else ():
            match = re.search(rf"\b(?i:{re.escape(thing)}){_CODE}", self.text)
            if match:
                return match[1].rstrip("-/")
        return _MISSING

    def _behind_label(self, name: str) -> str | None:
        return self.labelled.get(tuple(stem(word) for word in _name_words(name)))

    def _kinds(self, schema: JSONSchema, name: str) -> tuple[FactKind, ...]:
        kinds = kinds_of(name)
        form = schema.get("format")
        if not kinds and isinstance(form, str) and form in _FORMATS:
            return (_FORMATS[form],)
        description = schema.get("description")
        if not kinds and isinstance(description, str) and len(description) <= 80:
            return kinds_of(description)
        return kinds

    def _best(self, fitting: Sequence[Fact], schema: JSONSchema, name: str) -> Fact | None:
        """The fact whose surroundings speak most of the property; of equals the first."""
        if not fitting:
            return None
        about = {stem(word) for word in words(f"{name} {schema.get('description') or ''}".replace("_", " "))}
        about |= {stem(word) for word in _name_words(name)}

        def nearness(fact: Fact) -> tuple[int, bool]:
            before = self.text[max(0, fact.start - 70) : fact.start].rsplit("\n", 1)[-1]
            after = self.text[fact.end : fact.end + 25].split("\n", 1)[0]
            shared = about.intersection(stem(word) for word in words(f"{before} {after}"))
            return len(shared), fact.value is not None

        if _SIGNERS.intersection(about):
            signed = [fact for fact in fitting if _SIGNED.search(self.text, 0, fact.start)]
            fitting = signed or fitting
        return max(fitting, key=nearness)


def _is_text(schema: object) -> bool:
    return isinstance(schema, dict) and _type_of(schema) == "string" and "enum" not in schema


def _type_of(schema: JSONSchema) -> str:
    """A schema's type, null aside; without one, what its keywords imply."""
    kinds = schema.get("type")
    if isinstance(kinds, list):
        kinds = next((kind for kind in kinds if kind != "null"), "null")
    if isinstance(kinds, str):
        return kinds
    if "properties" in schema:
        return "object"
    return "array" if "items" in schema else "string"


def _written(fact: Fact, schema: JSONSchema) -> str:
    """A fact as a string: in ISO 8601 where a date's format is asked for and certain."""
    if schema.get("format") in {"date", "date-time"} and isinstance(fact.value, str):
        return fact.value
    return re.sub(r"\s+", " ", fact.text)


def _part_of_name(written: str, said: Sequence[str]) -> str:
    parts = written.split()
    if {"first", "given", "firstname"}.intersection(said):
        return parts[0]
    return parts[-1] if {"last", "family", "surname", "lastname"}.intersection(said) else written


def distinct(found: Iterable[Fact]) -> list[Fact]:
    """Facts without repetitions, and without the last name of somebody named in full."""
    kept: dict[tuple[str, str], Fact] = {}
    for fact in found:
        kept.setdefault((fact.kind, fact.text.casefold()), fact)
    last_names = {
        fact.text.split()[-1] for fact in kept.values() if fact.kind == "person" and " " in fact.text
    }
    return [
        fact for fact in kept.values() if fact.kind != "person" or fact.text not in last_names
    ]


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) else value


def _empty(schema: JSONSchema) -> object:
    return {"object": {}, "array": [], "number": 0, "integer": 0, "boolean": False, "null": None}.get(
        _type_of(schema), ""
    )
