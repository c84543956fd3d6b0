"""HTML: what a reader sees, headings and paragraphs apart."""

import re
from html.parser import HTMLParser

from headgate.documents.plain import decoded
from headgate.documents.readings import Composer, Reading

_HIDDEN = frozenset({"script", "style", "template", "noscript", "svg", "iframe", "object", "title"})
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
)
_INLINE = frozenset(
    {
        *("a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "del", "dfn", "em", "i", "ins"),
        *("img", "kbd", "mark", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "time"),
        *("u", "var", "wbr", "font", "label"),
    }
)
_CELLS = frozenset({"td", "th"})
_HEADING = re.compile(r"h([1-6])")
_SPACE = re.compile(r"[ \t\r\n\f]+")
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset=[\"']?([\w-]{1,40})", re.IGNORECASE)


def read_html(content: bytes) -> Reading:
    """A page's text, without its scripts, styles and hidden parts.

    Raises:
        Unreadable: it is not text.
    """
    reader = _Reader()
    reader.feed(_text_of(content))
    reader.close()
    return reader.reading()


def _text_of(content: bytes) -> str:
    """The page's source, in the encoding that it names where that is not what it is in."""
    named = _CHARSET.search(content[:2048])
    if named is not None and named[1].lower() not in (b"utf-8", b"utf8"):
        try:
            return decoded(content.decode(named[1].decode("ascii")).encode())
        except (LookupError, ValueError):
            pass
    return decoded(content)


class _Reader(HTMLParser):
    """Collects text until a block ends."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._composer = Composer()
        self._pieces: list[str] = []
        self._hidden: str | None = None
        self._hidden_depth = 0
        self._level = 0
        self._in_row = False
        self._preformatted = 0

    def handle_starttag(self, tag: str, _attributes: object) -> None:
        """Begin a block where the element is one."""
        if self._hidden is not None:
            self._hidden_depth += tag == self._hidden
        elif tag in _HIDDEN:
            self._hidden, self._hidden_depth = tag, 1
        elif tag == "br":
            self._pieces.append("\n")
        elif tag in _CELLS and self._in_row:
            if self._pieces:
                self._pieces.append(" | ")
        elif tag not in _INLINE and not (self._in_row and tag in {"p", "div"}):
            self._end_block()
            self._in_row = tag == "tr" or (self._in_row and tag in _VOID)
            self._preformatted += tag == "pre"
            heading = _HEADING.fullmatch(tag)
            self._level = int(heading[1]) if heading else 0

    def handle_endtag(self, tag: str) -> None:
        """End a block where the element is one."""
        if self._hidden is not None:
            self._hidden_depth -= tag == self._hidden
            if not self._hidden_depth:
                self._hidden = None
        elif tag not in _INLINE and tag not in _CELLS and not (self._in_row and tag != "tr"):
            self._end_block()
            self._in_row = False
            self._preformatted -= tag == "pre" and self._preformatted > 0

    def handle_data(self, data: str) -> None:
        """Keep what is seen."""
        if self._hidden is None:
            self._pieces.append(data if self._preformatted else _SPACE.sub(" ", data))

    def reading(self) -> Reading:
        """The whole text."""
        self._end_block()
        return self._composer.reading()

    def _end_block(self) -> None:
        text = "".join(self._pieces)
        self._pieces.clear()
        if not self._preformatted:
            text = re.sub(r" *\n *", "\n", re.sub(r" {2,}", " ", text))
        self._composer.add(text, level=self._level)
        self._level = 0
