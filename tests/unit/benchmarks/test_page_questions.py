"""The pages' questions are asked of one moment, and known again whatever they are about."""

import datetime as dt

from page_questions import PAGES, known, questions, signature

NOW = dt.datetime(2026, 11, 23, 12, 30, tzinfo=dt.UTC)


def test_each_page_is_asked_for_and_named() -> None:
    asked = questions(NOW, "run_1")
    assert {question.name.partition(":")[0] for question in asked} == set(PAGES)
    assert len({question.name for question in asked}) == len(asked)
    assert all("{" not in question.path for question in asked)
    assert "from=2026-11-16T12%3A30%3A00.000Z" in asked[0].path


def test_a_request_is_known_again_by_what_it_asks() -> None:
    assert signature("/v1/usage?to=a&from=b&groupBy=day") in known("Overview")
    assert signature("/v1/usage?to=a&from=b&groupBy=tag") not in known("Overview")
    assert signature("/v1/agents/runs/run_01ab/events?after=0") in known("Agent run")
