"""Facts of real texts, by a schema or the common ones, and answers that are not as asked for."""

from typing import Any

import pytest

from headgate.core.errors import InvalidRequest, UpstreamFailed
from headgate.tools.declaration import declared
from headgate.tools.extract import COMMON, Extraction
from tool_contexts import HARBOUR, LETTER, PROMPTS, Says, tool_context

TOOL = declared(Extraction(PROMPTS, "auto").extract)
ASKED = declared(Extraction(PROMPTS, "one/one").extract)
SCHEMA = {
    "type": "object",
    "required": ["mayor", "startDate"],
    "properties": {
        "mayor": {"type": "string"},
        "cost": {"type": "number", "description": "what the flood barrier costs"},
        "startDate": {"type": ["string", "null"]},
    },
}


async def test_without_a_schema_the_common_facts_are_found() -> None:
    async with tool_context() as context:
        found = await TOOL.run(context, {"text": LETTER})
    assert set(found) == set(COMMON)
    assert "31 March 2026" in found["dates"]
    assert found["amounts"] == ["£420.00", "£2,380.00"]
    assert "Claire Donnelly" in found["persons"]
    assert found["emails"] == ["claire.donnelly@brightwater.example"]


async def test_by_a_schema_its_fields_are_filled() -> None:
    async with tool_context() as context:
        found = await TOOL.run(context, {"text": HARBOUR, "schema": SCHEMA})
    assert found == {"mayor": "Ingrid Solheim", "cost": 48_000_000, "startDate": "March 2027"}


async def test_what_the_text_does_not_say_stays_empty() -> None:
    async with tool_context() as context:
        found = await TOOL.run(context, {"text": "Nothing at all.", "schema": SCHEMA})
    assert found["mayor"] == ""
    assert found["startDate"] is None


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array"},
        {"properties": []},
        {"type": "object", "description": "x" * 60_000},
    ],
)
async def test_a_schema_that_no_answer_can_be_held_to_is_refused(schema: dict[str, Any]) -> None:
    async with tool_context() as context:
        with pytest.raises(InvalidRequest) as caught:
            await TOOL.run(context, {"text": "a", "schema": schema})
    assert caught.value.param == "schema"


@pytest.mark.parametrize(
    "said",
    ["", "I cannot do that.", "[1]", '{"mayor": 7, "startDate": null}', '{"mayor": "A"}', "{"],
)
async def test_an_answer_that_does_not_fit_is_not_passed_on(said: str) -> None:
    async with tool_context(Says(said)) as context:
        with pytest.raises(UpstreamFailed, match="the model's answer"):
            await ASKED.run(context, {"text": "a", "schema": SCHEMA})


async def test_an_object_is_found_between_words() -> None:
    said = 'Here it is:\n```json\n{"mayor": "A", "startDate": null}\n```'
    async with tool_context(Says(said)) as context:
        found = await ASKED.run(context, {"text": "a", "schema": SCHEMA})
    assert found == {"mayor": "A", "startDate": None}
