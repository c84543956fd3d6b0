"""A short text that a regular expression accepts, for the `pattern` of a JSON Schema.

It reads what schemas use: literals, escapes, classes, groups, alternatives and repeats. A
look-around or a reference back adds nothing to the text, so their conditions may not be kept.
"""

import re
from collections.abc import Callable
from typing import NoReturn

MAX_LENGTH = 100_000

_NOTHING = "bBAZzGK123456789"  # Anchors and references back.
_ESCAPES = dict(zip("dwsDWSntrfv0", "0a a a\n\t\r\f\v\0", strict=True))
_KINDS: dict[str, Callable[[str], bool]] = {
    "d": str.isdigit,
    "s": str.isspace,
    "w": lambda char: char.isalnum() or char == "_",
    "D": lambda char: not char.isdigit(),
    "S": lambda char: not char.isspace(),
    "W": lambda char: not char.isalnum() and char != "_",
}
_TRIED = "a0A _-.!~\n\té"
_GROUP = re.compile(r"\(\?(?:P?<\w+>|[:>]|(<?[=!]))|\(")
_REPEAT = re.compile(r"\{([0-9]{1,9})(,?)([0-9]{0,9})\}")
_CODE = re.compile(r"x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|[pP]\{[^}]*\}")


def smallest_text(pattern: str, least: int = 0) -> str:
    """A text that `pattern` finds itself in, at least `least` characters long where that can be.

    Raises:
        ValueError: the pattern cannot be read, or its text would be too long.
    """
    text = _Reader(pattern, spare=0).text()
    if len(text) >= least:
        return text
    if not pattern.endswith("$"):
        return text.ljust(least, "a")
    return _Reader(pattern, spare=least - len(text)).text()


class _Reader:
    """Reads a pattern from left to right; `spare` characters go into repeats that may grow."""

    def __init__(self, pattern: str, *, spare: int) -> None:
        self._pattern = pattern
        self._at = 0
        self._spare = spare

    def text(self) -> str:
        text = self._alternatives()
        if self._at < len(self._pattern):
            self._stop()
        return text

    def _alternatives(self) -> str:
        spare = self._spare
        best, left = self._sequence(), self._spare
        while self._peek() == "|":
            self._at += 1
            self._spare = spare
            text = self._sequence()
            if len(text) > len(best) if spare > 0 else len(text) < len(best):
                best, left = text, self._spare
        self._spare = left
        return best

    def _sequence(self) -> str:
        texts: list[str] = []
        length = 0
        while self._peek() not in {"", "|", ")"}:
            texts.append(self._repeated(self._atom()))
            length += len(texts[-1])
            if length > MAX_LENGTH:
                raise ValueError("a pattern's text is too long")
        return "".join(texts)

    def _repeated(self, atom: str) -> str:
        least, most = self._times()
        while self._peek() in {"?", "+"}:  # Lazy or possessive, which is all one here.
            self._at += 1
        if atom and self._spare > 0:
            more = min(most - least, -(-self._spare // len(atom)))
            self._spare -= more * len(atom)
            least += more
        if least * len(atom) > MAX_LENGTH:
            raise ValueError("a pattern's text is too long")
        return atom * least

    def _times(self) -> tuple[int, int]:
        """How often the last atom stands at least, and at most."""
        char = self._peek()
        if char in {"*", "+", "?"}:
            self._at += 1
            return int(char == "+"), 1 if char == "?" else MAX_LENGTH
        repeat = _REPEAT.match(self._pattern, self._at)
        if repeat is None:
            return 1, 1
        self._at = repeat.end()
        least = int(repeat[1])
        most = int(repeat[3]) if repeat[3] else MAX_LENGTH if repeat[2] else least
        return least, max(least, most)

    def _atom(self) -> str:
        char = self._peek()
        if char == "(":
            return self._group()
        self._at += 1
        if char in {"^", "$"}:
            return ""
        if char == ".":
            return "a"
        if char == "[":
            return self._class()
        return self._escape() if char == "\\" else char

    def _group(self) -> str:
        head = _GROUP.match(self._pattern, self._at)
        if head is None or (head[0] == "(" and self._pattern.startswith("(?", self._at)):
            self._stop()  # A kind of group that schemas do not use.
        self._at = head.end()
        spare = self._spare
        text = self._alternatives()
        self._take(")")
        if head[1]:  # A look-around takes up no text.
            self._spare = spare
            return ""
        return text

    def _escape(self) -> str:
        code = _CODE.match(self._pattern, self._at)
        if code:
            self._at = code.end()
            digits = code[1] or code[2]
            return chr(int(digits, 16)) if digits else "a"
        char = self._peek() or self._stop()
        self._at += 1
        return "" if char in _NOTHING else _ESCAPES.get(char, char)

    def _class(self) -> str:
        """One character of a class; of a negated one the first that is tried and not in it."""
        is_negated = self._peek() == "^"
        self._at += is_negated
        start = self._at
        members: list[tuple[str, str]] = []
        kinds: list[str] = []
        while self._peek() != "]" or self._at == start:
            low = self._member(kinds)
            high = low
            if self._peek() == "-" and self._pattern[self._at + 1 : self._at + 2] not in {"]", ""}:
                self._at += 1
                high = self._member(kinds)
            members.append((low, high))
        self._take("]")
        if not is_negated:
            return members[0][0]
        free = (
            char
            for char in _TRIED
            if not any(low <= char <= high for low, high in members)
            and not any(_KINDS[kind](char) for kind in kinds)
        )
        return next(free, None) or self._stop()

    def _member(self, kinds: list[str]) -> str:
        char = self._peek() or self._stop()
        self._at += 1
        if char != "\\":
            return char
        if self._peek() in _KINDS:
            kinds.append(self._peek())
        return self._escape()

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _take(self, char: str) -> None:
        if self._peek() != char:
            self._stop()
        self._at += 1

    def _stop(self) -> NoReturn:
        raise ValueError(f"a pattern cannot be read at its character {self._at + 1}")
