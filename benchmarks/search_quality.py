"""How good search is: which document comes where, for questions whose document is known.

Recall at k is the share of questions whose document is among the first k; nDCG at 10 gives 1 for
the first place, less for each further one (1 / log2(1 + place)), and 0 behind the tenth.
"""

import math
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import msgspec

from headgate.core.documents import DocumentFilter, Hit, Search
from headgate.documents.embedding import embedded
from headgate.documents.library import Documents, Upload, concepts
from headgate.documents.ranking import CANDIDATES, fused
from local_models import LocalModels

CORPUS = Path(__file__).with_name("search_corpus.toml")
WORKSPACE = "benchmark"
DEPTH = 10


class Text(msgspec.Struct, frozen=True):
    """A document and the questions that it answers: one close to its words, one in others."""

    name: str
    text: str
    questions: tuple[str, str]


class Corpus(msgspec.Struct, frozen=True):
    """Documents with their questions, and questions that none of them answers."""

    unanswerable: list[str]
    document: list[Text]


class Scores(NamedTuple):
    """How well one way of looking did."""

    recall_1: float
    recall_3: float
    recall_10: float
    ndcg: float


class Answers(NamedTuple):
    """How answers came out.

    Attributes:
        cited: the share of questions that were answered with a citation of their document.
        astray: the share that were answered from other documents only.
        refused: the share of unanswerable questions that were said to have no answer.
    """

    cited: float
    astray: float
    refused: float


def corpus() -> Corpus:
    """The documents and questions of the repository."""
    return msgspec.convert(tomllib.loads(CORPUS.read_text()), Corpus)


async def fill(documents: Documents, texts: Sequence[Text]) -> None:
    """Add the documents."""
    uploads = [Upload(one.name, one.text.encode(), is_text=True) for one in texts]
    # The key makes the ids, by which what is equally good is ordered.
    await documents.add(WORKSPACE, uploads, LocalModels(), call_key=WORKSPACE)


async def places(documents: Documents, question: str) -> dict[str, list[str]]:
    """The names of documents in the order in which each way of looking finds them."""
    store, every = documents.store, DocumentFilter()
    made = await embedded([question], LocalModels(), documents.embedding_model, None)
    by_terms = await store.by_terms(WORKSPACE, concepts(question), every, limit=CANDIDATES)
    by_vector = await store.by_vector(WORKSPACE, *made.vectors[0], every, limit=CANDIDATES)
    search = Search(query=question, limit=CANDIDATES)
    both = await documents.search(WORKSPACE, search, LocalModels())
    return {
        "words": _names(by_terms),
        "vectors": _names(by_vector),
        "both": list(dict.fromkeys(passage.name for passage in both.passages)),
    }


def _names(hits: Sequence[Hit]) -> list[str]:
    return list(dict.fromkeys(passage.name for passage in fused(hits, (), 0, CANDIDATES)))


def scores(found: Iterable[tuple[str, Sequence[str]]]) -> Scores:
    """The scores of a way of looking; of each question its document, and what was found."""
    ranks = [
        order.index(name) + 1 if name in order else DEPTH + 1
        for name, order in ((name, list(names)[:DEPTH]) for name, names in found)
    ]
    gains = [1 / math.log2(1 + rank) if rank <= DEPTH else 0.0 for rank in ranks]
    first, third, tenth = (fmean(rank <= depth for rank in ranks) for depth in (1, 3, DEPTH))
    return Scores(first, third, tenth, fmean(gains))


async def answers(documents: Documents, known: Corpus) -> Answers:
    """How the model `local` answers from what is found."""
    cited = astray = refused = 0
    asked = [(text.name, question) for text in known.document for question in text.questions]
    for name, question in asked:
        answer = await documents.answer(WORKSPACE, Search(query=question), LocalModels())
        titles = {citation.title for citation in answer.citations}
        cited += name in titles
        astray += bool(titles) and name not in titles
    for question in known.unanswerable:
        answer = await documents.answer(WORKSPACE, Search(query=question), LocalModels())
        refused += not answer.is_found
    return Answers(cited / len(asked), astray / len(asked), refused / len(known.unanswerable))
