"""The questions are those of the dashboard, and their times are read right."""

import datetime as dt
from urllib.parse import parse_qs, urlsplit

from headgate.core.usage import DIMENSIONS
from usage_questions import Answer, Question, questions

NOW = dt.datetime(2026, 11, 23, 12, 30, tzinfo=dt.UTC)


def test_every_grouping_is_asked_for_of_all_of_one_user_and_of_one_key() -> None:
    asked = questions(NOW, user="ada", key="a", workspace="w", model="m", cursor="evt_1")
    queries = [parse_qs(urlsplit(question.path).query) for question in asked]
    for owner in ({}, {"userId": ["ada"]}, {"keyId": ["a"]}):
        found = [
            query["groupBy"][0]
            for query in queries
            if "groupBy" in query
            and query["from"] == ["2026-11-16T12:30:00.000Z"]
            and {name: query[name] for name in ("userId", "keyId") if name in query} == owner
        ]
        assert sorted(found) == sorted(DIMENSIONS)
    assert {query["scope"][0] for query in queries if "scope" in query} == {
        "user",
        "key",
        "workspace",
        "model",
    }
    assert len({question.name for question in asked}) == len(asked)


def test_percentiles_are_of_the_times() -> None:
    answer = Answer(Question("x", "/"), [float(n) for n in range(100, 0, -1)])
    assert (answer.p50_ms, answer.p95_ms) == (50.5, 96.0)
    assert Answer(Question("x", "/"), [7.0]).p95_ms == 7.0
