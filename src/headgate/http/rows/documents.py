"""Routes to documents and to what is found in them."""

from headgate.http import acts, documents
from headgate.http.lists import PageQuery
from headgate.http.routes import Route


def document_routes() -> list[Route]:
    """Documents of the key's workspace: how they come, go, and are searched."""
    one = "/v1/documents/{id}"
    return [
        Route(
            method="POST",
            path="/v1/documents",
            access="tools:run",
            handler=documents.add_documents,
            summary="Add documents",
            description=(
                "Text, Markdown, HTML, PDF and Word (.docx), as files in the field `file` of"
                " `multipart/form-data`, or one as JSON: `name` with `text` or `contentBase64`. All"
                " files of a request are added, or none: one that is broken, of no such kind, or"
                " grows beyond bounds when it is read is 400. A request with files has less than"
                " 50 MB, a text at most 10 million characters, a PDF at most 2,000 pages."
            ),
            body=documents.AddDocument,
            upload_bytes=documents.UPLOAD_BYTES,
            answer=documents.AddedDocuments,
            metered=True,
            status=201,
        ),
        Route(
            method="GET",
            path="/v1/documents",
            access="tools:run",
            handler=documents.list_documents,
            summary="The documents of the workspace",
            description="Newest first, without their texts.",
            query=PageQuery,
            answer=documents.DocumentPage,
        ),
        Route(
            method="GET",
            path=one,
            access="tools:run",
            handler=documents.get_document,
            summary="One document, with its text",
            description=(
                "`text` is the extracted text from the character `start` on, at most `length` of"
                " it; offsets of results and citations count in it."
            ),
            query=documents.TextQuery,
            answer=documents.DocumentText,
        ),
        Route(
            method="DELETE",
            path=one,
            access="tools:run",
            handler=documents.delete_document,
            audit=acts.DOCUMENT_DELETED,
            summary="Remove a document, for good",
            description="It is found no more from then on, by any process.",
            answer=documents.DeletedDocument,
        ),
        Route(
            method="POST",
            path="/v1/search",
            access="tools:run",
            handler=documents.search_documents,
            summary="Find passages in the documents",
            description=(
                "By words and by meaning: both orders are made one by the places that a passage"
                " has in them. `start` and `end` are characters of the document's extracted text,"
                " `page` is told where there are pages. `filter` keeps to some documents."
                " The question is embedded by the configured embedding model, as the key's call."
            ),
            body=documents.SearchDocuments,
            answer=documents.SearchResults,
            metered=True,
        ),
        Route(
            method="POST",
            path="/v1/documents/ask",
            access="tools:run",
            handler=documents.ask_documents,
            summary="Answer a question from the documents",
            description=(
                "`model`, or the platform's default, answers from the passages that fit best."
                " Each citation is a sentence of a document, word for word, that a statement of the"
                " answer stands on. Where no statement stands on any, `found` is false and the"
                " answer says that the documents do not say."
            ),
            body=documents.AskDocuments,
            answer=documents.DocumentsAnswer,
            metered=True,
        ),
    ]
