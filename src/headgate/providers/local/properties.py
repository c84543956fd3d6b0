"""What a text says about a property, told by the property's name and description.

`Page` is a text with everything found in it. Its methods give a property's value, or `MISSING`
where the text is silent: never a default.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from headgate.core.sentences import sentences
from headgate.core.words import stem, word_set, words
from headgate.providers.local.answer import quotations
from headgate.providers.local.classify import classification
from headgate.providers.local.extract import Fact, FactKind, facts, number
from headgate.providers.local.shape import Shape
from headgate.providers.local.summarize import choose, summary

JSONSchema = Mapping[str, object]

MISSING = object()
"""The text does not say."""

MOST_WEIGHED = 1_000
"""Facts of one kind among which the nearest to a property is sought."""

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_LINE = re.compile(
    r"^[ \t]*(?:[-*•][ \t]+)?\**([^\W\d_][^:=\n]{0,40}?)\**[ \t]*"
    r"[:=](?!//)\**[ \t]*(\S[^\n]{0,500})$",
    re.MULTILINE,
)
_CODE = (
    r"(?:[ ]+(?:number|no\.?|nr\.?|id|code|reference|ref\.?))?(?:[ ]+is)?[ ]*[:#]?[ ]*"
    r"([A-Z0-9][\w/-]{0,40}\d[\w/-]{0,40})"
)
_AGE = re.compile(r"(?<!\d)(?:\d{1,3}(?=[ -]years?[ -]old)|(?<=aged )\d{1,3}|(?<=, )\d{2}(?=,))")
_YES = word_set("yes true y on ja oui sí")
_NO = word_set("no false n off nein non")
_POINTS = word_set(
    """
    point points highlight highlights takeaway takeaways bullet bullets finding findings
    sentence sentences
    """
)

_NOT_THINGS = word_set("number no nr id code reference ref of count num quantity")
_SIGNERS = frozenset(map(stem, word_set("sender author signed signer writer")))
_DUE = frozenset(map(stem, word_set("due deadline payable by until paid expires")))
_SIGNED = re.compile(
    r"\b(?:sincerely|faithfully|regards|yours|grüßen|cordialement)\b", re.IGNORECASE
)

_KINDS: tuple[tuple[FactKind, frozenset[str]], ...] = (
    ("email", word_set("email emails mail e-mail")),
    ("phone", word_set("phone phones telephone mobile fax tel")),
    ("url", word_set("url urls link links website site homepage uri")),
    (
        "date",
        word_set("date dates day deadline due when birthday dob birthdate expiry on"),
    ),
    ("time", word_set("time times hour")),
    (
        "percentage",
        word_set("percent percents percentage percentages rate rebate"),
    ),
    (
        "organisation",
        word_set(
            """
            company companies organisation organisations organization organizations vendor
            employer institution institutions supplier merchant business firm agency
            """
        ),
    ),
    (
        "amount",
        word_set(
            """
            amount amounts total totals price prices cost costs fee sum budget salary
            revenue balance payment subtotal money tax discount value
            """
        ),
    ),
    ("address", word_set("address addresses street location")),
    (
        "person",
        word_set(
            """
            person persons people author authors sender recipient customer client contact
            ceo director manager employee speaker speakers who participant participants
            attendees mayor patient candidate applicant fullname firstname lastname surname
            names
            """
        ),
    ),
)
_PERSON_NAME = word_set("full first last middle given family user display")
_FORMATS: Mapping[str, FactKind] = {
    "date": "date",
    "date-time": "date",
    "time": "time",
    "email": "email",
    "uri": "url",
    "url": "url",
}


def kinds_of(name: str) -> tuple[FactKind, ...]:
    """The kinds of facts that a property's name speaks of."""
    said = name_words(name)
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


def name_words(name: str) -> list[str]:
    """The words of a property's name, however they are joined: `dueDate`, `due_date`."""
    return words(_CAMEL.sub(" ", name).replace("_", " ").replace("-", " "))


def distinct(found: Iterable[Fact]) -> list[Fact]:
    """Facts without repetitions, and without the bare name of somebody named in full."""
    kept: dict[tuple[str, str], Fact] = {}
    for fact in found:
        kept.setdefault((fact.kind, fact.text.casefold()), fact)
    in_full = {
        part
        for fact in kept.values()
        if fact.kind == "person" and " " in fact.text
        for part in fact.text.split()
    }
    return [fact for fact in kept.values() if fact.kind != "person" or fact.text not in in_full]


def written(fact: Fact, schema: JSONSchema) -> str:
    """A fact as a string: in ISO 8601 where a date's format is asked for and certain."""
    if schema.get("format") in {"date", "date-time"} and isinstance(fact.value, str):
        return fact.value
    return re.sub(r"\s+", " ", fact.text)


@dataclass(frozen=True, slots=True)
class Page:
    """A text, the facts found in it, what it says behind labels, and a question asked of it."""

    text: str
    found: Sequence[Fact]
    labelled: Mapping[tuple[str, ...], str]
    question: str = ""

    def string(self, schema: JSONSchema, name: str) -> object:
        """A property that is a text."""
        said = name_words(name)
        kinds = self.kinds(schema, name)
        labelled = self._behind_label(name)
        if labelled is not None and not kinds:
            return labelled
        if "currency" in said:
            codes = [fact.currency for fact in self.found if fact.currency]
            return codes[0] if codes else MISSING
        if kinds:
            within = facts(labelled) if labelled else []
            fitting = [fact for fact in within or self.found if fact.kind in kinds]
            best = self._best(fitting, schema, name)
            if best is not None:
                return _part_of_name(written(best, schema), said)
            return labelled if labelled is not None else MISSING
        return self._told(said)

    def strings(self, schema: JSONSchema, name: str) -> list[str]:
        """A property that is a list of texts."""
        if _POINTS.intersection(name_words(name)):
            return [sentence.text for sentence in choose(sentences(self.text))]
        kinds = self.kinds(schema, name)
        values = [written(fact, schema) for fact in distinct(self.found) if fact.kind in kinds]
        listed = None if values else self._behind_label(name)
        return [part.strip() for part in re.split(r"[,;]", listed)] if listed else values

    def number(self, schema: JSONSchema, name: str) -> float | None:
        """A property that is a number: an amount, a percentage, or a count of things."""
        kinds = self.kinds(schema, name)
        numeric = [fact for fact in self.found if fact.kind in kinds]
        best = self._best([fact for fact in numeric if _number_of(fact) is not None], schema, name)
        if best is not None:
            return _number_of(best)
        match = re.search(r"-?\d[\d.,]{0,20}", self._behind_label(name) or "")
        match = match or self._counted(name)
        return None if match is None else number(match.group().rstrip(".,"))

    def numbers(self, schema: JSONSchema, name: str) -> list[float]:
        """A property that is a list of numbers."""
        kinds = self.kinds(schema, name)
        values = [_number_of(fact) for fact in distinct(self.found) if fact.kind in kinds]
        return [value for value in values if value is not None]

    def boolean(self, name: str) -> object:
        """A yes or no behind a label; nothing else is certain enough."""
        said = (self._behind_label(name) or "").casefold().rstrip(".!")
        return True if said in _YES else False if said in _NO else MISSING

    def member(self, members: Sequence[object], name: str) -> object:
        """The member of an enumeration that stands in the text, else the nearest in words."""
        texts = [member for member in members if isinstance(member, str)]
        if not texts:
            return MISSING if None in members or not members else members[0]
        said = self._behind_label(name)
        for text in texts:
            if said is not None and text.casefold() == said.casefold():
                return text
        standing = [text for text in texts if self.stands(text)]
        if len(standing) == 1:
            return standing[0]
        nearest = classification(self.text, texts)
        clear = nearest.confidence > 1.2 / len(texts) or len(texts) == 1
        return nearest.label if clear or None not in members else None

    def stands(self, words_: str) -> bool:
        """Whether some words stand in the text as they are."""
        pattern = rf"(?<!\w){re.escape(words_)}(?!\w)"
        return re.search(pattern, self.text, flags=re.IGNORECASE) is not None

    def kinds(self, schema: JSONSchema, name: str) -> tuple[FactKind, ...]:
        """The kinds of facts a property is about, by its name, else its format or description."""
        kinds = kinds_of(name)
        form = schema.get("format")
        if not kinds and isinstance(form, str) and form in _FORMATS:
            return (_FORMATS[form],)
        description = schema.get("description")
        if not kinds and isinstance(description, str) and len(description) <= 80:
            return kinds_of(description)
        return kinds

    def _counted(self, name: str) -> re.Match[str] | None:
        """The number before what a property counts: for `books` that of "3,500 exercise books"."""
        things = [word for word in name_words(name) if word not in _NOT_THINGS]
        if things == ["age"]:
            return _AGE.search(self.text)
        for thing in things:
            between = r"\s{1,3}(?:[\w'-]{1,40}\s{1,3}){0,2}"
            pattern = rf"(?<![\d,.])\d[\d,.]{{0,20}}+(?={between}{re.escape(stem(thing))})"
            match = re.search(pattern, self.text, re.IGNORECASE)
            if match:
                return match
        return None

    def _told(self, said: Sequence[str]) -> object:
        """Properties of the text as a whole, and codes such as an order's number."""
        if {"summary", "abstract", "overview", "tldr", "description", "gist"}.intersection(said):
            return summary(self.text, Shape(sentences=2)) or MISSING
        if {"answer", "answers"}.intersection(said) and self.question:
            quoted = quotations(self.question, self.text, most=1)
            return quoted[0].text if quoted else MISSING
        if {"title", "headline", "subject", "heading"}.intersection(said):
            titles = (one.text for one in sentences(self.text)[:5] if one.kind == "heading")
            return next(titles, MISSING)
        things = [word for word in said if word not in _NOT_THINGS]
        for thing in things if len(things) < len(said) or len(said) == 1 else ():
            match = re.search(rf"\b(?i:{re.escape(thing)}){_CODE}", self.text)
            if match:
                return match[1].rstrip("-/")
        return MISSING

    def _behind_label(self, name: str) -> str | None:
        return self.labelled.get(tuple(stem(word) for word in name_words(name)))

    def _best(self, fitting: Sequence[Fact], schema: JSONSchema, name: str) -> Fact | None:
        """The fact whose surroundings speak most of the property; of equals the first."""
        if not fitting:
            return None
        described = schema.get("description")
        about = {stem(word) for word in name_words(f"{name} {described or ''}")}
        if _DUE.intersection(about):
            about |= _DUE

        def nearness(fact: Fact) -> tuple[int, bool]:
            before = self.text[max(0, fact.start - 70) : fact.start].rsplit("\n", 1)[-1]
            after = self.text[fact.end : fact.end + 25].split("\n", 1)[0]
            shared = about.intersection(stem(word) for word in words(f"{before} {after}"))
            return len(shared), fact.value is not None

        signed = _SIGNED.search(self.text) if _SIGNERS.intersection(about) else None
        if signed is not None:
            fitting = [fact for fact in fitting if fact.start > signed.start()] or fitting
        return max(fitting[:MOST_WEIGHED], key=nearness)


def page(text: str, question: str = "") -> Page:
    """A text, read once for all properties."""
    return Page(text, facts(text), labels_in(text), question)


def labels_in(text: str) -> dict[tuple[str, ...], str]:
    """What stands behind a label at the beginning of a line: `Invoice number: 88213`."""
    pairs: dict[tuple[str, ...], str] = {}
    for match in _LINE.finditer(text):
        key = tuple(stem(word) for word in words(match[1]))
        if key and len(key) <= 5:
            pairs.setdefault(key, match[2].strip())
    return pairs


def _part_of_name(written: str, said: Sequence[str]) -> str:
    parts = written.split()
    if {"first", "given", "firstname"}.intersection(said):
        return parts[0]
    return parts[-1] if {"last", "family", "surname", "lastname"}.intersection(said) else written


def _number_of(fact: Fact) -> float | None:
    return fact.value if isinstance(fact.value, float) else None
