"""How long a search over 10,000 chunks takes in SQLite, with vectors of `local`."""

import asyncio
import random
import sys
import tempfile
import time
from array import array
from pathlib import Path
from statistics import median

from headgate.bootstrap.documents import LOCAL_VECTOR_WEIGHT
from headgate.core.documents import Chunk, Document, IndexedDocument, Search
from headgate.core.words import terms
from headgate.documents.library import Documents
from headgate.prompts.library import open_library
from headgate.stores.sqlite.database import Database
from headgate.stores.sqlite.documents import SqliteDocuments
from headgate.stores.sqlite.documents_schema import MIGRATIONS
from local_models import LocalModels
from search_quality import WORKSPACE, corpus

CHUNKS = 10_000
CHUNKS_EACH = 100
WORDS = 150
VOCABULARY = 30_000


def main() -> int:
    """Run the command; its exit status."""
    with tempfile.TemporaryDirectory() as directory:
        took = sorted(asyncio.run(searches(Path(directory) / "documents.db")))
    late = took[int(0.95 * len(took))]
    print(f"{CHUNKS:,} chunks: median {median(took):.0f} ms, 95 % within {late:.0f} ms")
    return 0


async def searches(path: Path) -> list[float]:
    """The milliseconds of each search of the processor's time, with the corpus's questions."""
    database = Database(path, migrations=MIGRATIONS)
    store = SqliteDocuments(database)
    documents = Documents(
        store=store,
        prompts=open_library(),
        embedding_model="local",
        vector_weight=LOCAL_VECTOR_WEIGHT,
        answering_model="local",
    )
    questions = [question for text in corpus().document for question in text.questions]
    source = random.Random(1)
    known = sorted({term for text in corpus().document for term in terms(text.text)})
    words = known + [f"word{number}" for number in range(VOCABULARY - len(known))]
    source.shuffle(words)
    # Zipf's law: the word at a place is as frequent as one over the place.
    weights = [1 / (place + 1) for place in range(len(words))]
    for number in range(CHUNKS // CHUNKS_EACH):
        await store.add([_document(number, source, words, weights)])
    took = []
    for question in questions:
        # Of the processor, in all threads: what else this machine does has no part in it.
        start = time.process_time()
        await documents.search(WORKSPACE, Search(query=question), LocalModels())
        took.append((time.process_time() - start) * 1_000)
    await database.close()
    return took


def _document(
    number: int, source: random.Random, words: list[str], weights: list[float]
) -> IndexedDocument:
    chunks = []
    for place in range(CHUNKS_EACH):
        vector = [source.gauss(0, 1) for _ in range(256)]
        length = sum(value * value for value in vector) ** 0.5
        text = " ".join(source.choices(words, weights, k=WORDS))
        chunks.append(
            Chunk(
                number=place,
                start=0,
                end=len(text),
                text=text,
                terms=text,
                space="local/local/256",
                vector=array("f", [value / length for value in vector]).tobytes(),
            )
        )
    known = Document(
        id=f"doc_{number}",
        workspace_id=WORKSPACE,
        name=f"{number}.txt",
        kind="txt",
        characters=0,
        chunks=len(chunks),
        created_at=float(number),
    )
    return IndexedDocument(known, "", chunks)


if __name__ == "__main__":
    sys.exit(main())
