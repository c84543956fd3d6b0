"""What every store of documents promises."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from document_chunks import SPACE, at_angle, document, exactly
from headgate.core.documents import DocumentFilter, DocumentStore, Hit
from headgate.core.words import terms
from headgate.stores.dynamodb.documents import DynamoDocuments
from headgate.stores.memory_documents import MemoryDocuments
from headgate.stores.sqlite.database import Database
from headgate.stores.sqlite.documents import SqliteDocuments
from headgate.stores.sqlite.documents_schema import MIGRATIONS
from ministack import dynamo_client

ALL = DocumentFilter()


@pytest.fixture(params=["memory", "sqlite", "dynamodb"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[DocumentStore]:
    if request.param == "memory":
        yield MemoryDocuments()
        return
    if request.param == "dynamodb":
        async with dynamo_client() as client:
            yield DynamoDocuments(client)
        return
    database = Database(tmp_path / "documents.db", migrations=MIGRATIONS)
    yield SqliteDocuments(database)
    await database.close()


def found(hits: list[Hit]) -> list[tuple[str, int]]:
    return [(hit.document.id, hit.number) for hit in hits]


async def test_a_document_is_kept_with_its_text(store: DocumentStore) -> None:
    one = document("a", "Ünïcode — first.", "Second 🦊.", kind="pdf")
    await store.add([one])
    assert await store.get("lab", "a") == one.document
    assert await store.text("lab", "a") == one.text
    assert await store.get("lab", "b") is None
    assert await store.text("lab", "b") is None


async def test_a_chunk_is_found_by_its_words_and_says_where_it_stands(store: DocumentStore) -> None:
    one = document("a", "The fox sleeps.", "The hen wakes 🦊 early.", kind="pdf")
    await store.add([one])
    (hit,) = await store.by_terms("lab", exactly("hen"), ALL, limit=5)
    assert (hit.text, hit.page, hit.number) == ("The hen wakes 🦊 early.", 2, 1)
    assert one.text[hit.start : hit.end] == hit.text
    assert hit.document == one.document
    assert await store.by_terms("lab", exactly("wolf"), ALL, limit=5) == []
    assert await store.by_terms("lab", [], ALL, limit=5) == []


async def test_the_rarer_word_tells_more(store: DocumentStore) -> None:
    await store.add(
        [
            document("a", "stone river", "stone meadow", "stone forest", "stone hill"),
            document("b", "river comet", "cloud", "snow"),
        ]
    )
    hits = await store.by_terms("lab", exactly(*terms("stone comet")), ALL, limit=10)
    assert found(hits)[0] == ("b", 0)
    assert len(hits) == 5
    assert [hit.nearness for hit in hits] == sorted((hit.nearness for hit in hits), reverse=True)
    assert (
        found(await store.by_terms("lab", exactly(*terms("stone comet")), ALL, limit=2))
        == found(hits)[:2]
    )


async def test_the_terms_of_a_concept_count_as_one_word(store: DocumentStore) -> None:
    await store.add([document("a", "car road", "truck road", "bus road", "boat", "boat")])
    asked = [{"car": 1.0, "truck": 0.5}, {"bus": 1.0}]
    hits = await store.by_terms("lab", asked, ALL, limit=9)
    # Two chunks have the first concept, and one the second, which so tells more.
    assert found(hits) == [("a", 2), ("a", 0), ("a", 1)]


async def test_a_workspaces_ranks_do_not_show_what_others_have(store: DocumentStore) -> None:
    await store.add([document("a", "stone river", "stone hill", "comet snow", "rain")])
    asked = exactly("stone", "comet")
    before = await store.by_terms("lab", asked, ALL, limit=9)
    await store.add([document("b", *["comet " * 9] * 20, "dust", workspace_id="x")])
    assert await store.by_terms("lab", asked, ALL, limit=9) == before


async def test_every_store_gives_the_same_scores(store: DocumentStore) -> None:
    await store.add([document("a", "rock rock river", "rock", "dam"), document("b", "river")])
    asked = [{"cliff": 1.0, "rock": 0.5}, {"dam": 0.5, "river": 1.0}]
    hits = await store.by_terms("lab", asked, ALL, limit=9)
    assert found(hits) == [("a", 0), ("a", 1), ("b", 0), ("a", 2)]
    assert [hit.nearness for hit in hits] == pytest.approx(
        [0.72401, 0.53319, 0.41961, 0.27436], abs=1e-4
    )


@pytest.mark.parametrize("term", ['"', "NEAR(", "o'brien", "a*", "terms:x", "ström", "日本", "-x"])
async def test_any_word_may_be_looked_up(store: DocumentStore, term: str) -> None:
    await store.add([document("a", "o'brien ström 日本")])
    hits = await store.by_terms("lab", exactly(term), ALL, limit=5)
    assert bool(hits) == (term in {"o'brien", "ström", "日本"})


async def test_the_nearest_vector_comes_first(store: DocumentStore) -> None:
    await store.add([document("a", "one", "two", "three", angles=[80, 10, 45])])
    hits = await store.by_vector("lab", SPACE, at_angle(0), ALL, limit=2)
    assert found(hits) == [("a", 1), ("a", 2)]
    assert [hit.nearness for hit in hits] == pytest.approx([0.9848, 0.7071], abs=1e-4)


async def test_vectors_of_different_spaces_are_never_compared(store: DocumentStore) -> None:
    await store.add([document("a", "one", angles=[0]), document("b", "two", space="lab/other/2")])
    assert found(await store.by_vector("lab", SPACE, at_angle(0), ALL, limit=9)) == [("a", 0)]
    assert await store.by_vector("lab", "lab/none/2", at_angle(0), ALL, limit=9) == []
    assert await store.by_vector("lab", SPACE, at_angle(0) * 2, ALL, limit=9) == []


async def test_a_workspace_finds_what_is_its_own_and_nothing_else(store: DocumentStore) -> None:
    await store.add([document("a", "secret plan"), document("b", "secret tea", workspace_id="x")])
    for workspace, own in (("lab", "a"), ("x", "b")):
        assert found(await store.by_terms(workspace, exactly("secret"), ALL, limit=9)) == [(own, 0)]
        assert found(await store.by_vector(workspace, SPACE, at_angle(0), ALL, limit=9)) == [
            (own, 0)
        ]
        assert [one.id for one in await store.list(workspace, limit=9, after=None)] == [own]
    assert await store.get("x", "a") is None
    assert await store.text("x", "a") is None
    assert not await store.delete("x", "a")
    assert await store.get("lab", "a") is not None
    assert await store.by_terms("nobody", exactly("secret"), ALL, limit=9) == []


@pytest.mark.parametrize("workspace", ["a#b", "Ωμέγα", "' OR 1=1 --", "w OR x"])
async def test_any_name_is_a_workspaces_own(store: DocumentStore, workspace: str) -> None:
    await store.add([document("a", "tea", workspace_id=workspace), document("b", "tea")])
    assert found(await store.by_terms(workspace, exactly("tea"), ALL, limit=9)) == [("a", 0)]


async def test_a_filter_admits_some_documents(store: DocumentStore) -> None:
    await store.add([document("a", "tea"), document("b", "tea", kind="md"), document("c", "tea")])
    conditions = [
        (DocumentFilter(document_ids=("b", "c", "zzz")), {"b", "c"}),
        (DocumentFilter(kinds=("md",)), {"b"}),
        (DocumentFilter(names=("a.txt", "b.md", "A.TXT")), {"a", "b"}),
        (DocumentFilter(names=("a.txt",), kinds=("md",)), set()),
        (DocumentFilter(document_ids=("a",), kinds=("md",)), set()),
        (DocumentFilter(document_ids=()), set()),
    ]
    for where, admitted in conditions:
        words = await store.by_terms("lab", exactly("tea"), where, limit=9)
        near = await store.by_vector("lab", SPACE, at_angle(0), where, limit=9)
        assert {hit.document.id for hit in words} == admitted
        assert {hit.document.id for hit in near} == admitted


async def test_a_deleted_document_is_gone_with_all_of_its_chunks(store: DocumentStore) -> None:
    await store.add([document("a", "tea", "tea again"), document("b", "tea")])
    assert await store.delete("lab", "a")
    assert not await store.delete("lab", "a")
    assert await store.get("lab", "a") is None
    assert await store.text("lab", "a") is None
    assert found(await store.by_terms("lab", exactly("tea"), ALL, limit=9)) == [("b", 0)]
    assert found(await store.by_vector("lab", SPACE, at_angle(0), ALL, limit=9)) == [("b", 0)]


async def test_adding_again_changes_nothing(store: DocumentStore) -> None:
    await asyncio.gather(
        store.add([document("a", "tea")]), store.add([document("a", "tea"), document("b", "tea")])
    )
    await store.add([document("a", "coffee", created_at=9000.0)])
    assert found(await store.by_terms("lab", exactly("tea"), ALL, limit=9)) == [("a", 0), ("b", 0)]
    assert await store.by_terms("lab", exactly("coffee"), ALL, limit=9) == []
    kept = await store.get("lab", "a")
    assert kept is not None
    assert kept.created_at == 1000.0


async def test_documents_are_listed_newest_first_page_by_page(store: DocumentStore) -> None:
    ages = {"a": 1000.0, "b": 3000.0, "c": 2000.0, "d": 2000.0}
    await store.add([document(one, "tea", created_at=age) for one, age in ages.items()])
    everything = await store.list("lab", limit=9, after=None)
    assert [one.id for one in everything] == ["b", "d", "c", "a"]
    assert [one.id for one in await store.list("lab", limit=2, after="b")] == ["d", "c"]
    assert [one.id for one in await store.list("lab", limit=2, after="c")] == ["a"]
    assert await store.list("lab", limit=2, after="a") == []
    assert await store.list("lab", limit=2, after="unknown") == []
