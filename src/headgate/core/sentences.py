"""A text cut into sentences, each with its place, whatever mixture of prose, lists and letters.

Lines come first: a line break inside a wrapped paragraph is white space, one after a heading, a
list item or a line of an address is an end. Inside such a stretch a sentence ends at a mark that
is not part of an abbreviation, an initial, a number or a quotation that goes on.
"""

# ruff: noqa: RUF001 - the punctuation of many scripts is meant

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

from headgate.core.words import UNSPACED, word_set

Kind: TypeAlias = Literal["prose", "item", "heading"]

LONGEST_SENTENCE = 1_500
"""Characters after which a text without marks is cut at a space."""


class Sentence(NamedTuple):
    """A stretch of a text.

    Attributes:
        text: what stands at `start` to `end`, with each run of white space as one space and
            without a list item's mark.
        paragraph: counts blank lines and other breaks before it.
    """

    start: int
    end: int
    text: str
    kind: Kind
    paragraph: int


_TITLES = word_set(
    """
    mr mrs ms mx dr prof rev hon gen col lt maj capt cmdr sgt gov sen rep pres st mt ft
    messrs mme mlle hr fr sra dra ing dipl
    """
)
_NEVER_LAST = _TITLES | word_set(
    """
    vs cf e.g i.e eg ie approx est dept al viz ca bzw usw z.b d.h u.a n.b incl excl tel
    """
)
_BEFORE_NUMBERS = word_set("no nos fig figs vol vols pp ed eds ref art sec ch nr str par")
_SOMETIMES_LAST = word_set(
    """
    etc inc ltd co corp llc plc jr sr bros a.m p.m am pm u.s u.k u.n e.u d.c ph.d b.a m.a
    m.sc jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs
    fri sat sun ave blvd rd gmbh s.a
    """
)
_OPENERS = word_set(
    """
    a after all also although an and as at because before both but by despite during each
    every for from he her here his how however i if in it its last later many meanwhile more
    most my next no none nothing on once one other our she since so some such that the their
    then there these they this those though to today two under until we what when where
    which while who why with yesterday yet you your
    """
)

_END = re.compile(
    r"(?<![.!?…؟۔।։።។])(?P<mark>[.!?…؟۔।։።។]++)(?P<close>[\"'”’»)\]}*_]*+)(?=\s|$)"
    r"|(?P<wide>[。！？｡]++)(?P<wide_close>[」』”’）】》\"]*+)"
)
_TOKEN_BEFORE = re.compile(r"[^\s(\[\"“‘«]*$")
_SAID = re.compile(
    r"\s+(?:[A-Z][\w’'-]+\s+){1,3}"
    r"(?:said|asked|says|asks|added|told|replied|wrote|called|cried|argued|warned|explained)\b"
)
_ITEM = re.compile(r"[ \t]*(?:[-*+•‣◦▪–—]|\(?(?:\d{1,3}|[a-z])[.)]|\(?[A-Z]\))[ \t]+(?=\S)")
_HEADING = re.compile(r"[ \t]*#{1,6}[ \t]+(?=\S)")
_RULE = re.compile(r"[ \t]*(?:[-=_*~]{3,}|[-*_](?: [-*_]){2,})[ \t]*$")
_BLANK = re.compile(r"\s*$")
_ENDS = re.compile(r"[.!?…؟۔।։።។。！？｡:;][\"'”’»)\]}」』）*_]*$")
_INNER_END = re.compile(r"[!?]\s|[^\W\d_]{4,}\.\s|[。！？]")
_SPACE = re.compile(r"\s+")
_UNSPACED = re.compile(f"[{UNSPACED}]")


class _Line(NamedTuple):
    start: int
    end: int


class _Stretch(NamedTuple):
    start: int
    end: int
    kind: Kind
    paragraph: int


def sentences(text: str) -> list[Sentence]:
    """All sentences, headings and list items of a text, in their order, none empty."""
    found: list[Sentence] = []
    caseless = not any(character.isupper() for character in text)
    for stretch in _stretches(text):
        for start, end in _cut(text, stretch, caseless=caseless):
            clean = _SPACE.sub(" ", text[start:end]).strip()
            if clean:
                found.append(Sentence(start, end, clean, stretch.kind, stretch.paragraph))
    return found


def joined(chosen: list[str]) -> str:
    """Sentences as one running text; scripts without spaces get none between sentences."""
    out = ""
    for sentence in chosen:
        if out and not (_UNSPACED.match(sentence) and out[-1] in "。！？｡」』）"):
            out += " "
        out += sentence
    return out


def _stretches(text: str) -> Iterator[_Stretch]:
    block: list[_Line] = []
    paragraph = 0
    for line in _lines(text):
        content = text[line.start : line.end]
        if _BLANK.match(content) or _RULE.match(content):
            yield from _block_stretches(text, block, paragraph)
            paragraph += bool(block)
            block = []
        else:
            block.append(line)
    yield from _block_stretches(text, block, paragraph)


def _lines(text: str) -> Iterator[_Line]:
    start = 0
    for match in re.finditer(r"\r\n|[\n\r\x0b\x0c\x85\u2028\u2029]", text):
        yield _Line(start, match.start())
        start = match.end()
    yield _Line(start, len(text))


def _block_stretches(text: str, block: list[_Line], paragraph: int) -> Iterator[_Stretch]:
    """The stretches of lines that no blank line parts."""
    if not block:
        return
    longest = max(line.end - line.start for line in block)
    begin: int | None = None
    kind: Kind = "prose"
    for number, line in enumerate(block):
        content = text[line.start : line.end]
        if begin is None:
            marker = _HEADING.match(content) or _ITEM.match(content)
            begin = line.start + (marker.end() if marker else 0)
            kind = _kind(content)
        following = block[number + 1] if number + 1 < len(block) else None
        if following is not None and _wraps(text, line, following, longest, kind):
            continue
        stretch = text[begin : line.end]
        if kind == "prose" and _is_heading(stretch):
            kind = "heading"
        yield _Stretch(begin, line.end, kind, paragraph)
        begin = None


def _kind(line: str) -> Kind:
    if _HEADING.match(line):
        return "heading"
    return "item" if _ITEM.match(line) else "prose"


def _wraps(text: str, line: _Line, following: _Line, longest: int, kind: Kind) -> bool:
    """Whether a sentence may go on from `line` to the one that follows it."""
    content, next_content = text[line.start : line.end], text[following.start : following.end]
    if kind == "heading" or _kind(next_content) != "prose":
        return False
    if next_content.lstrip()[0].islower():
        return True
    wrapped = longest >= 40 or (longest >= 18 and bool(_UNSPACED.search(content)))
    return wrapped and line.end - line.start >= 0.6 * longest


def _is_heading(stretch: str) -> bool:
    """Whether a stretch is a title, a name or a line of an address rather than a sentence."""
    clean = stretch.strip()
    ends = _ENDS.search(clean[-10:]) is not None or _INNER_END.search(clean[:200]) is not None
    if _UNSPACED.search(clean):
        return len(clean) <= 15 and not ends
    if len(clean.split()) <= 5 and clean.endswith("."):
        # A line of its own such as "Acme Ltd." is a name.
        return clean.split()[-1].rstrip(".").casefold() in _SOMETIMES_LAST
    if clean.endswith((",", ":")):
        return len(clean.split()) <= 6
    return len(clean.split()) <= 14 and not ends


def _cut(text: str, stretch: _Stretch, *, caseless: bool) -> Iterator[tuple[int, int]]:
    """Where the sentences of a stretch begin and end."""
    start = stretch.start
    for match in _END.finditer(text, stretch.start, stretch.end):
        if stretch.kind != "heading" and _is_end(text, match, stretch.end, caseless=caseless):
            yield from _bounded(text, start, match.end())
            start = match.end()
    yield from _bounded(text, start, stretch.end)


def _is_end(text: str, match: re.Match[str], limit: int, *, caseless: bool) -> bool:
    after = text[match.end() : min(limit, match.end() + 80)]
    if not after.strip():
        return True
    if match["wide"]:
        # A quotation that ends here may be part of a longer sentence: 「はい。」と言った。
        return not match["wide_close"] or after[0] in "「『“（" or after[0].isspace()
    following = after.strip().lstrip("\"'“‘«([{*_-–—¿¡")
    if following[:1].islower() and not caseless:
        return False
    if match["close"].strip(")]}*_") and match["mark"][-1] in "!?" and _SAID.match(after):
        return False
    if match["mark"] != ".":
        return True
    before = _TOKEN_BEFORE.search(text, max(0, match.start() - 40), match.start())
    return _ends_at_dot(before.group() if before else "", following)


def _ends_at_dot(before: str, following: str) -> bool:
    """Whether the full stop after `before` ends a sentence that `following` would follow."""
    lower = before.casefold()
    next_word = re.match(r"[^\W\d_]+", following)
    opens = next_word is not None and next_word.group().casefold() in _OPENERS
    if lower in _NEVER_LAST or (lower in _BEFORE_NUMBERS and following[:1].isdigit()):
        return False
    if lower in _SOMETIMES_LAST:
        return opens
    if len(before) == 1 and before.isalpha() and before.isupper():
        return before == "I" or opens
    # "A list's 3. mark" and "am 3. März" are numbers, "in 2025." is an end.
    return not (before.isdigit() and len(before) <= 2 and not opens)


def _bounded(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end and text[start].isspace():
        start += 1
    while end - start > LONGEST_SENTENCE:
        space = text.rfind(" ", start + LONGEST_SENTENCE // 2, start + LONGEST_SENTENCE)
        cut = space if space > 0 else start + LONGEST_SENTENCE
        yield start, cut
        start = cut + 1 if space > 0 else cut
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        yield start, end
