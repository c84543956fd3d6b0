"""Whatever a model answers, the verdict is one of the labels."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.chat import PromptVersion
from headgate.core.classification import USE_CASE, question, verdict
from headgate.prompts.library import open_library

LABELS = ["spam", "news", "private"]

label_lists = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=6)
numbers = st.floats(allow_nan=False) | st.integers()


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, list[str]]:
    """An answer as models write them, right and wrong, and the labels it was asked for."""
    labels = draw(label_lists)
    names = st.sampled_from(labels) | st.text(max_size=8)
    reply = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "label": names | st.none() | st.integers(),
                "confidence": numbers | st.none() | st.text(max_size=3),
                "scores": st.dictionaries(names, numbers, max_size=6),
            },
        )
    )
    prose = st.text(max_size=20)
    return draw(prose) + json.dumps(reply) + draw(prose), labels


@given(cases())
def test_the_label_is_one_of_those_asked_for_and_the_scores_add_up(
    case: tuple[str, list[str]],
) -> None:
    answer, labels = case
    found = verdict(answer, labels)
    assert found.label in labels
    assert set(found.scores) == set(labels)
    assert all(0 <= score <= 1 for score in found.scores.values())
    assert sum(found.scores.values()) == pytest.approx(1)
    assert found.confidence == found.scores[found.label]
    assert found.confidence >= max(found.scores.values()) - 1e-9


def test_a_models_own_confidence_is_taken() -> None:
    found = verdict('{"label": "news", "confidence": 0.8}', LABELS)
    assert (found.label, found.confidence) == ("news", 0.8)
    assert found.scores["spam"] == pytest.approx(0.1)


def test_an_answer_may_stand_in_prose_and_in_any_case() -> None:
    assert verdict('Sure:\n```json\n{"label": " NEWS "}\n```', LABELS).label == "news"


def test_scores_of_a_classifier_are_taken_as_they_are() -> None:
    found = verdict('{"scores": {"spam": 1, "news": 3, "else": 9}}', LABELS)
    assert found.scores == {"spam": 0.25, "news": 0.75, "private": 0.0}


def test_labels_that_differ_in_case_alone_are_told_apart() -> None:
    assert verdict('{"label": "US"}', ["US", "us"]).label == "US"
    assert verdict('{"label": "us"}', ["US", "us"]).label == "us"


def test_a_label_named_in_prose_is_found() -> None:
    assert verdict("This is clearly spam, not a newspaper.", LABELS).label == "spam"


def test_a_label_inside_a_longer_one_is_not_named() -> None:
    assert verdict("C++ it is", ["C", "C++"]).label == "C++"
    assert verdict("That is not spam.", ["spam", "not spam"]).scores == {"spam": 0, "not spam": 1}


def test_an_answer_that_names_no_label_says_that_nothing_is_known() -> None:
    found = verdict("I cannot say.", LABELS)
    assert found.scores == dict.fromkeys(LABELS, pytest.approx(1 / 3))


def test_a_confidence_below_chance_is_chance() -> None:
    assert verdict('{"label": "news", "confidence": -4}', LABELS).confidence == 1 / 3


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "{",
        "}{",
        "[]",
        '{"label": ["spam"]}',
        '{"scores": {"spam": 1e308, "news": 1e308}}',
        '{"scores": {"spam": 1e999}}',
        '{"scores": {"spam": -1}}',
        '{"x": ' + "[" * 100_000 + "]" * 100_000 + "}",
    ],
    ids=lambda answer: answer[:20],
)
def test_a_strange_answer_does_no_harm(answer: str) -> None:
    found = verdict(answer, LABELS)
    assert found.label in LABELS
    assert sum(found.scores.values()) == pytest.approx(1)


def test_a_question_names_every_label_and_asks_for_json() -> None:
    request = question(open_library(), "Buy now!", LABELS, "auto", "headings")
    assert request.last_user_text == "Buy now!"
    assert request.labels == tuple(LABELS)
    assert request.use_case == USE_CASE
    assert request.temperature == 0
    assert request.response_format is not None
    asked = msgspec.json.encode(request.response_format.schema).decode()
    assert all(f'"{label}"' in asked for label in LABELS)
    assert request.prompt == PromptVersion("classify", 1)
    assert all(f'- "{label}"' in request.messages[0].text for label in LABELS)
