"""Which vendor answers to a name."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from fakes import FakeClock, FakePrices, FakeProvider, until
from headgate.core.errors import ModelNotFound
from headgate.core.keys import VirtualKey
from headgate.core.models import Profile
from headgate.core.prices import Price
from headgate.gateway.catalog import REFRESH_SECONDS, Catalog

PRICE = Price(input=1, output=1, version="test")


def key(models: Sequence[str] | None = None) -> VirtualKey:
    return VirtualKey(
        key_id="sk-proj-one",
        name="one",
        scopes=frozenset({"ai:complete"}),
        models=None if models is None else tuple(models),
        created_at=0.0,
    )


def catalog(*providers: FakeProvider, **fields: Any) -> Catalog:
    prices = fields.pop("prices", {provider.provider: PRICE for provider in providers})
    return Catalog(
        {provider.provider: provider for provider in providers},
        FakePrices(prices),
        clock=fields.pop("clock", FakeClock()),
        **fields,
    )


async def names(of: Catalog, model: str, who: VirtualKey | None = None) -> list[str]:
    return [route.qualified for route in await of.routes(model, who or key())]


async def test_a_bare_id_is_served_by_the_first_vendor_that_has_it() -> None:
    first, second = FakeProvider("a", models=["x"]), FakeProvider("b", models=["x", "y"])
    assert await names(catalog(first, second), "x") == ["a/x"]
    assert await names(catalog(first, second), "y") == ["b/y"]


async def test_an_id_may_name_its_vendor() -> None:
    """The vendor then need not be known to have it; only the price must be."""
    first, second = FakeProvider("a", models=["x"]), FakeProvider("b", models=["x"])
    assert await names(catalog(first, second), "b/x") == ["b/x"]
    assert await names(catalog(first, second), "b/brand-new") == ["b/brand-new"]


async def test_a_model_id_may_hold_slashes() -> None:
    vendor = FakeProvider("a", models=["meta/llama"])
    assert await names(catalog(vendor), "meta/llama") == ["a/meta/llama"]
    assert await names(catalog(vendor), "a/meta/llama") == ["a/meta/llama"]


async def test_a_model_without_a_price_is_not_offered() -> None:
    """It would be a free ride."""
    vendor = FakeProvider("a", models=["x", "y"])
    priced = catalog(vendor, prices={"a/x": PRICE})
    assert await names(priced, "x") == ["a/x"]
    assert priced.models(key()) == [("x", "a")]
    for model in ("y", "a/y"):
        with pytest.raises(ModelNotFound):
            await priced.routes(model, key())


async def test_a_vendor_without_a_price_does_not_hide_the_next_one() -> None:
    first, second = FakeProvider("a", models=["x"]), FakeProvider("b", models=["x"])
    assert await names(catalog(first, second, prices={"b": PRICE}), "x") == ["b/x"]


@pytest.mark.parametrize("model", ["", "/", "a/", "/x", "unknown", "b/x", "auto"])
async def test_an_unknown_model_is_not_found(model: str) -> None:
    with pytest.raises(ModelNotFound) as refusal:
        await catalog(FakeProvider("a", models=["x"])).routes(model, key())
    assert refusal.value.param == "model"


async def test_a_long_name_is_not_repeated_in_full() -> None:
    with pytest.raises(ModelNotFound) as refusal:
        await catalog().routes("x" * 10_000, key())
    assert len(refusal.value.message) < 400


async def test_an_alias_is_its_models_in_order_those_that_exist() -> None:
    vendor = FakeProvider("a", models=["x", "y"])
    aliased = catalog(vendor, aliases={"best": ["y", "gone", "a/x"]})
    assert await names(aliased, "best") == ["a/y", "a/x"]


async def test_auto_is_what_may_be_picked_now() -> None:
    vendor = FakeProvider("a", models=["x", "y"])
    assert await names(catalog(vendor, auto=lambda _: ["y", "x"]), "auto") == ["a/y", "a/x"]


@pytest.mark.parametrize(
    ("allowed", "model", "found"),
    [
        (["x"], "x", ["a/x"]),
        (["x"], "a/x", ["a/x"]),
        (["a/x"], "x", ["a/x"]),
        (["x"], "best", ["a/x"]),
        (["x"], "auto", ["a/x"]),
        (["best"], "best", ["a/y", "a/x"]),
        (["auto"], "auto", ["a/y", "a/x"]),
    ],
)
async def test_a_key_may_use_its_models_under_all_their_names(
    allowed: list[str], model: str, found: list[str]
) -> None:
    vendor = FakeProvider("a", models=["x", "y"])
    shared = catalog(vendor, aliases={"best": ["y", "x"]}, auto=lambda _: ["y", "x"])
    assert await names(shared, model, key(allowed)) == found


@pytest.mark.parametrize(
    ("allowed", "model"), [(["x"], "y"), (["best"], "x"), (["b/x"], "a/x"), ([], "x")]
)
async def test_a_key_may_use_no_other_model(allowed: list[str], model: str) -> None:
    vendor = FakeProvider("a", models=["x", "y"])
    shared = catalog(vendor, aliases={"best": ["y"]})
    with pytest.raises(ModelNotFound):
        await shared.routes(model, key(allowed))


def test_a_key_sees_what_it_may_use_each_under_one_name() -> None:
    first, second = FakeProvider("a", models=["x", "y"]), FakeProvider("b", models=["x"])
    shared = catalog(first, second, aliases={"best": ["y"]}, auto=lambda _: ["y"])
    assert shared.models(key()) == [
        ("auto", "headgate"),
        ("b/x", "b"),
        ("best", "headgate"),
        ("x", "a"),
        ("y", "a"),
    ]
    assert shared.models(key(["y"])) == [("auto", "headgate"), ("best", "headgate"), ("y", "a")]


async def test_a_model_that_came_meanwhile_is_found_by_asking_again() -> None:
    vendor = FakeProvider("a", models=[])
    vendor.found_later = ["x"]
    assert await names(catalog(vendor), "x") == ["a/x"]


async def test_unknown_names_do_not_make_the_vendors_be_asked_all_the_time() -> None:
    vendor, clock = FakeProvider("a", models=["x"]), FakeClock()
    shared = catalog(vendor, clock=clock)
    for _ in range(5):
        with pytest.raises(ModelNotFound):
            await shared.routes("unknown", key())
    assert vendor.refreshes == 1
    clock.advance(REFRESH_SECONDS + 1)
    with pytest.raises(ModelNotFound):
        await shared.routes("unknown", key())
    assert vendor.refreshes == 2


async def test_who_comes_while_the_vendors_are_asked_waits_for_their_answer() -> None:
    """As at the start, when the models of a local server are still looked for."""
    vendor = FakeProvider("a", models=[])
    vendor.found_later = ["x"]
    shared = catalog(vendor)
    looking = asyncio.create_task(shared.refresh())
    await until(lambda: vendor.refreshes == 1)
    assert await names(shared, "x") == ["a/x"]
    await looking
    assert vendor.refreshes == 1


async def test_a_caller_who_leaves_while_the_vendors_are_asked_spoils_it_for_nobody() -> None:
    vendor = FakeProvider("a", models=[])
    vendor.found_later = ["x"]
    shared = catalog(vendor)
    leaving = asyncio.create_task(shared.routes("x", key()))
    await until(lambda: vendor.refreshes == 1)
    leaving.cancel()
    assert await names(shared, "x") == ["a/x"]


def test_prompts_are_written_for_the_model_that_is_asked_first() -> None:
    of = catalog(
        FakeProvider("a", models=["tagged", "plain"]),
        aliases={"best": ["tagged", "plain"]},
        profile=lambda _vendor, model: Profile(style="xml" if model == "tagged" else "headings"),
    )
    assert [of.style(model, key()) for model in ("best", "tagged", "plain")] == [
        "xml",
        "xml",
        "headings",
    ]
    assert of.style("best", key(models=["plain"])) == "headings"


def test_prompts_for_a_model_that_nobody_has_are_headed() -> None:
    assert catalog().style("made-up", key()) == "headings"


async def test_a_vendor_without_a_key_is_there_for_who_has_one() -> None:
    keyless = FakeProvider("b", models=["x", "y"])
    shared = catalog(FakeProvider("a", models=["x"]), prices={"a": PRICE, "b": PRICE})
    shared.keyless = {"b": keyless}
    shared.aliases = {"best": ["b/y", "a/x"]}
    shared.auto = lambda own: ["a/x", *(f"{name}/y" for name in own)]
    brought = frozenset({"b"})
    for model, without, with_key in (
        ("b/y", None, ["b/y"]),
        ("y", None, ["b/y"]),
        ("x", ["a/x"], ["a/x"]),
        ("best", ["a/x"], ["b/y", "a/x"]),
        ("auto", ["a/x"], ["a/x", "b/y"]),
    ):
        for _ in range(2):
            if without is None:
                with pytest.raises(ModelNotFound):
                    await shared.routes(model, key())
            else:
                assert await names(shared, model) == without
            found = await shared.routes(model, key(), brought)
            assert [route.qualified for route in found] == with_key
    assert dict(shared.models(key())) == {"auto": "headgate", "best": "headgate", "x": "a"}
    assert {"b/x", "y"} < dict(shared.models(key(), brought)).keys()


async def test_a_key_for_another_vendor_opens_none() -> None:
    shared = catalog(FakeProvider("a", models=["x"]))
    shared.keyless = {"b": FakeProvider("b", models=["y"])}
    with pytest.raises(ModelNotFound):
        await shared.routes("b/y", key(), frozenset({"a", "c"}))
