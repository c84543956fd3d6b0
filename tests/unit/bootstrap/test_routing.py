"""The rules of routing, and what the doctor hears of it from a running server."""

from pathlib import Path
from typing import Any

import pytest

from fakes import FakeProvider
from gateway_desk import PRICE
from headgate.bootstrap.routing import MOST_TOLD, check_routing, providers_check, routing_of
from headgate.configuration import Configuration
from headgate.core.models import ProviderTimedOut
from headgate.gateway.breakers import Breakers
from headgate.gateway.catalog import Route
from headgate.gateway.choice import Preference
from headgate.settings import Settings
from headgate.strict_toml import read_sections
from servers import serve

TROUBLE = (
    b'{"status":"ok","version":"1","checks":{},"providers":{"openai/gpt-4o":'
    b'{"state":"open","lastError":"timed_out","since":"2026-11-23T12:00:00.000Z"}}}'
)
ANSWERED = (
    b'{"providers":{},"vendors":{"openai":{"lastSuccess":"2026-11-23T12:00:00.000Z",'
    b'"lastFailure":"2026-11-23T11:00:00.000Z","lastError":"timed_out"},"cohere":{}}}'
)
WELL = b'{"status":"ok","version":"1","checks":{},"providers":{}}'


def test_the_rules_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "headgate.toml"
    path.write_text(
        "[routing]\ntimeout_seconds = 7\nretries = 3\nbreaker_failures = 2\nbreaker_seconds = 9\n"
        '[aliases]\nplain = ["a", "b"]\nquick = { models = ["a", "b"], strategy = "fastest" }\n'
        'shared = { models = ["a", "b"], strategy = "weighted", weights = [3, 1] }\n'
    )
    routing = routing_of(read_sections(Configuration, path))
    assert (routing.attempt_seconds, routing.retries) == (7, 3)
    assert (routing.breakers.failures, routing.breakers.seconds) == (2, 9)
    assert routing.choice.preferences == {
        "quick": Preference("fastest"),
        "shared": Preference("weighted", {"a": 3, "b": 1}),
    }


def test_what_runs_in_this_process_is_built_in() -> None:
    assert routing_of(Configuration()).breakers.built_in == {"local", "sandbox"}


@pytest.mark.parametrize(
    ("health", "status", "said"),
    [
        (TROUBLE, "warn", "openai/gpt-4o is open since 2026-11-23T12:00:00.000Z (timed_out)"),
        (WELL, "ok", "all models are well"),
        (ANSWERED, "ok", "openai last answered 2026-11-23T12:00:00.000Z and last failed 2026"),
        (ANSWERED, "ok", "cohere last answered never"),
        (b"<html>another program</html>", "ok", "no server to ask"),
        (b'{"status":"ok"}', "ok", "no server to ask"),
    ],
)
async def test_the_doctor_asks_the_running_server(
    tmp_path: Path, health: bytes, status: str, said: str
) -> None:
    asked: list[str] = []

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            asked.append(scope["path"])
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": health})

    async with serve(app) as url:
        finding = await check_routing(Settings.load({"HEADGATE_URL": url}, tmp_path))
    assert (finding.status, said in finding.message) == (status, True)
    assert asked == ["/health"]


async def test_without_a_server_there_is_nothing_to_tell(tmp_path: Path) -> None:
    gone = Settings.load({"HEADGATE_URL": "http://127.0.0.1:9"}, tmp_path)
    assert (await check_routing(gone)).status == "ok"


async def test_health_names_models_that_are_not_well_and_not_all_of_very_many() -> None:
    breakers = Breakers(failures=1)
    check = providers_check(breakers)
    assert await check() is None
    for number in range(MOST_TOLD + 2):
        trial = breakers.enter(Route(FakeProvider("one"), f"model-{number:02}", PRICE))
        assert trial is not None
        trial.failed(ProviderTimedOut("slow"))
    said = await check()
    assert said is not None
    assert said.startswith("one/model-00 is open (timed_out); one/model-01 is open")
    assert said.endswith("; 2 more")
