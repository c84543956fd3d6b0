"""The floor under search: what was measured on the repository's own corpus."""

import math

import pytest

from headgate.documents.library import Documents
from headgate.prompts.library import open_library
from headgate.stores.memory_documents import MemoryDocuments
from search_quality import Corpus, Scores, answers, corpus, fill, places, scores


@pytest.fixture(scope="module")
def known() -> Corpus:
    return corpus()


@pytest.fixture
async def documents(known: Corpus) -> Documents:
    made = Documents(
        store=MemoryDocuments(),
        prompts=open_library(),
        embedding_model="local",
        vector_weight=0.2,
        answering_model="local",
    )
    await fill(made, known.document)
    return made


def test_a_place_counts_the_less_the_later_it_comes() -> None:
    found = [("a", ["a", "b"]), ("a", ["b", "c", "a"]), ("a", ["b"]), ("a", list("bcdefghijkla"))]
    expected = Scores(0.25, 0.5, 0.5, (1 + 1 / math.log2(4)) / 4)
    assert scores(found) == pytest.approx(expected)


def test_the_corpus_is_large_enough_to_say_something(known: Corpus) -> None:
    assert len(known.document) >= 30
    assert len({text.name for text in known.document}) == len(known.document)
    assert len({question for text in known.document for question in text.questions}) >= 60


async def test_the_right_document_comes_first_as_often_as_it_was_measured(
    documents: Documents, known: Corpus
) -> None:
    close: list[tuple[str, list[str]]] = []
    other: list[tuple[str, list[str]]] = []
    for text in known.document:
        for found, question in zip((close, other), text.questions, strict=True):
            found.append((text.name, (await places(documents, question))["both"]))
    assert scores(close).recall_1 == 1
    assert scores(other).recall_1 >= 0.55
    assert scores(other).recall_3 >= 0.83
    assert scores(other).recall_10 >= 0.94
    assert scores(close + other).ndcg >= 0.88


async def test_answers_come_from_the_right_document_or_not_at_all(
    documents: Documents, known: Corpus
) -> None:
    came = await answers(documents, known)
    assert came.cited >= 0.6
    assert came.astray == 0
    assert came.refused == 1
