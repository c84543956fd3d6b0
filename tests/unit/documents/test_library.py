import pytest

import document_files
from headgate.core.documents import DocumentFilter, Search
from headgate.core.embeddings import EmbeddingRequest, EmbeddingResponse
from headgate.core.errors import HeadgateError, InvalidRequest, NotFound, Overloaded
from headgate.core.metered import Metered
from headgate.documents.answers import NOT_IN_THE_DOCUMENTS
from headgate.documents.library import Documents, Upload
from headgate.prompts.library import open_library
from headgate.providers.local.provider import Local
from headgate.stores.memory_documents import MemoryDocuments
from local_models import LocalModels

RETURNS = Upload("returns.md", b"# Returns\n\nGoods may be returned within 30 days.")
HARBOUR = Upload("harbour.pdf", document_files.pdf("Dues rise in May.", "Ferries sail at noon."))


def library() -> Documents:
    return Documents(
        store=MemoryDocuments(),
        prompts=open_library(),
        embedding_model="local",
        vector_weight=0.2,
        answering_model="local",
        clock=lambda: 1000.0,
    )


class Elsewhere(Local):
    """Another model, whose vectors are as long."""

    provider = "elsewhere"


async def test_files_are_added_with_what_is_known_of_them() -> None:
    documents, models = library(), LocalModels()
    added = await documents.add("lab", [RETURNS, HARBOUR], models)
    returns, harbour = added.documents
    assert (returns.name, returns.kind, returns.chunks, returns.pages) == (
        *("returns.md", "md", 1, None),
    )
    assert (harbour.kind, harbour.chunks, harbour.pages) == ("pdf", 2, 2)
    assert len(added.events) == 2
    assert await documents.document("lab", harbour.id) == harbour
    assert await documents.text("lab", harbour.id) == "Dues rise in May.\n\nFerries sail at noon."


async def test_a_file_that_cannot_be_read_keeps_all_others_out_and_costs_nothing() -> None:
    documents, models = library(), LocalModels()
    for bad in (Upload("x.pdf", b"no"), Upload("x.exe", b"MZ"), Upload("x.txt", b"")):
        with pytest.raises(InvalidRequest, match=r"'x\.\w+' was not added"):
            await documents.add("lab", [RETURNS, bad], models)
    assert await documents.store.list("lab", limit=9, after=None) == []
    assert models.embeddings == []


async def test_a_text_that_cannot_be_embedded_leaves_nothing_behind() -> None:
    class Failing(LocalModels):
        async def embed(
            self, request: EmbeddingRequest, *, call_key: str | None = None
        ) -> Metered[EmbeddingResponse]:
            raise Overloaded("the vendor is away")

    documents = library()
    with pytest.raises(Overloaded):
        await documents.add("lab", [RETURNS], Failing())
    assert await documents.store.list("lab", limit=9, after=None) == []


async def test_adding_again_under_the_same_key_makes_no_second_document() -> None:
    documents, models = library(), LocalModels()
    first = await documents.add("lab", [RETURNS, HARBOUR], models, call_key="k")
    again = await documents.add("lab", [RETURNS, HARBOUR], models, call_key="k")
    assert again.documents == first.documents
    assert len(await documents.store.list("lab", limit=9, after=None)) == 2
    assert models.call_keys == ["k/0/vectors/0", "k/1/vectors/0"]
    other = await documents.add("lab", [RETURNS], models)
    assert other.documents[0].id not in {one.id for one in first.documents}


async def test_a_passage_is_found_with_its_place() -> None:
    documents, models = library(), LocalModels()
    await documents.add("lab", [RETURNS, HARBOUR], models)
    found = await documents.search("lab", Search(query="When do ferries sail?"), models)
    best = found.passages[0]
    text = await documents.text("lab", best.document_id)
    assert (best.name, best.page, best.score) == ("harbour.pdf", 2, 1.0)
    assert text[best.start : best.end] == best.text == "Ferries sail at noon."
    assert [event.request_type for event in found.events] == ["embedding"]


async def test_a_search_keeps_to_its_limit_its_filter_and_its_workspace() -> None:
    documents, models = library(), LocalModels()
    await documents.add("lab", [RETURNS, HARBOUR], models)
    search = Search(query="goods returned, ferries sail, dues rise", limit=1)
    assert len((await documents.search("lab", search, models)).passages) == 1
    only = Search(query=search.query, where=DocumentFilter(kinds=("md",)))
    assert {one.name for one in (await documents.search("lab", only, models)).passages} == {
        "returns.md"
    }
    assert (await documents.search("other", search, models)).passages == ()


async def test_another_embedding_model_mixes_nothing_up_and_words_still_find() -> None:
    documents = library()
    await documents.add("lab", [RETURNS], LocalModels())
    other = LocalModels(Elsewhere())
    await documents.add("lab", [HARBOUR], other)
    (first, *_) = (await documents.search("lab", Search(query="returned goods"), other)).passages
    assert (first.name, first.score) == ("returns.md", 0.8)


@pytest.mark.parametrize("query", ["", " \n "])
async def test_a_search_for_nothing_is_refused(query: str) -> None:
    with pytest.raises(InvalidRequest, match="query"):
        await library().search("lab", Search(query=query), LocalModels())


async def test_a_question_is_answered_with_its_source() -> None:
    documents, models = library(), LocalModels()
    await documents.add("lab", [RETURNS, HARBOUR], models)
    asked = Search(query="When do the ferries sail?")
    answer = await documents.answer("lab", asked, models, call_key="k")
    (citation,) = answer.citations
    text = await documents.text("lab", citation.document_id)
    assert "Ferries sail at noon." in answer.text
    assert citation.quote == text[citation.start : citation.end] == "Ferries sail at noon."
    assert citation.page == 2
    assert [event.request_type for event in answer.events] == ["embedding", "completion"]
    assert models.call_keys[-2:] == ["k/vectors/0", "k/answer"]


@pytest.mark.parametrize("query", ["What is the capital of Mongolia?", "Who won on Sunday?"])
async def test_what_is_not_in_the_documents_is_said_not_to_be(query: str) -> None:
    documents, models = library(), LocalModels()
    await documents.add("lab", [RETURNS, HARBOUR], models)
    answer = await documents.answer("lab", Search(query=query), models)
    assert (answer.text, answer.is_found, answer.citations) == (NOT_IN_THE_DOCUMENTS, False, ())


async def test_a_document_that_is_not_there_is_not_found() -> None:
    documents, models = library(), LocalModels()
    (document,) = (await documents.add("lab", [RETURNS], models)).documents
    for workspace, id_ in (("other", document.id), ("lab", "doc_x")):
        for ask in (documents.document, documents.text, documents.delete):
            with pytest.raises(NotFound):
                await ask(workspace, id_)
    await documents.delete("lab", document.id)
    with pytest.raises(HeadgateError):
        await documents.document("lab", document.id)


async def test_what_was_kept_under_a_key_is_neither_read_nor_embedded_again() -> None:
    """As after a crash between keeping a document and saying so."""
    documents, models = library(), LocalModels()
    first = await documents.add("lab", [RETURNS], models, call_key="k")
    models.embeddings.clear()
    again = await documents.add("lab", [RETURNS], models, call_key="k")
    assert (again.documents, again.events, models.embeddings) == (first.documents, (), [])
