"""Documents made by hand, for tests of stores and of what stands on them."""

import math
from array import array
from collections.abc import Sequence

from headgate.core.documents import Chunk, Concept, Document, DocumentKind, IndexedDocument
from headgate.core.words import terms

SPACE = "lab/angles/2"


def exactly(*wanted: str) -> list[Concept]:
    """Terms that are looked up as they are."""
    return [{term: 1.0} for term in wanted]


def at_angle(degrees: float) -> bytes:
    """A vector in the plane: the nearer two angles, the nearer the vectors."""
    angle = math.radians(degrees)
    return array("f", [math.cos(angle), math.sin(angle)]).tobytes()


def document(
    document_id: str,
    *paragraphs: str,
    workspace_id: str = "lab",
    angles: Sequence[float] = (),
    space: str = SPACE,
    kind: DocumentKind = "txt",
    created_at: float = 1000.0,
) -> IndexedDocument:
    """A document of one chunk per paragraph, at the given angles or all at 0."""
    text = "\n\n".join(paragraphs)
    chunks: list[Chunk] = []
    start = 0
    for number, paragraph in enumerate(paragraphs):
        chunks.append(
            Chunk(
                number=number,
                start=start,
                end=start + len(paragraph),
                text=paragraph,
                terms=" ".join(terms(paragraph)),
                space=space,
                vector=at_angle(angles[number] if angles else 0.0),
                page=number + 1 if kind == "pdf" else None,
            )
        )
        start += len(paragraph) + 2
    known = Document(
        id=document_id,
        workspace_id=workspace_id,
        name=f"{document_id}.{kind}",
        kind=kind,
        characters=len(text),
        chunks=len(chunks),
        created_at=created_at,
        pages=len(chunks) if kind == "pdf" else None,
    )
    return IndexedDocument(known, text, chunks)
