"""Labels of real texts."""

from typing import Any

import msgspec
import pytest

from headgate.core.errors import InvalidRequest
from headgate.tools.classify import Classifier
from headgate.tools.declaration import declared
from tool_contexts import HARBOUR, LETTER, PROMPTS, Says, tool_context

TOOL = declared(Classifier(PROMPTS, "auto").classify)


@pytest.mark.parametrize(
    ("text", "label"), [(HARBOUR, "politics"), (LETTER, "business")], ids=["harbour", "letter"]
)
async def test_a_text_gets_the_label_that_fits(text: str, label: str) -> None:
    labels = ["politics", "business", "cooking"]
    async with tool_context() as context:
        found = await TOOL.run(context, {"text": text, "labels": labels})
    told = msgspec.to_builtins(found)
    assert told["label"] == label
    assert set(told["scores"]) == set(labels)
    assert 0 <= told["confidence"] <= 1


@pytest.mark.parametrize("said", ["", "none of them", '{"label": "green"}', '{"label": 5}'])
async def test_no_other_label_is_ever_given(said: str) -> None:
    tool = declared(Classifier(PROMPTS, "one/one").classify)
    async with tool_context(Says(said)) as context:
        found = await tool.run(context, {"text": "sky", "labels": ["red", "blue", "red"]})
    assert found.label in {"red", "blue"}
    assert set(found.scores) == {"red", "blue"}


@pytest.mark.parametrize(
    "given", [{"text": "a"}, {"text": "a", "labels": []}, {"text": "a", "labels": [""]}]
)
async def test_labels_are_needed(given: dict[str, Any]) -> None:
    async with tool_context() as context:
        with pytest.raises(InvalidRequest):
            await TOOL.run(context, given)
