"""Names of persons and organisations, told by capitals, titles and the words around them.

There is no list of all names in the world: a run of capitalised words is a name when something
vouches for it (a title, a given name, a company's suffix, an institution's noun, a verb that only
people do). What nothing vouches for is left out.
"""

# ruff: noqa: RUF001 - the punctuation of many scripts is meant

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

from headgate.core.words import word_set

NameKind: TypeAlias = Literal["person", "organisation"]


class Name(NamedTuple):
    """A name and where it stands, titles not included."""

    kind: NameKind
    start: int
    end: int


_WORD = r"[^\W\d_](?:[^\W\d_]|['’-](?=[^\W\d_])){0,40}"
_PART = re.compile(rf"{_WORD}\.?|&")
_LONGEST_RUN = 12
_PARTICLES = word_set("de da di del della la le van von der den bin al du dos")
_CONNECTIVES = _PARTICLES | {"of", "for", "and", "the", "&"}
_DIRECTIONS = word_set(
    """
    northern southern eastern western north south east west new first second third
    """
)

_TITLES = word_set(
    """
    mr mrs ms miss mx dr prof professor sir dame lord lady rev reverend father judge justice
    president chancellor senator governor mayor captain colonel general lieutenant sergeant
    officer detective inspector king queen prince princess pope bishop ambassador secretary
    minister councillor congressman congresswoman representative herr frau monsieur madame
    señor señora chairman chairwoman coach director manager engineer economist
    """
)
_SUFFIXES = word_set(
    """
    inc ltd llc llp plc corp corporation company co gmbh ag kg se sa sas bv nv oy ab spa pty
    limited incorporated holdings group
    """
)
_INSTITUTIONS = word_set(
    """
    university college institute school academy hospital clinic bank council ministry
    department agency commission committee court parliament senate congress trust foundation
    association society federation union league club bureau office authority organisation
    organization laboratory laboratories labs systems technologies technology software
    partners industries airlines airways motors energy pharmaceuticals insurance publishing
    press museum church army navy police party fund exchange board centre center council
    consulting solutions services marine printing logistics bakery gardens studios media works
    """
)
_GIVEN = word_set(
    """
    aaron abigail ada adam ahmed aisha alan albert alejandro alex alexander alice alicia ali
    amara amanda amelia amir amy ana anders andrea andreas andrew angela anita ann anna anne
    anthony antonio arthur barbara beatrice ben benjamin bernard bianca bob brian bruno
    camille carla carlos carmen caroline catherine charles charlotte chen chiara chloe chris
    christian christina christine claire clara claudia daniel daniela david deborah denis
    diana diego dmitri dorothy edward elena eleanor elizabeth ella ellen emily emma eric
    erik ethan eva evelyn fatima felix fernando fiona francesca francisco frank fred gabriel
    george giovanni giulia grace greg hannah hans harry hassan heather heidi helen helena
    henry hiroshi hugo ibrahim ingrid irene isabel isabella ivan jack jacob james jane jason
    javier jean jennifer jessica joan johan john jonathan jorge jose joseph joshua juan
    judith julia julian julie karen karl kate katherine kenji kevin klaus laura lauren lars
    lena leo leon linda lisa louis louise lucas lucia lucy luis maria marco margaret maria
    marie mario mark marta martin mary mateo matthew max maya mei michael miguel mike
    mohamed mohammed monica nadia nancy naomi natalie nathan nicholas nicole nina noah olga
    oliver olivia omar oscar pablo patricia patrick paul paula pedro peter petra philip
    pierre priya rachel rafael raj ravi rebecca richard robert roberto rosa ruth ryan
    samantha samuel sandra sara sarah scott sebastian sergei silvia simon sofia sophia
    sophie stefan stephanie stephen steven susan sven tanya teresa thomas tim timothy tom
    tomas ursula valentina vera victor victoria vincent walter wei william xavier yuki yusuf
    zoe
    """
)
_NOT_NAMES = word_set(
    """
    i'm i've i'd i'll it's he's she's that's there's january february march april may june
    july august september october november december
    monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri sat sun jan
    feb mar apr jun jul aug sep oct nov dec dear yours sincerely regards best kind hello hi
    re fwd subject from to cc date invoice order total amount page figure table chapter
    section appendix street road lane avenue north south east west northern southern eastern
    western i the a an this that these those it he she they we you his her their our your my
    its and but or so if when while where why what who how there here then thus also however
    although because since after before during in on at by for of with from as is are was
    were be been has have had do does did will would can could should may might must not no
    yes nobody everybody everyone someone anyone nothing about half some many most more all
    each every one two three four five six seven eight nine ten first second third last next
    new old please thank thanks email phone tel fax address name note contact
    """
)
_PERSON_AFTER = re.compile(
    r",?\s+(?:(?:has|had|have|who|which|also|then|later|now)\s+)*"
    r"(?:said|says|told|added|asked|argued|wrote|warned|explained|voted|joined|resigned|retired|"
    r"died|was born|lives?|lived|married|smiled|replied|speaks|spoke|led|leads|founded)\b"
    r"|,\s+(?:an?|the|our|his|her|their)\s+[\w-]+(?:\s[\w-]+)?,|,\s+(?:aged\s+)?\d{2},"
    r"|,\s+(?:chief|head|ceo|cfo|cto|director|president|chair|manager|founder|professor)\b",
    re.IGNORECASE,
)
_PLACE_BEFORE = re.compile(
    r"\b(?:in|at|of|near|for|across|to|towards?|through|around|outside|the)\s+$", re.IGNORECASE
)
_STRONG_BEFORE = re.compile(
    r"\b(?:said|asked|told|my name is|name is|signed:?|sincerely,?|regards,?|dear|attn:?|"
    r"customer:?|author:?|name:?)\s+$",
    re.IGNORECASE,
)
_ACRONYM = re.compile(r"(?<![\w.-])[A-Z]{2,6}(?![\w-])")
_ORGANISATIONS = word_set(
    """
    UN EU NATO WHO IMF NASA ESA FBI CIA NHS BBC CNN IBM SAP BMW UNESCO UNICEF OECD WTO FIFA
    UEFA NBA NFL FDA EPA SEC MIT OPEC AMD HP GE GM AT&T
    """
)


class _Token(NamedTuple):
    start: int
    end: int
    text: str

    @property
    def key(self) -> str:
        return self.text.rstrip(".").replace("’", "'").removesuffix("'s").casefold()

    @property
    def is_capitalised(self) -> bool:
        return self.text[:1].isupper()


def names(text: str) -> list[Name]:
    """All names that something vouches for, in their order, none within another."""
    found: list[Name] = []
    families: set[str] = set()
    for run in _runs(text):
        name = _judged(text, run, families) or _joined(text, run, found)
        if name is not None:
            found.append(name)
            if name.kind == "person":
                families.add(text[name.start : name.end].rsplit(maxsplit=1)[-1])
    found.extend(
        Name("organisation", match.start(), match.end())
        for match in _ACRONYM.finditer(text)
        if match.group() in _ORGANISATIONS
    )
    found.sort(key=lambda name: (name.start, -name.end))
    kept: list[Name] = []
    for name in found:
        if not kept or name.start >= kept[-1].end:
            kept.append(name)
    return kept


def _runs(text: str) -> Iterator[list[_Token]]:
    """Runs of capitalised words, with the small words that may stand inside a name."""
    run: list[_Token] = []
    previous_end = -1
    for match in _PART.finditer(text):
        token = _Token(match.start(), match.end(), match.group())
        gap = text[previous_end : token.start] if run else ""
        abbreviated = bool(run) and _may_be_abbreviated(run[-1])
        broken = bool(gap.strip(" \t")) or len(gap) > 2 or not abbreviated
        if run and (broken or len(run) == _LONGEST_RUN):
            yield from _trimmed(run)
            run = []
        if token.is_capitalised or (run and token.text in _CONNECTIVES):
            run.append(token)
        elif run:
            yield from _trimmed(run)
            run = []
        previous_end = token.end
    yield from _trimmed(run)


def _may_be_abbreviated(token: _Token) -> bool:
    """Whether a name may go on behind `token`: a full stop ends it, but for "Dr." and "J."."""
    return not token.text.endswith(".") or len(token.text) == 2 or token.key in _TITLES


def _trimmed(run: list[_Token]) -> Iterator[list[_Token]]:
    """A run without the words around the name, parted where an "and" joins two names."""
    while run and (
        not run[-1].is_capitalised or (run[-1].key in _NOT_NAMES and run[-1].key not in _GIVEN)
    ):
        run = run[:-1]
    while run and (not run[0].is_capitalised or run[0].key in _NOT_NAMES):
        institution = any(token.key in _INSTITUTIONS for token in run[1:])
        if institution and run[0].key in _DIRECTIONS:
            break
        run = run[1:]
    for place, token in enumerate(run):
        parts = token.text == "and" and not any(one.key in _INSTITUTIONS for one in run[:place])
        if parts or token.text in {"for", "the"}:
            yield from _trimmed(run[:place])
            yield from _trimmed(run[place + 1 :])
            return
    if run:
        yield run


def _judged(text: str, run: list[_Token], families: set[str]) -> Name | None:
    keys = [token.key for token in run]
    titled = 0
    while titled < len(run) and keys[titled] in _TITLES:
        titled += 1
    rest = run[titled:]
    if len(rest) > 1 and rest[1].key in _GIVEN and _begins_sentence(text, rest[0]):
        rest = rest[1:]  # "Ask Ada Vane" at the start of a sentence.
    if not rest:
        return None
    span = rest[0].start, _end(rest[-1])
    if rest[-1].key in _SUFFIXES and len(rest) > 1:
        return Name("organisation", span[0], rest[-1].end)
    if any(token.key in _INSTITUTIONS for token in rest) and len(run) > 1 and not _titled(run):
        return Name("organisation", run[0].start, span[1])
    if _is_person(text, rest, titled=titled > 0, families=families):
        return Name("person", *span)
    return None


def _begins_sentence(text: str, token: _Token) -> bool:
    """Whether a word has its capital for its place, being no given name itself."""
    before = text[max(0, token.start - 3) : token.start].rstrip(" \"'“(")
    return token.key not in _GIVEN and (not before or before[-1] in ".!?\n:")


def _joined(text: str, run: list[_Token], found: list[Name]) -> Name | None:
    """The second of two persons: "Ada Vane and Barack Obama" vouches for both."""
    if not found or found[-1].kind != "person" or len(run) != 2:
        return None
    if text[found[-1].end : run[0].start].strip() not in {"and", "&", "und", "et", "y"}:
        return None
    return Name("person", run[0].start, _end(run[-1]))


def _titled(run: list[_Token]) -> bool:
    """Whether a run begins with a title that only a person bears."""
    return run[0].key in {"mr", "mrs", "ms", "dr", "prof", "mayor", "senator", "judge"}


def _is_person(text: str, rest: list[_Token], *, titled: bool, families: set[str]) -> bool:
    bare = [token for token in rest if token.text not in _PARTICLES]
    if len(bare) > 4 or any(token.text in {"of", "&", "and"} for token in rest):
        return False
    if any(token.text.isupper() and len(token.text.rstrip(".")) > 1 for token in rest):
        return False
    if titled or (len(bare) > 1 and bare[0].key in _GIVEN):
        return True
    before = text[max(0, rest[0].start - 24) : rest[0].start]
    named = bool(_STRONG_BEFORE.search(before))
    if len(bare) == 1:
        # A bare family name is a mention of somebody whose full name stands elsewhere.
        return rest[0].text not in families and (named or rest[0].key in _GIVEN)
    after = text[_end(rest[-1]) : _end(rest[-1]) + 60]
    acts = _PERSON_AFTER.match(after) is not None and not _PLACE_BEFORE.search(before)
    return len(bare) <= 3 and (named or acts)


def _end(token: _Token) -> int:
    """A token's end without a full stop or a possessive that is no part of the name."""
    end = token.end - token.text.endswith(".")
    if token.text.rstrip(".").endswith(("'s", "’s")):
        end -= 2
    return end
