"""PDF: the text of each page, as far as the file has text and not only pictures of it."""

import io

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from headgate.documents.readings import Composer, Reading, Unreadable, paragraphs

MOST_PAGES = 2_000

_BROKEN = "it is not a PDF file, or a broken one"


def read_pdf(content: bytes) -> Reading:
    """A document's text, page by page.

    Raises:
        Unreadable: it is broken, encrypted, too long, or has no text.
    """
    if b"%PDF-" not in content[:1024]:
        raise Unreadable(_BROKEN)
    try:
        return _read(PdfReader(io.BytesIO(content)))
    except Unreadable:
        raise
    except (PyPdfError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        # What a broken file makes of a parser is not always the parser's own error.
        raise Unreadable(_BROKEN) from error


def _clean(text: str) -> str:
    """A page's text without what is no character: fonts may say that a letter is half of one."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\x00", "")


def _read(reader: PdfReader) -> Reading:
    if reader.is_encrypted and not reader.decrypt(""):
        raise Unreadable("it is encrypted: save it without a password")
    pages = len(reader.pages)
    if pages > MOST_PAGES:
        raise Unreadable(f"it has more than {MOST_PAGES:,} pages: divide it into several files")
    composer = Composer()
    for number, page in enumerate(reader.pages, 1):
        text = _clean(page.extract_text())
        for start, end in paragraphs(text):
            composer.add(text[start:end], page=number)
    reading = composer.reading(pages=pages)
    if not reading.text:
        raise Unreadable("it has no text, only pictures: run text recognition on it first")
    return reading
