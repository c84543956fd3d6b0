"""Documents, the passages found in them, and the ports through which they are kept and asked.

Every document belongs to a workspace, and is nobody else's. Its *extracted text* is fixed when it
is added; every offset, of a chunk, a passage or a citation, counts characters of that text, and
what stands between two offsets is word for word what is quoted.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, TypeAlias

import msgspec

from headgate.core.metered import Models
from headgate.core.usage import UsageEvent

DocumentKind: TypeAlias = Literal["txt", "md", "html", "pdf", "docx"]
Concept: TypeAlias = Mapping[str, float]
"""A word that is asked for: the terms that stand for it, and what each counts beside the others."""

DEFAULT_RESULTS = 10
MOST_RESULTS = 50
DEFAULT_SOURCES = 5
"""How many passages a model reads to answer a question."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a document besides its text.

    Attributes:
        characters: the length of the extracted text.
        pages: how many it has, where its kind has pages.
        created_at: Unix seconds.
    """

    id: str
    workspace_id: str
    name: str
    kind: DocumentKind
    characters: int
    chunks: int
    created_at: float
    pages: int | None = None


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a document's text that is found as a whole.

    Attributes:
        text: the extracted text from `start` to before `end`.
        page: where it begins, counted from 1.
        terms: the telling words as they are looked up by, in their order, with spaces between
            them; those of the headings above it too.
        space: which model made the vector; vectors of different spaces are never compared.
        vector: little-endian 32-bit floats, of length 1 as a vector.
    """

    number: int
    start: int
    end: int
    text: str
    terms: str
    space: str
    vector: bytes
    page: int | None = None


class IndexedDocument(msgspec.Struct, frozen=True):
    """A document as it is added: all of it, or nothing."""

    document: Document
    text: str
    chunks: Sequence[Chunk]


class DocumentFilter(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Which documents count; None leaves a condition out."""

    document_ids: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None
    kinds: tuple[DocumentKind, ...] | None = None

    def admits(self, document: Document) -> bool:
        """Whether a document counts."""
        return (
            (self.document_ids is None or document.id in self.document_ids)
            and (self.names is None or document.name in self.names)
            and (self.kinds is None or document.kind in self.kinds)
        )


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for: up to `limit` passages, at most `MOST_RESULTS`."""

    query: str
    limit: int = DEFAULT_RESULTS
    where: DocumentFilter = DocumentFilter()


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk that was found.

    Attributes:
        score: from 0 to 1; 1 is the first by words and by meaning.
    """

    document_id: str
    name: str
    text: str
    start: int
    end: int
    page: int | None
    score: float


class Found(msgspec.Struct, frozen=True):
    """Passages, best first, and the ledger's rows of what it took to find them."""

    passages: tuple[Passage, ...]
    events: tuple[UsageEvent, ...] = ()


class Citation(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Where a statement stands: the quote is the text of the document from `start` to `end`."""

    document_id: str
    title: str
    start: int
    end: int
    quote: str
    page: int | None = None


class SourcedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer from documents.

    Attributes:
        text: the answer; where the documents have none, a sentence that says so.
        is_found: whether the documents have an answer. Without one there are no citations, with
            one there is at least one.
        events: the ledger's rows of the model calls that it took, in their order.
    """

    text: str
    is_found: bool
    citations: tuple[Citation, ...] = ()
    events: tuple[UsageEvent, ...] = ()


class Library(Protocol):
    """The documents of workspaces, as tools, agents and routes ask them.

    A `call_key` names the call for good, as in `Models`: what it costs is paid once.
    """

    async def search(
        self, workspace_id: str, search: Search, models: Models, *, call_key: str | None = None
    ) -> Found:
        """The passages that fit best, by words and by meaning.

        Raises:
            InvalidRequest: nothing is asked for.
            HeadgateError: the store is away, or the question could not be embedded.
        """
        ...

    async def answer(
        self,
        workspace_id: str,
        search: Search,
        models: Models,
        *,
        model: str | None = None,
        call_key: str | None = None,
    ) -> SourcedAnswer:
        """The answer that the documents give to a question, by `model` or the platform's default.

        Raises:
            HeadgateError: there is none, and only what a vendor may bill was charged.
        """
        ...

    async def document(self, workspace_id: str, document_id: str) -> Document:
        """One document.

        Raises:
            NotFound: the workspace has none with this id.
        """
        ...

    async def text(self, workspace_id: str, document_id: str) -> str:
        """The extracted text of a document.

        Raises:
            NotFound: the workspace has none with this id.
        """
        ...


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk that a store found by one way of looking.

    Attributes:
        number: the chunk's among those of its document.
        nearness: by vector, the cosine of the angle; by terms, the higher the more telling.
    """

    document: Document
    number: int
    start: int
    end: int
    text: str
    page: int | None
    nearness: float


class DocumentStore(Protocol):
    """Where documents and their index are kept. Every method may raise `Overloaded`."""

    async def add(self, documents: Sequence[IndexedDocument]) -> None:
        """Keep all documents, or none of them; one that is kept already stays as it is."""
        ...

    async def get(self, workspace_id: str, document_id: str) -> Document | None:
        """One document."""
        ...

    async def text(self, workspace_id: str, document_id: str) -> str | None:
        """The extracted text of one document."""
        ...

    async def delete(self, workspace_id: str, document_id: str) -> bool:
        """Forget a document and all of its chunks; whether there was one."""
        ...

    async def by_terms(
        self, workspace_id: str, concepts: Sequence[Concept], where: DocumentFilter, *, limit: int
    ) -> list[Hit]:
        """The chunks that have a term of any concept, the most telling first (BM25).

        The terms of a concept count as one word, and how rare it is, is counted over all chunks of
        the workspace and over no other's.
        """
        ...

    async def by_vector(
        self,
        workspace_id: str,
        space: str,
        vector: bytes,
        where: DocumentFilter,
        *,
        limit: int,
    ) -> list[Hit]:
        """The chunks of one vector space, the nearest first."""
        ...

    async def list(self, workspace_id: str, *, limit: int, after: str | None) -> list[Document]:
        """Up to `limit` documents, newest first, from behind the one whose id is `after`.

        Those of one moment are ordered by their ids. Empty where there is no such document.
        """
        ...
