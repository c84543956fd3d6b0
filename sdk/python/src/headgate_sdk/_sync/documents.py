# Written by write_sync.py from _async/documents.py: change that, and write this anew.
"""Documents of the key's workspace, and questions to them."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from headgate_sdk._sync.connection import Connection
from headgate_sdk._sync.pages import Page
from headgate_sdk.decoding import given
from headgate_sdk.requests import UPLOAD_NAME, Request, metered, read
from headgate_sdk.types import (
    AddedDocument,
    DeletedDocument,
    Document,
    DocumentFilterParam,
    DocumentsAnswer,
    DocumentText,
)


class Documents:
    """The documents that search looks in; needs the scope `tools:run`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(
        self,
        name: str,
        content: str | bytes,
        *,
        tags: Sequence[str] | None = None,
        idempotency_key: str | None = None,
    ) -> AddedDocument:
        """Add a text, or a file's bytes; the ending of `name` says what kind of file it is."""
        if isinstance(content, bytes):
            uploads = [(UPLOAD_NAME, (name, content))]
            request = metered(
                "/v1/documents", uploads=uploads, idempotency_key=idempotency_key, tags=tags
            )
        else:
            body = {"name": name, "text": content}
            request = metered("/v1/documents", body, idempotency_key=idempotency_key, tags=tags)
        (added,) = self._connection.ask_all(AddedDocument, request)
        return added

    def add_files(
        self,
        *paths: str | Path,
        tags: Sequence[str] | None = None,
        idempotency_key: str | None = None,
    ) -> list[AddedDocument]:
        """Add text, Markdown, HTML, PDF and Word files: all of them, or none."""
        files = [Path(path) for path in paths]
        uploads = [(UPLOAD_NAME, (file.name, file.read_bytes())) for file in files]
        request = metered(
            "/v1/documents", uploads=uploads, idempotency_key=idempotency_key, tags=tags
        )
        return self._connection.ask_all(AddedDocument, request)

    def get(
        self, document_id: str, *, start: int | None = None, length: int | None = None
    ) -> DocumentText:
        """A document and a piece of its text; `next_start` says where the next one begins."""
        query = {"start": start, "length": length}
        return self._connection.ask(DocumentText, read(_path(document_id), query))

    def delete(self, document_id: str) -> DeletedDocument:
        """Remove a document."""
        request = Request(method="DELETE", path=_path(document_id))
        return self._connection.ask(DeletedDocument, request)

    def ask(
        self,
        question: str,
        *,
        model: str | None = None,
        limit: int | None = None,
        filter: DocumentFilterParam | None = None,  # noqa: A002 - as the interface names it
        tags: Sequence[str] | None = None,
        cache: bool = True,
        idempotency_key: str | None = None,
    ) -> DocumentsAnswer:
        """Answer from the documents, with citations that stand there word for word."""
        body = {
            "question": question,
            "model": model,
            "limit": limit,
            "filter": filter,
            "tags": tags,
        }
        request = metered(
            "/v1/documents/ask", given(body), idempotency_key=idempotency_key, cache=cache
        )
        return self._connection.ask(DocumentsAnswer, request)

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Page[Document]:
        """The workspace's documents, newest first."""
        query = {"limit": limit, "cursor": cursor}
        return self._connection.ask_page(Document, read("/v1/documents", query))


def _path(document_id: str) -> str:
    return f"/v1/documents/{quote(document_id, safe='')}"
