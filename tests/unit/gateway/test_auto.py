"""`auto` is the cheapest model that can do what a request needs."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from fakes import FakeProvider
from gateway_desk import CALLER, PRICE, Desk, asks
from headgate.core.chat import ChatRequest, Image, Message, Reasoning, ResponseFormat, Tool
from headgate.core.errors import ContextLengthExceeded, InvalidRequest
from headgate.core.models import Ability, Profile, ProviderRefused, Tier
from headgate.core.prices import Price
from headgate.gateway.auto import MARGIN, needed, suited, wanted_tier
from headgate.gateway.catalog import Route

IMAGE = (Message("user", (Image("https://example.com/cat.png"),)),)
TOOLS = (Tool("search"),)


def price(cost: int) -> Price:
    return Price(input=cost * 1_000_000, output=cost * 1_000_000, version="test")


def route(name: str, cost: int = 1) -> Route:
    return Route(FakeProvider(name), "small", price(cost))


CHEAP, MIDDLE, DEAR = route("cheap", 1), route("middle", 2), route("dear", 3)


def names(request: ChatRequest, profiles: Mapping[str, Profile]) -> list[str]:
    found = suited(
        request,
        (DEAR, CHEAP, MIDDLE),
        lambda route: profiles.get(route.provider.provider, Profile()),
    )
    return [route.provider.provider for route in found]


def two_models(cheap: FakeProvider, dear: FakeProvider) -> Desk:
    """A gateway whose `auto` may take either."""
    desk = Desk(cheap, dear, prices={"cheap": price(1), "dear": price(2)})
    desk.gateway.catalog.auto = lambda _: ["dear/small", "cheap/small"]
    return desk


@pytest.fixture
def desk_of_two() -> Desk:
    return two_models(FakeProvider("cheap"), FakeProvider("dear"))


def has(*abilities: Ability, window: int | None = None) -> Profile:
    every: frozenset[Ability] = frozenset({"images", "tools", "schema", "json", "thinking"})
    given = frozenset(abilities)
    return Profile(window=window, has=given, lacks=every - given)


def test_the_cheapest_comes_first_and_the_others_are_its_fallbacks() -> None:
    assert names(asks(), {}) == ["cheap", "middle", "dear"]


@pytest.mark.parametrize(
    ("fields", "need"),
    [
        ({}, None),
        ({"messages": IMAGE}, "images"),
        ({"tools": TOOLS}, "tools"),
        ({"response_format": ResponseFormat("json_schema", {})}, "schema"),
        ({"response_format": ResponseFormat("json_object")}, "json"),
        ({"response_format": ResponseFormat("text")}, None),
        ({"reasoning": Reasoning("auto", "low")}, "thinking"),
        ({"reasoning": Reasoning("off")}, None),
    ],
)
def test_a_request_shows_what_it_needs(fields: dict[str, Any], need: Ability | None) -> None:
    request = asks(**fields)
    assert needed(request) == (frozenset() if need is None else {need})
    if need is not None:
        profiles = {"cheap": has(), "middle": has(need), "dear": has(need)}
        assert names(request, profiles) == ["middle", "dear"]


def test_a_model_that_is_known_to_be_able_goes_before_one_that_may_be() -> None:
    profiles = {"cheap": Profile(), "dear": has("images")}
    assert names(asks(messages=IMAGE), profiles) == ["dear", "cheap", "middle"]
    assert names(asks(), profiles)[0] == "cheap"


def test_a_request_goes_where_it_fits_with_its_answer() -> None:
    """The fakes count ten tokens of input; a count that is estimated may be larger."""
    tight, roomy = int(10 * MARGIN) + 49, int(10 * MARGIN) + 51
    profiles = {
        "cheap": Profile(window=9),
        "middle": Profile(window=tight),
        "dear": Profile(window=roomy),
    }
    assert names(asks(max_tokens=50), profiles) == ["dear", "middle"]
    assert names(asks(), profiles) == ["middle", "dear"]


def test_what_no_model_can_do_is_said_before_one_is_asked() -> None:
    lacking = dict.fromkeys(("cheap", "middle", "dear"), has())
    with pytest.raises(InvalidRequest, match="read images") as refusal:
        names(asks(messages=IMAGE), lacking)
    assert refusal.value.param == "model"
    short = dict.fromkeys(("cheap", "middle"), Profile(window=9)) | {"dear": has()}
    with pytest.raises(ContextLengthExceeded):
        names(asks(messages=IMAGE), short)


def test_what_is_cheap_depends_on_the_request() -> None:
    """One is cheap to ask, the other is cheap to let talk."""
    asking = Route(FakeProvider("a"), "small", msgspec.structs.replace(PRICE, output=90_000_000))
    talking = Route(FakeProvider("b"), "small", msgspec.structs.replace(PRICE, input=90_000_000))
    both = (asking, talking)
    assert suited(asks(max_tokens=1), both, lambda _: Profile())[0] is asking
    assert suited(asks(), both, lambda _: Profile())[0] is talking


@pytest.mark.parametrize(
    ("use_case", "tier"),
    [
        (None, "small"),
        ("", "small"),
        ("invoices", "small"),
        ("classification", "small"),
        ("Support_Chat", "medium"),
        ("code-review", "large"),
        ("summary and analysis", "large"),
        ("barcodes", "small"),
    ],
)
def test_a_use_case_says_in_its_words_how_good_a_model_it_wants(
    use_case: str | None, tier: Tier
) -> None:
    assert wanted_tier(use_case) == tier


TIERS: dict[str, Profile] = {
    "cheap": Profile(tier="small"),
    "middle": Profile(tier="medium"),
    "dear": Profile(tier="large"),
}


@pytest.mark.parametrize(
    ("use_case", "expected"),
    [
        (None, ["cheap", "middle"]),
        ("tagging", ["cheap", "middle"]),
        ("chat", ["middle", "cheap"]),
        ("coding", ["dear", "middle", "cheap"]),
    ],
)
def test_a_use_case_gets_the_cheapest_model_that_is_good_enough(
    use_case: str | None, expected: list[str]
) -> None:
    assert names(asks(use_case=use_case), TIERS) == expected


def test_a_large_model_answers_what_no_other_can() -> None:
    able = {"dear": Profile(tier="large", has=frozenset({"images"}))}
    unable = {name: Profile(lacks=frozenset({"images"})) for name in ("cheap", "middle")}
    assert names(asks(messages=IMAGE), {**able, **unable}) == ["dear"]


def test_a_model_of_unknown_size_stands_behind_those_that_are_known_to_be_good_enough() -> None:
    known = {"middle": Profile(tier="small"), "dear": Profile(tier="large")}
    assert names(asks(use_case="coding"), known) == ["dear", "cheap", "middle"]
    assert names(asks(), known) == ["cheap", "middle"]


async def test_a_call_to_auto_goes_to_the_model_that_its_use_case_wants() -> None:
    cheap, dear = FakeProvider("cheap"), FakeProvider("dear")
    desk = two_models(cheap, dear)
    desk.gateway.catalog.profile = lambda vendor, _: TIERS[vendor]
    await desk.gateway.complete(CALLER, asks(model="auto", use_case="coding"))
    await desk.gateway.complete(CALLER, asks(model="auto"))
    assert [(event.provider, event.auto_saved) for event in desk.events] == [
        ("dear", 0),
        # A model that nobody would have asked has not been avoided.
        ("cheap", 0),
    ]
    await desk.rest()


async def test_only_auto_saves(desk_of_two: Desk) -> None:
    """Who names a model has chosen it."""
    await desk_of_two.gateway.complete(CALLER, asks(model="cheap/small"))
    assert desk_of_two.event.auto_saved == 0


async def test_a_fallback_of_auto_saves_less(desk_of_two: Desk) -> None:
    cheap = desk_of_two.gateway.catalog.providers["cheap"]
    assert isinstance(cheap, FakeProvider)
    cheap._script = [ProviderRefused("overloaded", "full")]
    await desk_of_two.gateway.complete(CALLER, asks(model="auto"))
    assert [(event.provider, event.auto_saved) for event in desk_of_two.events] == [
        ("cheap", 0),
        ("dear", 0),
    ]


async def test_a_call_to_auto_goes_to_a_model_that_can_answer_it() -> None:
    cheap, dear = FakeProvider("cheap"), FakeProvider("dear")
    desk = two_models(cheap, dear)
    catalog = desk.gateway.catalog
    catalog.profile = lambda vendor, _: has("images") if vendor == "dear" else has()
    await desk.gateway.complete(CALLER, asks(model="auto"))
    await desk.gateway.complete(CALLER, asks(model="auto", messages=IMAGE))
    assert (len(cheap.chats), len(dear.chats)) == (1, 1)
    saved, nothing_else_could = desk.events
    assert (saved.cost, saved.auto_saved) == (15, 15)
    assert (nothing_else_could.cost, nothing_else_could.auto_saved) == (30, 0)
    with pytest.raises(InvalidRequest):
        await desk.gateway.complete(CALLER, asks(model="auto", tools=TOOLS))
    await desk.rest()
