"""The documents of workspaces: added, listed, deleted, searched and asked.

A document is added as a whole or not at all: all files of a request are read first, then their
chunks are embedded, and only then is anything kept. Under a `call_key` ids and calls are derived
from it, so that adding again after a crash makes no second document and pays nothing twice.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple

import msgspec

from headgate.core.documents import (
    Chunk,
    Concept,
    Document,
    DocumentKind,
    DocumentStore,
    Found,
    IndexedDocument,
    Search,
    SourcedAnswer,
)
from headgate.core.errors import InvalidRequest, NotFound
from headgate.core.ids import new_id
from headgate.core.metered import Models
from headgate.core.prompts import Prompts
from headgate.core.synonyms import meanings
from headgate.core.usage import UsageEvent
from headgate.core.words import terms, words
from headgate.documents import answers
from headgate.documents.chunking import Cut
from headgate.documents.embedding import Vector, embedded
from headgate.documents.kinds import kind_of, kind_of_text
from headgate.documents.ranking import CANDIDATES, fused
from headgate.documents.reader import Reader
from headgate.documents.reading_process import Outcome
from headgate.documents.readings import Unreadable

MOST_TERMS = 64
"""How many words of a question are looked up."""


class Upload(msgspec.Struct, frozen=True):
    """A file that is to be added; `is_text` where its content came as text and not as a file."""

    name: str
    content: bytes
    is_text: bool = False


class Added(msgspec.Struct, frozen=True):
    """The documents that were added, and the ledger's rows of what that took."""

    documents: tuple[Document, ...]
    events: tuple[UsageEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """`Library`, and how documents come into it and leave it.

    Attributes:
        embedding_model: what turns texts into vectors.
        vector_weight: the part of a passage's score that its vector has, from 0 to 1; the rest is
            its words'.
        answering_model: what answers questions where the caller names no model.
    """

    store: DocumentStore
    prompts: Prompts
    embedding_model: str
    vector_weight: float
    answering_model: str
    reader: Reader = field(default_factory=Reader)
    clock: Callable[[], float] = time.time

    async def add(
        self,
        workspace_id: str,
        uploads: Sequence[Upload],
        models: Models,
        *,
        call_key: str | None = None,
    ) -> Added:
        """Add files: all of them, or none.

        Raises:
            InvalidRequest: one cannot be read; says which, and why.
            HeadgateError: a text could not be embedded, or the store is away.
        """
        parts = [None if call_key is None else f"{call_key}/{n}" for n in range(len(uploads))]
        kept = [await self._kept(workspace_id, part) for part in parts]
        read = [one or await self._read(upload) for upload, one in zip(uploads, kept, strict=True)]
        documents: list[Document] = []
        new: list[IndexedDocument] = []
        events: list[UsageEvent] = []
        for upload, part, found in zip(uploads, parts, read, strict=True):
            if isinstance(found, Document):
                documents.append(found)
                continue
            title, text = _title(upload.name), found.outcome.text
            texts = [_told(title, one.headings, text[one.start : one.end]) for one in found.cuts]
            made = await embedded(texts, models, self.embedding_model, part)
            document = self._document(workspace_id, part, upload, found)
            documents.append(document)
            new.append(IndexedDocument(document, text, _chunks(found.outcome, made.vectors)))
            events += made.events
        if new:
            await self.store.add(new)
        return Added(tuple(documents), tuple(events))

    async def delete(self, workspace_id: str, document_id: str) -> None:
        """Forget a document.

        Raises:
            NotFound: the workspace has none with this id.
        """
        if not await self.store.delete(workspace_id, document_id):
            raise _not_found(document_id)

    async def take_back(self, workspace_id: str, call_key: str) -> bool:
        """Forget the one document that was added under a call key; whether it was there."""
        return await self.store.delete(workspace_id, _id_of(workspace_id, f"{call_key}/0"))

    async def document(self, workspace_id: str, document_id: str) -> Document:
        """See `Library.document`."""
        found = await self.store.get(workspace_id, document_id)
        if found is None:
            raise _not_found(document_id)
        return found

    async def text(self, workspace_id: str, document_id: str) -> str:
        """See `Library.text`."""
        found = await self.store.text(workspace_id, document_id)
        if found is None:
            raise _not_found(document_id)
        return found

    async def search(
        self, workspace_id: str, search: Search, models: Models, *, call_key: str | None = None
    ) -> Found:
        """See `Library.search`."""
        query = search.query.strip()
        if not query:
            raise InvalidRequest("the query is empty: say what you look for", param="query")
        made = await embedded([query], models, self.embedding_model, call_key)
        (vector,) = made.vectors
        by_terms, by_vector = await asyncio.gather(
            self.store.by_terms(workspace_id, concepts(query), search.where, limit=CANDIDATES),
            self.store.by_vector(workspace_id, *vector, search.where, limit=CANDIDATES),
        )
        passages = fused(by_terms, by_vector, self.vector_weight, search.limit)
        return Found(passages, tuple(made.events))

    async def answer(
        self,
        workspace_id: str,
        search: Search,
        models: Models,
        *,
        model: str | None = None,
        call_key: str | None = None,
    ) -> SourcedAnswer:
        """See `Library.answer`."""
        found = await self.search(workspace_id, search, models, call_key=call_key)
        if not found.passages:
            return answers.none(found.events)
        asked = model or self.answering_model
        style = models.style(asked)
        request = answers.request(self.prompts, search.query, found.passages, asked, style)
        part = None if call_key is None else f"{call_key}/answer"
        said = await models.complete(request, call_key=part)
        events = (*found.events, said.event)
        return answers.sourced(search.query, said.response.content, found.passages, events)

    async def _kept(self, workspace_id: str, part: str | None) -> Document | None:
        """What was added under the same key before, by a process that could not say so."""
        if part is None:
            return None
        return await self.store.get(workspace_id, _id_of(workspace_id, part))

    async def _read(self, upload: Upload) -> "_Read":
        try:
            is_text = upload.is_text
            kind = kind_of_text(upload.name) if is_text else kind_of(upload.name, upload.content)
            return _Read(kind, await self.reader.read(kind, _title(upload.name), upload.content))
        except Unreadable as error:
            raise _refused(upload, error) from None

    def _document(
        self, workspace_id: str, part: str | None, upload: Upload, found: "_Read"
    ) -> Document:
        return Document(
            id=new_id("doc") if part is None else _id_of(workspace_id, part),
            workspace_id=workspace_id,
            name=upload.name,
            kind=found.kind,
            characters=len(found.outcome.text),
            chunks=len(found.cuts),
            pages=found.outcome.pages,
            created_at=self.clock(),
        )


class _Read(NamedTuple):
    """What was read of a file."""

    kind: DocumentKind
    outcome: Outcome

    @property
    def cuts(self) -> Sequence[Cut]:
        """Its chunks."""
        return self.outcome.cuts


def _refused(upload: Upload, error: Unreadable) -> InvalidRequest:
    return InvalidRequest(f"{upload.name[:200]!r} was not added: {error.message}", param="file")


def _title(name: str) -> str:
    """A name as far as it tells what the document is about."""
    return PurePosixPath(name.replace("\\", "/")).stem.replace("_", " ").replace("-", " ")


def _told(title: str, headings: str, text: str) -> str:
    """What is embedded of a chunk: it may not say itself what it is about."""
    return "\n".join(filter(None, (title, headings, text)))


def _chunks(outcome: Outcome, vectors: Sequence[Vector]) -> list[Chunk]:
    return [
        Chunk(
            number=number,
            start=cut.start,
            end=cut.end,
            text=outcome.text[cut.start : cut.end],
            terms=cut.terms,
            space=vector.space,
            vector=vector.values,
            page=cut.page,
        )
        for number, (cut, vector) in enumerate(zip(outcome.cuts, vectors, strict=True))
    ]


def concepts(query: str) -> list[Concept]:
    """What is looked up: the telling words, or all of them where none is, with their synonyms."""
    asked = list(dict.fromkeys(terms(query) or words(query)))[:MOST_TERMS]
    return [meanings(term) for term in asked]


def _id_of(workspace_id: str, call_key: str) -> str:
    return "doc_" + hashlib.sha256(f"{workspace_id}\n{call_key}".encode()).hexdigest()[:24]


def _not_found(document_id: str) -> NotFound:
    return NotFound(f"there is no document {document_id[:100]!r}")
