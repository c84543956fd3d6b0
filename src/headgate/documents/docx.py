"""Word documents: headings, paragraphs and tables in their order.

A `.docx` is a zip of XML, so it can be far larger than it looks, and its XML could define entities
that grow without end. Both are refused before anything is parsed.
"""

import io
import re
import zipfile

import docx
from docx.opc.exceptions import OpcError
from docx.table import Table

from headgate.documents.readings import Composer, Reading, Unreadable

MOST_PARTS = 5_000
MOST_EXPANDED_BYTES = 300_000_000
MOST_XML_BYTES = 100_000_000
MOST_RATIO = 250
"""How often the XML may be larger than its compressed form; text compresses to a tenth or so."""
SMALL_BYTES = 1_000_000
"""Below this a ratio says nothing: empty tables compress very well."""

_BROKEN = "it is not a Word document (.docx), or a broken one"
_HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)
_XML = (".xml", ".rels")


def read_docx(content: bytes) -> Reading:
    """A document's text; headers, footers and comments are left out.

    Raises:
        Unreadable: it is broken, or grows beyond bounds.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _refuse_bombs(archive)
        document = docx.Document(io.BytesIO(content))
        composer = Composer()
        levels = {style.style_id: _level(style.name or "") for style in document.styles}
        for block in document.iter_inner_content():
            if isinstance(block, Table):
                _add_table(composer, block)
            else:
                # Asking a paragraph for its style looks through all styles each time.
                style = block._p.style  # noqa: SLF001 - the only fast way
                composer.add(block.text, level=levels.get(style or "", 0))
        return composer.reading()
    except Unreadable:
        raise
    except (zipfile.BadZipFile, OpcError, OSError, SyntaxError, NotImplementedError) as error:
        # Broken XML is a `SyntaxError` of the parser's, and a way of packing that `zipfile` does
        # not know is a `NotImplementedError`.
        raise Unreadable(_BROKEN) from error
    except (ValueError, KeyError, AttributeError, TypeError, IndexError) as error:
        # What a broken file makes of a parser is not always the parser's own error.
        raise Unreadable(_BROKEN) from error


def _refuse_bombs(archive: zipfile.ZipFile) -> None:
    parts = archive.infolist()
    if "word/document.xml" not in archive.namelist():
        raise Unreadable(_BROKEN)
    expanded = sum(part.file_size for part in parts)
    if len(parts) > MOST_PARTS or expanded > MOST_EXPANDED_BYTES:
        raise Unreadable("it is far larger inside than a document would be")
    written = [part for part in parts if part.filename.lower().endswith(_XML)]
    size = sum(part.file_size for part in written)
    packed = sum(part.compress_size for part in written)
    if size > MOST_XML_BYTES or (size > SMALL_BYTES and size > MOST_RATIO * max(1, packed)):
        raise Unreadable("it is far larger inside than a document would be")
    for part in written:
        # No writer of documents makes one; it is where entities are defined, in any encoding.
        if b"<!DOCTYPE" in archive.read(part).replace(b"\0", b"").upper():
            raise Unreadable("its XML defines entities, as no document does")


def _add_table(composer: Composer, table: Table) -> None:
    rows = []
    for row in table.rows:
        cells: list[str] = []
        previous = None
        for cell in row.cells:
            # A merged cell is given once for each column that it covers.
            if cell._tc is not previous:  # noqa: SLF001 - the only way to know
                cells.append(" ".join(cell.text.split()))
            previous = cell._tc  # noqa: SLF001 - as above
        rows.append(" | ".join(cells))
    composer.add("\n".join(row for row in rows if row.strip(" |")))


def _level(name: str) -> int:
    """The level of headings in a style."""
    if name == "Title":
        return 1
    heading = _HEADING.fullmatch(name)
    return min(6, int(heading[1])) if heading else 0
