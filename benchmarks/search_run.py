"""Measures search on the repository's own corpus, and writes docs/concepts/search.md.

The model `local` embeds and answers, so that anybody gets the same figures.
"""

import asyncio
import re
import sys
from pathlib import Path

from headgate.bootstrap.documents import LOCAL_VECTOR_WEIGHT
from headgate.documents.library import Documents
from headgate.prompts.library import open_library
from headgate.stores.memory_documents import MemoryDocuments
from report import table
from search_quality import Corpus, Scores, answers, corpus, fill, places, scores

PAGE = Path(__file__).parents[1] / "docs" / "concepts" / "search.md"
_MEASURED = re.compile(r"(<!-- measured -->\n).*?(<!-- end -->\n)", re.DOTALL)
_WAYS = ("words", "vectors", "both")
_SETS = ("in the document's words", "in other words", "all")
_UNSEEN = "in other words, the half not tuned on"


def main() -> int:
    """Run the command; its exit status."""
    text = asyncio.run(measured(corpus()))
    page = _MEASURED.sub(lambda found: found[1] + "\n" + text + "\n" + found[2], PAGE.read_text())
    PAGE.write_text(page)
    print(text)
    return 0


async def measured(known: Corpus) -> str:
    """The figures as Markdown."""
    documents = Documents(
        store=MemoryDocuments(),
        prompts=open_library(),
        embedding_model="local",
        vector_weight=LOCAL_VECTOR_WEIGHT,
        answering_model="local",
    )
    await fill(documents, known.document)
    found: dict[tuple[str, str], list[tuple[str, list[str]]]] = {}
    for number, text in enumerate(known.document):
        for kind, question in zip(_SETS, text.questions, strict=False):
            for way, names in (await places(documents, question)).items():
                found.setdefault((kind, way), []).append((text.name, names))
                found.setdefault((_SETS[-1], way), []).append((text.name, names))
                if kind == _SETS[1] and number % 2:
                    found.setdefault((_UNSEEN, way), []).append((text.name, names))
    sets = (*_SETS[:2], _UNSEEN, _SETS[2])
    rows = [[kind, way, *_figures(scores(found[kind, way]))] for kind in sets for way in _WAYS]
    ranking = table(["questions", "found by", "first", "first 3", "first 10", "nDCG@10"], rows)
    asked = sum(len(text.questions) for text in known.document)
    came = await answers(documents, known)
    return (
        f"{len(known.document)} documents, {asked} questions, {len(known.unanswerable)} questions"
        f" that none of them answers.\n\n{ranking}\n\n"
        f"Of the questions that a document answers, `local` answered {came.cited:.0%} with a\n"
        f"citation of that document and {came.astray:.0%} from another one; to the rest it said\n"
        "that the documents do not say. Of those that none answers, it said so to"
        f" {came.refused:.0%}.\n"
    )


def _figures(one: Scores) -> list[str]:
    return [f"{one.recall_1:.0%}", f"{one.recall_3:.0%}", f"{one.recall_10:.0%}", f"{one.ndcg:.2f}"]


if __name__ == "__main__":
    sys.exit(main())
