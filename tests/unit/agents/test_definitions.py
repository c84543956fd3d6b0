"""How types of runs are declared, and what their inputs say."""

from typing import Any

import pytest

from agent_desk import agent_desk
from headgate.agents.definitions import agent, declared_in, text_of
from headgate.agents.work import Work
from headgate.core.errors import InvalidRequest


@agent("greet", tools=["search"])
async def greet(work: Work, given: Any) -> Any:
    """Greet whoever is named.

    Nobody reads this.
    """
    return {"text": f"Hello {given}, from {work.run.request.type}"}


async def test_a_declared_function_is_a_type_of_run() -> None:
    (kind,) = declared_in({"greet": greet, "other": 3, "text_of": text_of})
    assert (kind.name, kind.summary, kind.tools) == (
        "greet",
        "Greet whoever is named.",
        ("search",),
    )
    async with agent_desk(types=[kind]) as desk:
        run = await desk.finish("Ada", type="greet")
    assert run.output == {"text": "Hello Ada, from greet"}


@pytest.mark.parametrize(
    ("given", "text"),
    [("a", "a"), ({"topic": "b"}, "b"), ({"text": " ", "topic": "c"}, "c"), ({"n": 1}, '{"n":1}')],
)
def test_an_input_has_a_text(given: object, text: str) -> None:
    assert text_of(given, "text", "topic") == text


@pytest.mark.parametrize("given", ["", " ", {}, None])
def test_an_input_without_a_text_is_refused(given: object) -> None:
    with pytest.raises(InvalidRequest):
        text_of(given, "text")
