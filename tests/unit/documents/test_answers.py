import pytest

from headgate.core.documents import Citation, Passage
from headgate.documents.answers import NOT_IN_THE_DOCUMENTS, none, request, sourced
from headgate.prompts.library import open_library

RETURNS = "# Returns\n\nGoods may be returned within 30 days. Downloads cannot be returned at all."
HARBOUR = "The harbour was founded by King Olav in 1070.\nIt handles 30 ships a day."


def passage(document_id: str, text: str, start: int) -> Passage:
    return Passage(
        document_id=document_id,
        name=f"{document_id}.md",
        text=text,
        start=start,
        end=start + len(text),
        page=3,
        score=1.0,
    )


PASSAGES = (passage("returns", RETURNS, 100), passage("harbour", HARBOUR, 0))


def quotes(question: str, said: str) -> list[str]:
    return [one.quote for one in sourced(question, said, PASSAGES, ()).citations]


def test_a_model_is_shown_numbered_sources_and_the_question() -> None:
    asked = request(open_library(), " When? ", PASSAGES, "small", "headings")
    assert asked.model == "small"
    assert asked.messages[1].content == (
        "# Sources\n\nSource 1: returns.md\n"
        "> # Returns\n>\n"
        "> Goods may be returned within 30 days. Downloads cannot be returned at all.\n\n"
        "Source 2: harbour.md\n"
        "> The harbour was founded by King Olav in 1070.\n> It handles 30 ships a day.\n\n"
        "# Question\n\nWhen?"
    )
    assert asked.prompt is not None
    assert asked.prompt.name == "answer"
    assert "NOT IN THE DOCUMENTS" in asked.messages[0].text


def test_a_citation_says_where_the_sentence_stands() -> None:
    said = "You have 30 days to return goods [1]."
    answer = sourced("How long do I have?", said, PASSAGES, ())
    start = 100 + RETURNS.index("Goods")
    quote = "Goods may be returned within 30 days."
    assert answer.is_found
    assert answer.text == said
    assert answer.citations == (
        Citation(
            document_id="returns",
            title="returns.md",
            start=start,
            end=start + len(quote),
            quote=quote,
            page=3,
        ),
    )


@pytest.mark.parametrize(
    ("question", "said", "cited"),
    [
        ("Can downloads be returned?", "No. [1]", ["Downloads cannot be returned at all."]),
        (
            "Who founded the harbour?",
            'The text says: "The harbour was founded by King Olav in 1070."',
            ["The harbour was founded by King Olav in 1070."],
        ),
        (
            "Tell me all",
            "Goods may be returned within 30 days [1]. The harbour handles 30 ships daily.[2]",
            ["Goods may be returned within 30 days.", "It handles 30 ships a day."],
        ),
    ],
)
def test_each_statement_is_cited_from_the_passage_it_names(
    question: str, said: str, cited: list[str]
) -> None:
    assert quotes(question, said) == cited


@pytest.mark.parametrize(
    "said",
    [
        "NOT IN THE DOCUMENTS",
        "That is not in the documents.",
        "",
        "Yes.",
        "The capital of Mongolia is Ulaanbaatar [1].",
        "It was founded by Napoleon [7].",
        "I did not find an answer in the text: none of its sentences matches the question.",
    ],
)
def test_an_answer_that_stands_on_nothing_is_none(said: str) -> None:
    answer = sourced("What is the capital of Mongolia?", said, PASSAGES, ())
    assert answer == none(())
    assert answer.text == NOT_IN_THE_DOCUMENTS
    assert not answer.is_found
