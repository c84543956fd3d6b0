"""Hints of what has changed, as server-sent events."""

import asyncio
from typing import Any

import msgspec
import pytest

from headgate.core.budgets import Settlement
from headgate.core.errors import Overloaded
from headgate.core.usage import UsageEvent
from headgate.http import live
from headgate.http.app import CLOSING
from headgate.stores.memory import MemoryLedger
from platform_in_memory import Platform, platform
from usage_events import usage_event

STREAM = {"accept": "text/event-stream"}


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ticks come as fast as they can, and a stream has but a few."""
    monkeypatch.setattr(live, "TICK_SECONDS", 0.0)
    monkeypatch.setattr(live, "STREAM_SECONDS", 0.3)


async def call_now(running: Platform) -> str:
    """The id of a call that has just been made."""
    event = usage_event(timestamp=int(running.services.watch.clock() * 1000))
    await running.ledger.settle(Settlement("test", event, ()))
    return event.id


def events(data: bytes) -> list[tuple[str, str, Any]]:
    """Names, ids and contents of the events of a stream."""
    found = []
    for frame in data.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in frame.splitlines() if ": " in line)
        if "event" in fields:
            found.append(
                (fields["event"], fields.get("id", ""), msgspec.json.decode(fields["data"]))
            )
    return found


async def test_a_stream_ticks_and_ends_by_itself() -> None:
    async with platform() as running:
        answer = await running.call("GET", "/v1/live", headers=STREAM)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.data.startswith(b"retry: ")
    assert {name for name, _, _ in events(answer.data)} == {"tick"}
    assert answer.is_whole


async def test_a_new_call_is_hinted_at_once() -> None:
    async with platform() as running:
        newest = await call_now(running)
        answer = await running.call("GET", "/v1/live", headers=STREAM)
    changes = [content for name, _, content in events(answer.data) if name == "changed"]
    assert changes == [{"kind": "usage", "id": newest, "seq": 1}]
    assert events(answer.data)[-1][1] == newest


async def test_a_stream_that_is_resumed_tells_of_what_came_in_between_and_of_nothing_else() -> None:
    async with platform() as running:
        seen = await call_now(running)
        headers = STREAM | {"last-event-id": seen}
        answer = await running.call("GET", "/v1/live", headers=headers)
        assert {name for name, _, _ in events(answer.data)} == {"tick"}
        running.services.watch._known.clear()
        missed = await call_now(running)
        answer = await running.call("GET", "/v1/live", headers=headers)
    assert [content["id"] for name, _, content in events(answer.data) if name == "changed"] == [
        missed
    ]


class Away(MemoryLedger):
    async def events(self, *_: Any, **__: Any) -> list[UsageEvent]:
        raise Overloaded("the store is away")


async def test_while_the_store_is_away_the_stream_is_silent() -> None:
    async with platform() as running:
        running.services.watch.store = Away()
        answer = await running.call("GET", "/v1/live", headers=STREAM)
    assert (answer.status, events(answer.data)) == (200, [])


async def test_a_server_that_stops_does_not_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "STREAM_SECONDS", 3600.0)
    async with platform() as running:
        client = running.client("GET", "/v1/live", headers=STREAM)
        answering = asyncio.create_task(running.app(client.scope, client.receive, client.send))
        await client.is_answered.wait()
        client.scope[CLOSING] = True
        await answering
    assert client.is_whole


async def test_who_cannot_stream_asks_for_one_tick() -> None:
    async with platform() as running:
        newest = await call_now(running)
        answer = await running.call("GET", "/v1/live")
    assert answer.json["newest"] == newest
    assert answer.json["at"].endswith("Z")


async def test_only_administrators_hear() -> None:
    async with platform() as running:
        assert (await running.call("GET", "/v1/live", key=None)).status == 401
