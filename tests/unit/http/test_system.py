"""Whether the platform says how it is."""

import pytest

from fakes import FakeProvider
from headgate import __version__
from headgate.core.errors import Overloaded
from headgate.core.models import ProviderTimedOut
from platform_in_memory import platform


@pytest.mark.parametrize("path", ["/health", "/v1/health"])
async def test_a_platform_that_is_well_says_so(path: str) -> None:
    async with platform() as running:
        answer = await running.call("GET", path, key=None)
    assert answer.json == {
        "status": "ok",
        "version": __version__,
        "checks": {"store": "ok"},
        "providers": {},
        "vendors": {},
    }


async def test_a_model_that_fails_is_named_and_no_failure_of_the_platform() -> None:
    body = b'{"model":"sandbox","messages":[{"role":"user","content":"[[fail 500]]"}]}'
    async with platform() as running:
        assert (await running.call("POST", "/v1/complete", body)).status == 502
        answer = await running.call("GET", "/health", key=None)
    trouble = answer.json["providers"]["sandbox/sandbox"]
    assert (answer.status, answer.json["status"]) == (200, "ok")
    assert (trouble["state"], trouble["lastError"]) == ("failing", "failed")
    assert trouble["since"].endswith("Z")


async def test_each_vendor_that_was_called_says_how_it_did_last() -> None:
    well, ill = FakeProvider("well"), FakeProvider("ill", ProviderTimedOut("slow"))
    messages = [{"role": "user", "content": "hello"}]
    async with platform(well, ill) as running:
        for model in ("well/small", "ill/small"):
            await running.call("POST", "/v1/complete", {"model": model, "messages": messages})
        answer = await running.call("GET", "/health", key=None)
    told = answer.json["vendors"]
    assert set(told) == {"well", "ill"}
    assert told["well"]["lastSuccess"].endswith("Z")
    assert (told["well"]["lastFailure"], told["well"]["lastError"]) == (None, None)
    assert told["ill"]["lastFailure"].endswith("Z")
    assert (told["ill"]["lastSuccess"], told["ill"]["lastError"]) == (None, "timed_out")


async def test_a_part_that_is_down_is_503_and_named() -> None:
    async with platform() as running:
        running.failing["store"] = Overloaded("the disk is full")
        answer = await running.call("GET", "/health", key=None)
    assert answer.status == 503
    assert answer.json["status"] == "unavailable"
    assert answer.json["checks"] == {"store": "the disk is full"}
    assert "store" in answer.json["error"]["message"]


async def test_what_the_platform_works_around_is_named_and_no_failure() -> None:
    async with platform() as running:
        running.worked_around.append("Redis is away")
        answer = await running.call("GET", "/health", key=None)
    assert answer.status == 200
    assert answer.json["status"] == "ok"
    assert answer.json["checks"] == {"store": "Redis is away"}
