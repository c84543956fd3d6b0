"""Documents of the key's workspace: added, listed, removed, searched and asked."""

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeAlias

import msgspec

from headgate.core.documents import (
    DEFAULT_RESULTS,
    DEFAULT_SOURCES,
    MOST_RESULTS,
    Citation,
    Document,
    DocumentFilter,
    DocumentKind,
    Passage,
    Search,
    SourcedAnswer,
)
from headgate.core.errors import InvalidRequest
from headgate.core.times import iso
from headgate.core.tools import ToolContext, ToolOutcome
from headgate.documents.library import Upload
from headgate.gateway.calls import Caller
from headgate.http.calls import Call, Reply
from headgate.http.lists import PageQuery, page
from headgate.http.platform import ModelName, Tags
from headgate.http.receipts import outcome_headers
from headgate.http.tools import ToolUsage, usage_of
from headgate.http.uploads import MOST_NAME_LENGTH, uploaded_files

UPLOAD_BYTES = 50_000_000 - 1
"""The largest body that comes as files: 50 MB and above are too large."""
USE_CASE = "documents"
DEFAULT_TEXT = 20_000
MOST_TEXT = 200_000

FileName: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_NAME_LENGTH)]
Query: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=10_000)]
Limit: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=MOST_RESULTS)]

_encode = msgspec.json.Encoder().encode


class AddDocument(msgspec.Struct, rename="camel"):
    """The body of `POST /v1/documents` as JSON: a text, or a file in base64."""

    name: FileName
    text: str | None = None
    content_base64: str | None = None


class FilterItem(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Which documents count; what is left out sets no condition."""

    document_ids: Annotated[list[str], msgspec.Meta(max_length=200)] | None = None
    names: Annotated[list[str], msgspec.Meta(max_length=200)] | None = None
    kinds: list[DocumentKind] | None = None


class SearchDocuments(msgspec.Struct, rename="camel"):
    """The body of `POST /v1/search`."""

    query: Query
    limit: Limit = DEFAULT_RESULTS
    filter: FilterItem | None = None
    tags: Tags | None = None


class AskDocuments(msgspec.Struct, rename="camel"):
    """The body of `POST /v1/documents/ask`; `limit` is how many passages the model reads."""

    question: Query
    model: ModelName | None = None
    limit: Limit = DEFAULT_SOURCES
    filter: FilterItem | None = None
    tags: Tags | None = None


class TextQuery(msgspec.Struct):
    """Which part of a text is wanted, in characters."""

    start: Annotated[int, msgspec.Meta(ge=0)] = 0
    length: Annotated[int, msgspec.Meta(ge=1, le=MOST_TEXT)] = DEFAULT_TEXT


class AddedItem(msgspec.Struct, frozen=True):
    """A document that was added."""

    id: str
    name: str
    chunks: int


class AddedDocuments(msgspec.Struct, frozen=True):
    """The answer of `POST /v1/documents`: the documents in the order of their files."""

    data: list[AddedItem]


class DocumentItem(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What is known of a document; `pages` where its kind has pages."""

    id: str
    name: str
    kind: DocumentKind
    characters: int
    chunks: int
    pages: int | None
    created_at: str


class DocumentPage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of documents, newest first."""

    data: list[DocumentItem]
    next_cursor: str | None


class DocumentText(DocumentItem, frozen=True, rename="camel", kw_only=True):
    """A document with a part of its text; `nextStart` where the text goes on."""

    text: str
    start: int
    next_start: int | None


class DeletedDocument(msgspec.Struct, frozen=True):
    """A document that is gone."""

    id: str
    deleted: bool = True


class ResultItem(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """A passage: the text of the document from `start` to before `end`; `score` is at most 1."""

    document_id: str
    name: str
    text: str
    score: float
    start: int
    end: int
    page: int | None = None


class SearchResults(msgspec.Struct, frozen=True):
    """The answer of `POST /v1/search`: passages, best first."""

    results: list[ResultItem]


class DocumentsAnswer(msgspec.Struct, frozen=True):
    """The answer of `POST /v1/documents/ask`; without an answer `found` is false."""

    answer: str
    found: bool
    citations: tuple[Citation, ...]
    usage: ToolUsage


async def add_documents(call: Call[AddDocument | None]) -> Reply:
    """`POST /v1/documents`."""
    uploads = await _uploads(call)
    # Of files that are sent again only the boundary between them differs.
    once = msgspec.structs.replace(call, raw=_digest(uploads))

    async def work(context: ToolContext) -> ToolOutcome:
        added = await call.services.documents.add(
            call.key.workspace_id, uploads, context.models, call_key=context.call_key
        )
        return ToolOutcome(added.documents, added.events)

    return await _worked(once, once.caller(), work, _added, status=201)


async def list_documents(call: Call[None]) -> Reply:
    """`GET /v1/documents`."""
    query: PageQuery = call.query
    found = await call.services.documents.store.list(
        call.key.workspace_id, limit=query.limit + 1, after=query.cursor
    )
    items = [DocumentItem(**_known(document)) for document in found]
    return Reply(page(items, query.limit, [document.id for document in found]))


async def get_document(call: Call[None]) -> Reply:
    """`GET /v1/documents/{id}`."""
    query: TextQuery = call.query
    workspace_id, document_id = call.key.workspace_id, call.params["id"]
    document = await call.services.documents.document(workspace_id, document_id)
    text = await call.services.documents.text(workspace_id, document_id)
    end = query.start + query.length
    return Reply(
        DocumentText(
            **_known(document),
            text=text[query.start : end],
            start=query.start,
            next_start=end if end < len(text) else None,
        )
    )


async def delete_document(call: Call[None]) -> Reply:
    """`DELETE /v1/documents/{id}`."""
    await call.services.documents.delete(call.key.workspace_id, call.params["id"])
    return Reply(DeletedDocument(call.params["id"]))


async def search_documents(call: Call[SearchDocuments]) -> Reply:
    """`POST /v1/search`."""
    body = call.body
    search = Search(query=body.query, limit=body.limit, where=_filter(body.filter))

    async def work(context: ToolContext) -> ToolOutcome:
        found = await call.services.documents.search(
            call.key.workspace_id, search, context.models, call_key=context.call_key
        )
        return ToolOutcome(found.passages, found.events)

    return await _worked(call, call.caller(tags=body.tags), work, _results)


async def ask_documents(call: Call[AskDocuments]) -> Reply:
    """`POST /v1/documents/ask`."""
    body = call.body
    search = Search(query=body.question, limit=body.limit, where=_filter(body.filter))

    async def work(context: ToolContext) -> ToolOutcome:
        answer = await call.services.documents.answer(
            call.key.workspace_id,
            search,
            context.models,
            model=body.model,
            call_key=context.call_key,
        )
        return ToolOutcome(answer, answer.events)

    return await _worked(call, call.caller(tags=body.tags), work, _answer)


async def _worked(
    call: Call[Any],
    caller: Caller,
    work: Callable[[ToolContext], Awaitable[ToolOutcome]],
    write: Callable[[ToolOutcome], bytes],
    status: int = 200,
) -> Reply:
    caller = msgspec.structs.replace(caller, use_case=caller.use_case or USE_CASE)
    written = await call.services.works.do(caller, work, write)
    return Reply(written.body, status, outcome_headers(written.receipt))


async def _uploads(call: Call[AddDocument | None]) -> Sequence[Upload]:
    """What is to be added.

    Raises:
        InvalidRequest: the body is not what its type says.
    """
    content_type = call.header(b"content-type")
    if call.body is None:
        # Looking for boundaries in 50 MB takes a while.
        files = await asyncio.to_thread(uploaded_files, content_type or "", call.raw)
        return [Upload(file.name, file.content) for file in files]
    body = call.body
    if (body.text is None) == (body.content_base64 is None):
        raise InvalidRequest("send a text in `text`, or a file in `contentBase64`", param="text")
    if body.text is not None:
        return [Upload(body.name, body.text.encode(), is_text=True)]
    try:
        content = base64.b64decode(body.content_base64 or "", validate=True)
    except binascii.Error:
        raise InvalidRequest("contentBase64 is not base64", param="contentBase64") from None
    return [Upload(body.name, content)]


def _digest(uploads: Sequence[Upload]) -> bytes:
    """What makes two requests to add the same: their files and the names of these."""
    digest = hashlib.sha256()
    for upload in uploads:
        digest.update(hashlib.sha256(upload.name.encode()).digest())
        digest.update(hashlib.sha256(upload.content).digest())
        digest.update(bytes([upload.is_text]))
    return digest.digest()


def _filter(given: FilterItem | None) -> DocumentFilter:
    if given is None:
        return DocumentFilter()
    return DocumentFilter(
        document_ids=None if given.document_ids is None else tuple(given.document_ids),
        names=None if given.names is None else tuple(given.names),
        kinds=None if given.kinds is None else tuple(given.kinds),
    )


def _known(document: Document) -> dict[str, Any]:
    return {
        "id": document.id,
        "name": document.name,
        "kind": document.kind,
        "characters": document.characters,
        "chunks": document.chunks,
        "pages": document.pages,
        "created_at": iso(document.created_at),
    }


def _added(outcome: ToolOutcome) -> bytes:
    documents: tuple[Document, ...] = outcome.result
    return _encode(AddedDocuments([AddedItem(one.id, one.name, one.chunks) for one in documents]))


def _results(outcome: ToolOutcome) -> bytes:
    passages: tuple[Passage, ...] = outcome.result
    return _encode(
        SearchResults([ResultItem(**msgspec.structs.asdict(passage)) for passage in passages])
    )


def _answer(outcome: ToolOutcome) -> bytes:
    answer: SourcedAnswer = outcome.result
    return _encode(
        DocumentsAnswer(answer.text, answer.is_found, answer.citations, usage_of(outcome.events))
    )
