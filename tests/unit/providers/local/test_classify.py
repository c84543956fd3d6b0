import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.providers.local.classify import classification

FEELINGS = ("positive", "negative", "neutral")
TOPICS = ("sports", "politics", "technology", "business", "health")
TICKETS = ("billing", "technical", "account", "shipping", "refund")


@pytest.mark.parametrize(
    ("text", "labels", "expected"),
    [
        ("I love this product, it works great!", FEELINGS, "positive"),
        ("This is not good at all.", FEELINGS, "negative"),
        ("Not bad, I must say.", FEELINGS, "positive"),
        ("The food was great but the service was terrible and slow.", FEELINGS, "negative"),
        ("I wouldn't recommend it; waste of money.", FEELINGS, "negative"),
        ("Never had a problem, works perfectly.", FEELINGS, "positive"),
        ("The meeting is at 3 pm.", FEELINGS, "neutral"),
        ("👎", FEELINGS, "negative"),
        ("The striker scored twice and the team won the cup.", TOPICS, "sports"),
        ("The senate passed a bill to reform the tax law.", TOPICS, "politics"),
        ("The company reported quarterly revenue above forecasts.", TOPICS, "business"),
        ("Doctors found that the vaccine cuts infections.", TOPICS, "health"),
        ("I was charged twice on my credit card.", TICKETS, "billing"),
        ("The app crashes when I click export.", TICKETS, "technical"),
        ("I can't log in, I forgot my password.", TICKETS, "account"),
        ("Where is my package? Tracking has not moved.", TICKETS, "shipping"),
        ("I want my money back for the broken kettle.", TICKETS, "refund"),
        ("Congratulations! You WON a FREE prize, click now", ("spam", "ham"), "spam"),
        ("See you at lunch tomorrow?", ("spam", "not spam"), "not spam"),
        ("Production is down, fix it immediately!", ("low", "medium", "high"), "high"),
        ("No hurry, whenever you have time.", ("urgent", "not urgent"), "not urgent"),
        ("Please add a dark mode.", ("bug_report", "featureRequest"), "featureRequest"),
        ("How do I reset my password?", ("praise", "question"), "question"),
        ("Je ne sais pas où il est.", ("English", "French"), "French"),
        ("今日は晴れです。", ("Chinese", "Japanese"), "Japanese"),
        ("Hello world.", ("Billing issue", "Technical issue", "Other"), "Other"),
        ("My cats sleep in the garden.", ("dogs", "cat"), "cat"),
    ],
)
def test_the_label_a_person_would_choose(text: str, labels: tuple[str, ...], expected: str) -> None:
    found = classification(text, labels)
    assert found.label == expected
    assert found.confidence > 1.2 / len(labels)


def test_clear_signs_are_more_certain_than_faint_ones() -> None:
    clear = classification("Excellent, wonderful, I love it, best ever!", FEELINGS)
    faint = classification("It is good.", FEELINGS)
    assert clear.confidence > faint.confidence


def test_without_any_sign_the_first_label_is_given_and_all_are_equal() -> None:
    found = classification("zebra", ("b", "a", "c", "d"))
    assert found.label == "b"
    assert set(found.scores.values()) == {0.25}


def test_labels_given_twice_count_once() -> None:
    assert list(classification("x", ("a", "a", "b")).scores) == ["a", "b"]


def test_no_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one label"):
        classification("x", ())


@given(st.text(), st.lists(st.text(), min_size=1, max_size=12))
def test_any_labels_get_scores_that_sum_to_one(text: str, labels: list[str]) -> None:
    found = classification(text, labels)
    assert found.label in labels
    assert list(found.scores) == list(dict.fromkeys(labels))
    assert abs(sum(found.scores.values()) - 1) < 1e-9
    assert all(0 <= score <= 1 for score in found.scores.values())
    assert found.confidence == found.scores[found.label] == max(found.scores.values())
    assert classification(text, labels) == found
