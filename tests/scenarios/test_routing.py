"""Vendors that fail: who answers instead, what it costs, and what the failing vendor still sees."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from free_ports import held_port
from headgate_server import Caller, Headgate, Simulator, eventually, running, simulating, total

PRICED = """
[prices.large]
input = 1_000
output = 1_000

[prices.small]
input = 1_000
output = 1_000
"""


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """The vendor that always answers."""
    with simulating(tmp_path_factory.mktemp("steady")) as simulator:
        yield simulator


@contextmanager
def platform(
    directory: Path, shaky: Simulator, steady: Simulator, **routing: float
) -> Iterator[Headgate]:
    """The platform on both vendors, with `best` for the shaky one first, then the steady one."""
    rules = "\n".join(f"{name} = {value}" for name, value in routing.items())
    rows = "".join(
        f'[vendors.{name}]\nbase_url = "{vendor.openai_url}"\nmodels = ["{model}"]\n'
        for name, vendor, model in (("shaky", shaky, "large"), ("steady", steady, "small"))
    )
    best = '[aliases]\nbest = ["shaky/large", "steady/small"]\n'
    text = f"{best}[routing]\n{rules}\n{rows}{PRICED}[http]\nheartbeat_seconds = 0.2\n"
    with running(directory, configuration=text) as server:
        yield server


async def troubles(caller: Caller) -> Any:
    return (await caller.get("/health"))["providers"]


async def statuses(vendor: Simulator) -> list[int]:
    return [call["status"] for call in await vendor.calls()]


async def test_a_fallback_is_paid_for_once_and_retries_are_counted_by_the_vendor(
    tmp_path: Path, steady: Simulator
) -> None:
    await steady.forget()
    with (
        simulating(tmp_path, "--fault", "500:1") as shaky,
        platform(tmp_path, shaky, steady, retries=2) as server,
    ):
        async with server.caller() as admin, admin.newcomer(monthlyBudget=1) as caller:
            answer = await caller.ask("a b [[tokens 3]]", model="best", maxTokens=10)
            assert answer.status == 200
            assert (answer.headers["x-provider"], answer.headers["x-model"]) == ("steady", "small")
            assert Decimal(answer.headers["x-cost"]) == Decimal("0.0051")
            assert await statuses(shaky) == [500] * 3
            assert await statuses(steady) == [200]
            events = await eventually(admin.events, lambda events: len(events) == 4)
            assert sorted(event["billed"] for event in events) == [0, 0, 0, Decimal("0.0051")]
            budget = await caller.get("/v1/usage/budget")
            assert (budget["spent"], budget["reserved"]) == (total(events), 0)


async def test_a_failing_vendor_is_left_alone_until_a_probe_finds_it_well(
    tmp_path: Path, steady: Simulator
) -> None:
    """The simulator is started anew, on the same port, without its fault."""
    with (
        held_port() as number,
        simulating(tmp_path, "--fault", "500:1", "--port", str(number)) as shaky,
    ):
        server = platform(tmp_path, shaky, steady, retries=0, breaker_failures=3, breaker_seconds=1)
        with server as running_server:
            async with running_server.caller() as admin:
                began = time.monotonic()
                for _ in range(8):
                    assert (await admin.ask("a", model="best")).status == 200
                # One more each second, where these calls took longer than that.
                probes = int(time.monotonic() - began)
                seen = await statuses(shaky)
                assert seen == [500] * len(seen)
                assert 3 <= len(seen) <= min(3 + probes, 7)
                trouble = (await troubles(admin))["shaky/large"]
                assert (trouble["state"], trouble["lastError"]) == ("open", "failed")
                shaky.command.stop()
                with simulating(tmp_path, "--port", str(number)) as well:

                    async def vendor_that_answers() -> str:
                        answer = await admin.ask("a", model="best")
                        assert answer.status == 200
                        return str(answer.headers["x-provider"])

                    await eventually(vendor_that_answers, lambda vendor: vendor == "shaky")
                    assert await statuses(well) == [200]
                    assert await troubles(admin) == {}


async def test_a_rate_limit_is_waited_for_once_and_then_told_with_its_retry_after(
    tmp_path: Path, steady: Simulator
) -> None:
    with (
        simulating(tmp_path, "--fault", "429:1") as shaky,
        platform(tmp_path, shaky, steady, retries=1) as server,
    ):
        async with server.caller() as admin:
            answer = await admin.ask("a", model="large")
            assert (answer.status, answer.headers["retry-after"]) == (429, "1")
            first, second = await shaky.calls()
            assert first["endedAt"] < second["startedAt"]

            async def while_it_cools() -> tuple[Any, str, int]:
                """Another refusal, and what is known and done within the second after it."""
                await admin.ask("a", model="large")
                before, trouble = len(await shaky.calls()), await troubles(admin)
                again = await admin.ask("a", model="best")
                more = len(await shaky.calls()) - before
                return trouble["shaky/large"]["state"], again.headers["x-provider"], more

            # On a busy machine the second may be over before all of that is asked.
            await eventually(while_it_cools, lambda found: found == ("cooling", "steady", 0))


@pytest.mark.parametrize("path", ["/v1/complete", "/v1/stream"])
async def test_a_slow_vendor_makes_way_within_the_time_for_an_attempt(
    tmp_path: Path, steady: Simulator, path: str
) -> None:
    """Its call is stopped, and what it may have read is billed."""
    with (
        simulating(tmp_path, "--fault", "slow:1") as shaky,
        platform(tmp_path, shaky, steady, retries=1, timeout_seconds=1.5) as server,
    ):
        async with server.caller() as admin:
            body: dict[str, Any] = {"messages": [{"role": "user", "content": "a b c d"}]}
            answer = await admin.post(path, body | {"model": "best"})
            assert answer.status == 200
            assert (await shaky.only_call("cancelled"))["status"] is None
            late = await admin.post(path, body | {"model": "large"})
            if path == "/v1/complete":
                assert (late.status, late.error["code"]) == (504, "upstream_timeout")
                assert answer.headers["x-provider"] == "steady"
            else:
                assert late.events[-1]["error"]["code"] == "upstream_timeout"
            events = await admin.events()
            assert [event["status"] for event in events] == ["incomplete", "ok", "incomplete"]


async def test_another_vendor_takes_over_while_only_heartbeats_have_gone_out(
    tmp_path: Path, steady: Simulator
) -> None:
    with (
        simulating(tmp_path, "--fault", "slow:1") as shaky,
        platform(tmp_path, shaky, steady, timeout_seconds=1.5) as server,
    ):
        async with server.caller() as admin:
            answer = await admin.stream("a b [[say it is here]]", model="best")
            assert answer.body.startswith(b": ping")
            assert "".join(event.get("content", "") for event in answer.events) == "it is here"
            assert answer.events[-1]["type"] == "done"
            assert len(await shaky.calls()) == 1


async def test_nobody_takes_over_after_the_first_byte(tmp_path: Path, steady: Simulator) -> None:
    await steady.forget()
    with (
        simulating(tmp_path, "--fault", "cut:1") as shaky,
        platform(tmp_path, shaky, steady, retries=3) as server,
    ):
        async with server.caller() as admin, admin.newcomer(monthlyBudget=1) as caller:
            answer = await caller.stream("a b [[tokens 8]]", model="best", maxTokens=20)
            assert answer.status == 200
            assert answer.events[-1]["type"] == "error"
            assert len(await shaky.calls()) == 1
            assert not await steady.calls()
            (event,) = await admin.events()
            assert event["status"] == "incomplete"
            budget = await caller.get("/v1/usage/budget")
            assert (budget["spent"], budget["reserved"]) == (event["billed"], 0)


async def test_auto_takes_the_cheapest_that_can_and_says_what_that_saved(tmp_path: Path) -> None:
    """Only one vendor's everyday model thinks, and it is the dearest."""
    question = [{"role": "user", "content": "a b c [[tokens 20]]"}]
    with (
        simulating(tmp_path, "--vendor", "all") as vendors,
        running(tmp_path, environment=vendors.environment) as server,
    ):
        async with server.caller() as admin:
            plain = await admin.post("/v1/complete", {"messages": question, "model": "auto"})
            thinking = await admin.post(
                "/v1/chat/completions",
                {"messages": question, "model": "auto", "reasoning_effort": "low"},
            )
            assert (plain.status, plain.headers["x-provider"]) == (200, "openai")
            assert (thinking.status, thinking.headers["x-model"]) == (200, "claude-haiku-4-5")
            saved = await admin.event_of(plain.headers["x-request-id"])
            same_tokens_there = Decimal(saved["inputTokens"] + 5 * saved["outputTokens"]) / 10**6
            assert saved["autoSaved"] == same_tokens_there - saved["cost"]
            spent = await admin.event_of(thinking.headers["x-request-id"])
            assert (spent["provider"], spent["autoSaved"]) == ("anthropic", 0)
