"""Documents in this process's memory, for tests and short-lived platforms."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from headgate.core.documents import Concept, Document, DocumentFilter, Hit, IndexedDocument
from headgate.stores import passage_ranking
from headgate.stores.passage_ranking import Candidate


@dataclass(slots=True)
class MemoryDocuments:
    """`DocumentStore` of one process."""

    _kept: dict[tuple[str, str], tuple[IndexedDocument, list[Candidate]]] = field(
        default_factory=dict
    )

    async def add(self, documents: Sequence[IndexedDocument]) -> None:
        """See `DocumentStore.add`."""
        for one in documents:
            place = (one.document.workspace_id, one.document.id)
            ready = passage_ranking.candidates(one.document, one.chunks)
            self._kept.setdefault(place, (one, ready))

    async def get(self, workspace_id: str, document_id: str) -> Document | None:
        """See `DocumentStore.get`."""
        found = self._kept.get((workspace_id, document_id))
        return None if found is None else found[0].document

    async def text(self, workspace_id: str, document_id: str) -> str | None:
        """See `DocumentStore.text`."""
        found = self._kept.get((workspace_id, document_id))
        return None if found is None else found[0].text

    async def delete(self, workspace_id: str, document_id: str) -> bool:
        """See `DocumentStore.delete`."""
        return self._kept.pop((workspace_id, document_id), None) is not None

    async def by_terms(
        self, workspace_id: str, concepts: Sequence[Concept], where: DocumentFilter, *, limit: int
    ) -> list[Hit]:
        """See `DocumentStore.by_terms`."""
        everything = self._candidates(workspace_id, DocumentFilter())
        admitted = self._candidates(workspace_id, where)
        return passage_ranking.by_terms(concepts, everything, admitted, limit)

    async def by_vector(
        self,
        workspace_id: str,
        space: str,
        vector: bytes,
        where: DocumentFilter,
        *,
        limit: int,
    ) -> list[Hit]:
        """See `DocumentStore.by_vector`."""
        admitted = self._candidates(workspace_id, where)
        return passage_ranking.by_vector(space, vector, admitted, limit)

    def _candidates(self, workspace_id: str, where: DocumentFilter) -> list[Candidate]:
        return [
            candidate
            for (owner, _), (one, ready) in self._kept.items()
            if owner == workspace_id and where.admits(one.document)
            for candidate in ready
        ]

    async def list(self, workspace_id: str, *, limit: int, after: str | None) -> list[Document]:
        """See `DocumentStore.list`."""
        own = [one.document for (owner, _), (one, _) in self._kept.items() if owner == workspace_id]
        own.sort(key=lambda document: (document.created_at, document.id), reverse=True)
        if after is not None:
            ids = [document.id for document in own]
            own = own[ids.index(after) + 1 :] if after in ids else []
        return own[:limit]
