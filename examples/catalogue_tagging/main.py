"""Puts every article of a catalogue into a category, twenty at a time.

Each article has an idempotency key of its own: when the program breaks off and is run again, what
was tagged before is answered again and costs nothing.
"""

import asyncio
import csv
import hashlib
import sys
from pathlib import Path

from headgate_sdk import AsyncHeadgate
from headgate_sdk.types import Classification

CATEGORIES = ["kitchen", "garden", "office", "clothing"]
AT_ONCE = 20


async def categories(articles: list[dict[str, str]]) -> list[Classification]:
    """The category of each article."""
    turn = asyncio.Semaphore(AT_ONCE)

    async with AsyncHeadgate() as client:

        async def tagged(article: dict[str, str]) -> Classification:
            text = f"{article['name']}. {article['description']}"
            digest = hashlib.sha256(text.encode()).hexdigest()
            async with turn:
                return await client.classify(
                    text,
                    CATEGORIES,
                    model="local",
                    tags=["catalogue"],
                    idempotency_key=f"tag-{digest}",
                )

        return await asyncio.gather(*map(tagged, articles))


def main(path: str) -> None:
    with Path(path).open(encoding="utf-8", newline="") as file:
        articles = list(csv.DictReader(file))
    answers = asyncio.run(categories(articles))
    billed = sum(answer.usage.billed for answer in answers)
    print(f"${billed:.7f} for {len(articles)} articles", file=sys.stderr)
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(["number", "name", "category"])
    for article, answer in zip(articles, answers, strict=True):
        table.writerow([article["number"], article["name"], answer.label])


if __name__ == "__main__":
    main(sys.argv[1])
