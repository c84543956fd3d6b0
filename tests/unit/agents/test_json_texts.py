"""JSON in what models write."""

import pytest

from headgate.agents.json_texts import object_in


@pytest.mark.parametrize(
    "text", ['{"a": 1}', 'Here you are:\n```json\n{"a": 1}\n```\nAnything else?']
)
def test_an_object_is_found(text: str) -> None:
    assert object_in(text) == {"a": 1}


@pytest.mark.parametrize("text", ["", "no", "[1]", "{a}", "}{", '"{}"x{'])
def test_where_there_is_none_it_is_empty(text: str) -> None:
    assert object_in(text) == {}
