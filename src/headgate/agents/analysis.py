"""Document analysis: themes and tags, a summary, what else is about the same, and the evidence."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from headgate.agents.definitions import text_of
from headgate.agents.json_texts import object_in
from headgate.agents.outcomes import RunStopped
from headgate.agents.research import best_sources, summarized
from headgate.agents.teams import merged
from headgate.agents.work import Work, together
from headgate.core.errors import InvalidRequest, NotFound
from headgate.core.words import FUNCTION_WORDS, language, words

PART_CHARACTERS = 24_000
MOST_PARTS = 40
MOST_THEMES = 8
RELATED = 10
GIVEN_TITLE = "the given text"


class Theme(msgspec.Struct, frozen=True):
    """What a text is about, and a passage of it that shows it."""

    theme: str
    evidence: str = ""


def check_document(given: Any) -> None:
    """Whether there is a text to look at.

    Raises:
        InvalidRequest: there is none, or there are two.
    """
    if isinstance(given, Mapping) and "documentId" in given:
        if not isinstance(given["documentId"], str) or "text" in given:
            raise InvalidRequest("the input has a text or a documentId", param="input")
        return
    text_of(given, "text")


async def analyse(work: Work, given: Any) -> Any:
    """What a document is about: themes, tags, a summary, and related documents."""
    document_id, title, text = await _document(work, given)
    parts = parts_of(text)
    if len(parts) > MOST_PARTS:
        most = MOST_PARTS * PART_CHARACTERS
        raise RunStopped("internal", f"the text is longer than {most} characters: cut it")
    replies = await together(
        work.answer("tag", {"text": part, "max_themes": MOST_THEMES}) for part in parts
    )
    themes = ranked([themes_in(reply.text) for reply in replies]) or frequent(text)
    summary = await _summary(work, parts)
    names = [theme.theme for theme in themes]
    return {
        "text": summary,
        "themes": names,
        "tags": [tag_of(name) for name in names],
        "related": await _related(work, names, document_id),
        "citations": evidence(text, themes, document_id, title),
    }


async def _document(work: Work, given: Any) -> tuple[str | None, str, str]:
    """The document's id, its title and its text, which never change once it is there."""
    if not isinstance(given, Mapping) or "documentId" not in given:
        return None, GIVEN_TITLE, text_of(given, "text")
    library, workspace = work.steps.desk.library, work.run.workspace_id
    try:
        document = await library.document(workspace, given["documentId"])
        return document.id, document.name, await library.text(workspace, document.id)
    except NotFound as error:
        raise RunStopped("internal", error.message) from None


def parts_of(text: str) -> list[str]:
    """A text in parts that a model can read at once, cut between paragraphs where there are any."""
    parts: list[str] = []
    start = 0
    while len(text) - start > PART_CHARACTERS:
        end = text.rfind("\n\n", start + 1, start + PART_CHARACTERS)
        if end <= start:
            end = text.rfind(" ", start + 1, start + PART_CHARACTERS)
        if end <= start:
            end = start + PART_CHARACTERS
        parts.append(text[start:end])
        start = end
    return [*parts, text[start:]]


def themes_in(told: str) -> list[Theme]:
    """The themes that a model gave; none where it gave something else."""
    try:
        return msgspec.convert(object_in(told).get("themes", ()), list[Theme])
    except msgspec.ValidationError:
        return []


def ranked(parts: Sequence[Sequence[Theme]]) -> list[Theme]:
    """The themes of all parts, those of most parts first, each with its first evidence."""
    counts = Counter(theme.theme.casefold() for part in parts for theme in part)
    first: dict[str, Theme] = {}
    for part in parts:
        for theme in part:
            if theme.theme.strip():
                first.setdefault(theme.theme.casefold(), theme)
    names = sorted(first, key=lambda name: -counts[name])
    return [first[name] for name in names[:MOST_THEMES]]


def frequent(text: str) -> list[Theme]:
    """The words that a text uses most, for models that name no themes."""
    found = words(text)
    stops = FUNCTION_WORDS[language(found) or "english"]
    counts = Counter(
        word for word in found if len(word) > 3 and word not in stops and not word.isdigit()
    )
    return [Theme(word) for word, _ in counts.most_common(MOST_THEMES)]


def tag_of(theme: str) -> str:
    """A theme as a tag: small letters, and dashes for everything between words."""
    return re.sub(r"[\W_]+", "-", theme.casefold()).strip("-")


async def _summary(work: Work, parts: Sequence[str]) -> str:
    texts = await summarized(work, parts)
    listed = [{"agent": str(n), "text": text} for n, text in enumerate(texts, 1)]
    return await merged(work, "A summary of the whole document.", listed)


async def _related(
    work: Work, themes: Sequence[str], document_id: str | None
) -> list[dict[str, Any]]:
    """Other documents about the same, best first."""
    if "search" not in work.tools or not themes:
        return []
    found = await work.calls("search", [{"query": ", ".join(themes), "limit": RELATED}])
    related: dict[str, dict[str, Any]] = {}
    for source in best_sources(found):
        if source.document_id != document_id:
            entry = {
                "documentId": source.document_id,
                "title": source.name,
                "score": source.score,
            }
            related.setdefault(source.document_id, entry)
    return list(related.values())


def evidence(
    text: str, themes: Sequence[Theme], document_id: str | None, title: str
) -> list[dict[str, Any]]:
    """The passages that show the themes, where they stand in the text word for word.

    A theme without such a passage is shown by the first place that names it, if there is one.
    """
    citations = []
    for theme in themes:
        quote = theme.evidence.strip()
        start = text.find(quote) if quote else -1
        if start < 0:
            found = re.search(re.escape(theme.theme), text, re.IGNORECASE)
            if found is None:
                continue
            start, quote = found.start(), found[0]
        citations.append(
            {
                "documentId": document_id,
                "title": title,
                "start": start,
                "end": start + len(quote),
                "quote": quote,
                "theme": theme.theme,
            }
        )
    return citations
