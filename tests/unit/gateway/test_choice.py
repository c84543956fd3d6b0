"""Which model of an alias is asked first."""

from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest

from fakes import FakeProvider
from gateway_desk import CALLER, PRICE, Desk, asks
from headgate.gateway import choice as module
from headgate.gateway.catalog import Route
from headgate.gateway.choice import Choice, Preference
from headgate.gateway.routing import Routing

A, B, C = (Route(FakeProvider(name), "small", PRICE) for name in "abc")
ROUTES = (A, B, C)


def chances(*numbers: float) -> Iterator[float]:
    yield from numbers


def fastest(*numbers: float) -> Choice:
    """A choice by speed that explores where a chance says so."""
    given = chances(*numbers)
    return Choice({"best": Preference("fastest")}, lambda: next(given, 0.99))


def learn(choice: Choice, **seconds: float) -> None:
    for route in ROUTES:
        choice.measured(route, "stream", seconds[route.provider.provider])


def test_without_a_strategy_the_order_stays() -> None:
    choice = Choice({"best": Preference()})
    learn(choice, a=3, b=1, c=2)
    assert choice.ordered("best", ROUTES, "stream") == ROUTES
    assert choice.ordered("any", ROUTES, "stream") == ROUTES


def test_the_fastest_is_asked_first_and_the_others_are_its_fallbacks() -> None:
    choice = fastest()
    learn(choice, a=3, b=1, c=2)
    assert choice.ordered("best", ROUTES, "stream") == [B, C, A]


def test_one_that_nobody_has_measured_is_asked_first() -> None:
    choice = fastest()
    choice.measured(A, "stream", 1)
    choice.measured(C, "stream", 2)
    assert choice.ordered("best", ROUTES, "stream") == [B, A, C]


def test_only_like_waits_compare() -> None:
    """A whole answer takes longer than a first piece, whoever gives it."""
    choice = fastest()
    learn(choice, a=3, b=1, c=2)
    assert choice.ordered("best", ROUTES, "whole") == list(ROUTES)


def test_a_route_that_becomes_slow_loses_its_place_in_time() -> None:
    choice = fastest()
    learn(choice, a=1, b=2, c=9)
    choice.measured(A, "stream", 3)
    assert choice.ordered("best", ROUTES, "stream")[0] is A
    for _ in range(10):
        choice.measured(A, "stream", 3)
    assert choice.ordered("best", ROUTES, "stream")[0] is B


@pytest.mark.parametrize(("lot", "first"), [(0.0, C), (0.99, A)])
def test_now_and_then_another_than_the_fastest_is_asked(lot: float, first: Route) -> None:
    choice = fastest(0.01, lot)
    learn(choice, a=3, b=1, c=2)
    ordered = choice.ordered("best", ROUTES, "stream")
    assert ordered[0] is first
    assert sorted(route.qualified for route in ordered) == ["a/small", "b/small", "c/small"]


def test_weights_are_shares_of_all_calls() -> None:
    weights = {"a/small": 3.0, "b/small": 1.0, "c/small": 0.0}
    choice = Choice({"best": Preference("weighted", weights)}, Random(7).random)
    firsts = Counter(choice.ordered("best", ROUTES, "whole")[0].qualified for _ in range(4000))
    assert firsts["a/small"] == pytest.approx(3000, abs=150)
    assert firsts["b/small"] == pytest.approx(1000, abs=150)
    assert choice.ordered("best", ROUTES, "whole")[-1] is C


def test_an_alias_may_name_its_models_without_their_vendors() -> None:
    assert Preference("weighted", {"small": 2.0}).weight(A) == 2


def test_names_that_callers_make_up_take_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_MEASURED", 10)
    choice = Choice()
    for number in range(50):
        choice.measured(Route(FakeProvider("a"), f"made-up-{number}", PRICE), "whole", 1)
    assert len(choice._seconds) == 10


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_calls_measure_and_what_they_measure_decides(*, is_streamed: bool) -> None:
    one, two = FakeProvider("one"), FakeProvider("two")
    choice = fastest()
    desk = Desk(
        one,
        two,
        aliases={"best": ["one/small", "two/small"]},
        routing=Routing(choice=choice),
    )
    for _ in range(2):  # each is measured once
        if is_streamed:
            stream = await desk.gateway.stream(CALLER, asks(model="best"))
            assert [piece async for piece in stream]
        else:
            await desk.gateway.complete(CALLER, asks(model="best"))
    assert (len(one.chats), len(two.chats)) == (1, 1)
    slow = Route(one, "small", PRICE)
    for kind in ("whole", "stream"):
        choice.measured(slow, kind, 1000)
    await desk.gateway.complete(CALLER, asks(model="best"))
    await desk.rest()
