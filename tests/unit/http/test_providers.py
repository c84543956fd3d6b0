"""Vendors, their troubles, and users' own keys for them."""

from typing import Any

from fakes import FakeProvider
from headgate.core.vendor_keys import VendorKey
from platform_in_memory import platform


async def test_every_vendor_is_told_with_its_models() -> None:
    async with platform(FakeProvider("acme", models=("small", "large"))) as running:
        answer = await running.call("GET", "/v1/providers")
    told = {item["provider"]: item for item in answer.json["data"]}
    assert told["acme"]["models"] == 2
    assert told["sandbox"]["isConfigured"]
    assert told["sandbox"]["takesKeys"] is False
    assert told["sandbox"]["troubles"] == {}


async def test_a_model_that_fails_is_its_vendors_trouble() -> None:
    body = {"model": "sandbox", "messages": [{"role": "user", "content": "[[fail 500]]"}]}
    async with platform() as running:
        assert (await running.call("POST", "/v1/complete", body)).status == 502
        answer = await running.call("GET", "/v1/providers")
    (sandbox,) = [item for item in answer.json["data"] if item["provider"] == "sandbox"]
    assert sandbox["troubles"]["sandbox/sandbox"]["state"] == "failing"


async def test_whose_keys_are_asked_for_is_told_by_their_end_alone() -> None:
    key = VendorKey(
        user_id="ada", provider="sandbox", sealed=b"sealed", last_four="3456", set_at=1_795_435_200
    )
    async with platform() as running:
        await running.services.vendor_keys.store.put(key)
        mine = await running.call("GET", "/v1/providers", query="userId=ada")
        other = await running.call("GET", "/v1/providers", query="userId=ben")
    assert own_keys(mine.json) == {
        "sandbox": {"lastFour": "3456", "setAt": "2026-11-23T12:00:00.000Z"}
    }
    assert own_keys(other.json) == {}


def own_keys(told: Any) -> dict[str, Any]:
    return {item["provider"]: item["ownKey"] for item in told["data"] if item["ownKey"]}
