"""Answers from passages, with citations that can be looked up.

A model is shown numbered passages and told to answer from them alone. Whatever it says, a citation
is made here and not by the model: each of its statements is held against the sentences of the
passages that it names, or of all where it names none, and cites the one that shares its telling
words. An answer of which no statement can be found again is none: then the documents do not have
it, and that is said.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from headgate.core.chat import ChatRequest
from headgate.core.documents import Citation, Passage, SourcedAnswer
from headgate.core.models import PromptStyle
from headgate.core.prompts import Prompts
from headgate.core.sentences import Sentence, sentences
from headgate.core.usage import UsageEvent
from headgate.core.words import terms

NOT_IN_THE_DOCUMENTS = "The documents do not say."
TEMPLATE = "answer"
LEAST_SHARED = 0.5
"""The part of a statement's telling words that a sentence must have to be its source."""
LEAST_WORDS = 2
"""How many of them it must have: one word alone stands in too many sentences."""
LEAST_SHARED_WHERE_NAMED = 0.3
"""The part of the words of question and statement, where the statement names the passage."""
MOST_CITED_LENGTH = 600

_SENTINEL = "NOT IN THE DOCUMENTS"
_MARK = re.compile(r"\[(\d{1,3})\]")


class _Source(NamedTuple):
    """A sentence of a passage, and its telling words."""

    passage: Passage
    sentence: Sentence
    terms: frozenset[str]


def request(
    prompts: Prompts, question: str, passages: Sequence[Passage], model: str, style: PromptStyle
) -> ChatRequest:
    """The question to a model, with the passages that it shall answer from."""
    sources = [
        {"id": str(number), "title": passage.name, "text": passage.text.strip()}
        for number, passage in enumerate(passages, 1)
    ]
    inputs = {"question": question.strip(), "sources": sources, "when_missing": _SENTINEL}
    return prompts.render(TEMPLATE, inputs, style=style).request(model)


def none(events: tuple[UsageEvent, ...]) -> SourcedAnswer:
    """The answer where there is none."""
    return SourcedAnswer(text=NOT_IN_THE_DOCUMENTS, is_found=False, events=events)


def sourced(
    question: str, said: str, passages: Sequence[Passage], events: tuple[UsageEvent, ...]
) -> SourcedAnswer:
    """What a model said with what it stands on; no answer, where that is nothing."""
    if _SENTINEL in said.upper():
        return none(events)
    sources = {number: list(_sources(one)) for number, one in enumerate(passages, 1)}
    found = (_source(one, question, sources) for one in _statements(said))
    citations = tuple(dict.fromkeys(_citation(one) for one in found if one is not None))
    if not citations:
        return none(events)
    return SourcedAnswer(text=said, is_found=True, citations=citations, events=events)


def _source(
    statement: str, question: str, sources: Mapping[int, Sequence[_Source]]
) -> _Source | None:
    """The sentence that a statement stands on, if there is one."""
    named = {int(number) for number in _MARK.findall(statement)} & sources.keys()
    asked = frozenset(terms(_MARK.sub(" ", statement)))
    least = max(LEAST_WORDS, LEAST_SHARED * len(asked))
    if named:
        # A statement such as "Yes [1]." makes sense with its question only.
        asked |= frozenset(terms(question))
        least = max(1, LEAST_SHARED_WHERE_NAMED * len(asked))
    candidates = [one for number in sorted(named or sources) for one in sources[number]]
    # Of two that share as much, the shorter one says it more plainly.
    best = max(
        candidates,
        key=lambda one: (len(asked & one.terms), -len(one.terms)),
        default=None,
    )
    return None if best is None or len(asked & best.terms) < least else best


def _statements(said: str) -> Iterator[str]:
    """The sentences of an answer; a mark behind a full stop belongs to what is before it."""
    joined = re.sub(r"([.!?][\"”]?)((?:\s*\[\d{1,3}\])+)", r"\2\1", said)
    for part in re.split(r"[“”\"…]", joined):
        for sentence in sentences(part):
            yield sentence.text


def _sources(passage: Passage) -> Iterator[_Source]:
    for sentence in sentences(passage.text):
        yield _Source(passage, sentence, frozenset(terms(sentence.text)))


def _citation(source: _Source) -> Citation:
    passage, sentence = source.passage, source.sentence
    end = min(sentence.end, sentence.start + MOST_CITED_LENGTH)
    return Citation(
        document_id=passage.document_id,
        title=passage.name,
        start=passage.start + sentence.start,
        end=passage.start + end,
        quote=passage.text[sentence.start : end],
        page=passage.page,
    )
