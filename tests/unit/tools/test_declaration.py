"""How tools are declared: the signature is the schema."""

import asyncio
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from headgate.core.errors import InvalidRequest
from headgate.core.keys import VirtualKey
from headgate.core.tools import ToolContext
from headgate.tools.declaration import declared, tool
from no_models import NO_MODELS

KEY = VirtualKey(key_id="sk-proj-one", name="one", scopes=frozenset(), created_at=0.0)
CONTEXT = ToolContext(key=KEY, models=NO_MODELS)


class Place(msgspec.Struct, rename="camel"):
    street_name: str


@tool(timeout_seconds=3, idempotent=False, needs_approval=True, most_at_once=7)
async def ship(
    context: ToolContext,
    *,
    order_id: Annotated[str, Meta(min_length=1, description="Which order.")],
    place: Place | None = None,
    speed: Literal["slow", "fast"] = "slow",
) -> dict[str, Any]:
    """Ship an order
    to its place.

    What stands here is for who reads the code.
    """
    return {"key": context.key.key_id, "order": order_id, "speed": speed, "place": place}


def test_the_declaration_says_all_that_callers_are_told() -> None:
    found = declared(ship)
    spec = found.spec
    assert (spec.name, spec.description) == ("ship", "Ship an order to its place.")
    assert (spec.timeout_seconds, spec.is_idempotent, spec.needs_approval) == (3, False, True)
    assert found.most_at_once == 7


def test_the_schema_is_the_signatures_in_camel_case() -> None:
    schema = declared(ship).spec.parameters
    assert schema["type"] == "object"
    assert schema["required"] == ["orderId"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["orderId"] == {
        "type": "string",
        "minLength": 1,
        "description": "Which order.",
    }
    assert schema["properties"]["speed"] == {"enum": ["fast", "slow"], "default": "slow"}
    assert set(schema["properties"]) == {"orderId", "place", "speed"}
    assert schema["$defs"]["Place"]["properties"] == {"streetName": {"type": "string"}}


async def test_arguments_come_decoded_and_the_context_beside_them() -> None:
    given = {"orderId": "7", "place": {"streetName": "Main St"}}
    assert await declared(ship).run(CONTEXT, given) == {
        "key": "sk-proj-one",
        "order": "7",
        "speed": "slow",
        "place": Place("Main St"),
    }


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({}, "orderId"),
        ({"orderId": ""}, "orderId"),
        ({"orderId": 7}, "orderId"),
        ({"order_id": "7"}, None),
        ({"orderId": "7", "colour": "red"}, None),
        ({"orderId": "7", "context": {}}, None),
        ({"orderId": "7", "speed": "warp"}, "speed"),
        ({"orderId": "7", "place": {}}, "place.streetName"),
    ],
)
async def test_what_does_not_fit_the_schema_is_refused(
    given: dict[str, Any], param: str | None
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await declared(ship).run(CONTEXT, given)
    assert param is None or caught.value.param == param


async def test_a_method_is_a_tool_of_its_object() -> None:
    class Shop:
        def __init__(self, name: str) -> None:
            self.name = name

        @tool()
        async def shop_name(self) -> str:
            """Say the shop's name."""
            return self.name

    found = declared(Shop("Odds").shop_name)
    assert found.spec.parameters == {
        "type": "object",
        "properties": {},
        "required": [],
        "additionalProperties": False,
    }
    assert await found.run(CONTEXT, {}) == "Odds"


async def plain() -> None:
    """Not marked."""


@tool()
def blocking() -> asyncio.Future[None]:
    """Not async."""
    raise NotImplementedError


@tool()
async def silent() -> None:
    raise NotImplementedError


@tool()
async def untyped(number) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - what is refused
    """Take what it is not said."""


@tool()
async def loose(*numbers: int) -> None:
    """Take any number of numbers."""


@pytest.mark.parametrize("function", [plain, blocking, silent, untyped, loose])
def test_what_cannot_be_a_tool_is_refused_by_its_name(function: Any) -> None:
    with pytest.raises(TypeError, match=function.__name__):
        declared(function)
