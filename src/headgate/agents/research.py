"""Research: questions, what the documents say about them, and a report whose citations resolve.

plan → search → summarize → extract → write. A model that cannot plan searches for the topic itself;
one that cannot write with citations gets its report put together from the summaries of what was
found, each with its source. What is cited is always a passage as it stands in its document.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from headgate.agents.definitions import text_of
from headgate.agents.outcomes import Observation
from headgate.agents.teams import plan
from headgate.agents.work import Work
from headgate.core.documents import Citation
from headgate.core.sentences import sentences

MOST_QUESTIONS = 5
PASSAGES_EACH = 5
MOST_PASSAGES = 12
SUMMARY_WORDS = 80
FACTS = {
    "type": "object",
    "properties": {
        "facts": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Statements that can be checked, one sentence each.",
        }
    },
}

_MARK = re.compile(r"\[(\d{1,3})\]")


class Source(msgspec.Struct, frozen=True, rename="camel"):
    """A passage that was found, as the `search` tool tells it."""

    document_id: str
    name: str
    text: str
    start: int
    end: int
    score: float = 0.0
    page: int | None = None

    @property
    def citation(self) -> Citation:
        """The passage as it is cited."""
        return Citation(
            document_id=self.document_id,
            title=self.name,
            start=self.start,
            end=self.end,
            quote=self.text,
            page=self.page,
        )


async def research(work: Work, given: Any) -> Any:
    """A report on a topic from the workspace's documents, with citations."""
    topic = text_of(given, "topic", "question", "text")
    questions = [topic, *(item.task for item in await plan(work, topic))]
    questions = list(dict.fromkeys(questions))[:MOST_QUESTIONS]
    found = await work.calls(
        "search", [{"query": question, "limit": PASSAGES_EACH} for question in questions]
    )
    sources = best_sources(found)
    if not sources:
        text = f"The documents of this workspace say nothing about this: {topic}"
        return {"text": text, "citations": [], "questions": questions, "facts": []}
    texts = [source.text for source in sources]
    summaries = await summarized(work, texts)
    facts = await extracted(work, texts)
    findings = [
        {"id": str(number), "title": source.name, "text": "\n".join([source.text, *known])}
        for number, (source, known) in enumerate(zip(sources, facts, strict=True), 1)
    ]
    report = (await work.answer("report", {"topic": topic, "findings": findings})).text
    if not cited(report, len(sources)):
        report = put_together(summaries)
    text, numbers = renumbered(report, len(sources))
    return {
        "text": text,
        "citations": [sources[number - 1].citation for number in numbers],
        "questions": questions,
        "facts": [fact for known in facts for fact in known],
    }


def best_sources(found: Sequence[Observation]) -> list[Source]:
    """The passages that searches found, each once, best first."""
    best: dict[tuple[str, int, int], Source] = {}
    for observation in found:
        if not isinstance(observation.result, Mapping):
            continue
        for source in msgspec.convert(observation.result.get("results", ()), list[Source]):
            place = (source.document_id, source.start, source.end)
            if place not in best or best[place].score < source.score:
                best[place] = source
    # Python's sort keeps the order of equals, so that a run comes out the same after a crash.
    return sorted(best.values(), key=lambda source: -source.score)[:MOST_PASSAGES]


async def summarized(work: Work, texts: Sequence[str]) -> list[str]:
    """A summary of each text, by the tool for it; without that, its first sentence."""
    if "summarize" not in work.tools:
        return [_beginning(text) for text in texts]
    told = await work.calls(
        "summarize", [{"text": text, "maxWords": SUMMARY_WORDS} for text in texts]
    )
    return [
        _text(observation.result, "summary", "text") or _beginning(text)
        for observation, text in zip(told, texts, strict=True)
    ]


async def extracted(work: Work, texts: Sequence[str]) -> list[list[str]]:
    """The statements of fact in each text, where there is a tool that finds them."""
    if "extract" not in work.tools:
        return [[] for _ in texts]
    told = await work.calls("extract", [{"text": text, "schema": FACTS} for text in texts])
    return [_facts(observation.result) for observation in told]


def _facts(result: Any) -> list[str]:
    for _ in range(2):  # the tool may wrap what it found
        if isinstance(result, Mapping):
            result = next(
                (result[name] for name in ("facts", "data", "result") if name in result), None
            )
    if not isinstance(result, Sequence) or isinstance(result, str):
        return []
    return [fact for fact in result if isinstance(fact, str) and fact.strip()]


def _text(result: Any, *fields: str) -> str:
    if isinstance(result, Mapping):
        result = next((result[field] for field in fields if field in result), "")
    return result.strip() if isinstance(result, str) else ""


def _beginning(text: str) -> str:
    found = sentences(text)
    return found[0].text if found else text.strip()


def cited(report: str, count: int) -> list[int]:
    """The sources that a report cites, of as many as there are, in the order of their mention."""
    numbers = [int(mark) for mark in _MARK.findall(report)]
    return list(dict.fromkeys(number for number in numbers if 1 <= number <= count))


def put_together(summaries: Sequence[str]) -> str:
    """A report that says what each source says, and no more."""
    return "\n\n".join(f"{text} [{number}]" for number, text in enumerate(summaries, 1))


def renumbered(report: str, count: int) -> tuple[str, list[int]]:
    """The report with its marks counted from 1 in their order, and which source each stands for.

    A mark for no source is taken out.
    """
    numbers = cited(report, count)
    places = {number: place for place, number in enumerate(numbers, 1)}

    def mark(match: re.Match[str]) -> str:
        place = places.get(int(match[1]))
        return "" if place is None else f"[{place}]"

    return _MARK.sub(mark, report).strip(), numbers
