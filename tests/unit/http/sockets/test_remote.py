"""Sockets that another service keeps open: each message is heard alone, by whoever is free."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from fakes import FakeProvider, FakeStream, words
from headgate.bootstrap.telemetry import Telemetry
from headgate.core.chat import ChatDelta, ChatRequest
from headgate.core.errors import InvalidKey, Overloaded, RequestTooLarge
from headgate.core.sockets import SocketGone, SocketRequest
from headgate.core.watching import RequestRecord
from headgate.http.routes import RouteTable
from headgate.http.sockets.remote import OVERTAKEN_SECONDS, PAUSE_SECONDS, Frame, RemoteSockets
from headgate.http.table import routes
from headgate.stores.memory_sockets import MemorySockets
from platform_in_memory import ADMIN, Platform, chat, make_key, platform
from seen_spans import Seen

SOCKET = "L0SM9cOFvHcCIhw="
FAR = 3600.0


@dataclass
class Caller:
    """Who is at the other end: what was told, and whether the connection stands.

    Attributes:
        failing: what sending raises instead, message by message.
        opens_after: how many messages are lost before the connection takes any.
    """

    told: list[dict[str, Any]] = field(default_factory=list)
    is_there: bool = True
    is_closed: bool = False
    failing: list[Exception] = field(default_factory=list)
    opens_after: int = 0
    more: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, socket_id: str, message: bytes) -> None:
        assert socket_id == SOCKET
        if not self.is_there or self.opens_after > 0:
            self.opens_after -= 1
            raise SocketGone
        if self.failing:
            raise self.failing.pop(0)
        self.told.append(json.loads(message))
        self.more.set()

    async def close(self, socket_id: str) -> None:
        assert socket_id == SOCKET
        self.is_closed = True

    async def wait_for(self, kind: str) -> dict[str, Any]:
        """The first message of a kind, once it has come."""
        while True:
            for message in self.told:
                if message["type"] == kind:
                    return message
            self.more.clear()
            await self.more.wait()


@dataclass
class Line:
    """The platform and a caller, and what lies between them."""

    here: Platform
    caller: Caller = field(default_factory=Caller)
    store: MemorySockets = field(default_factory=MemorySockets)
    paused: list[float] = field(default_factory=list)
    now: int = 1000
    sockets: RemoteSockets = field(init=False)

    def __post_init__(self) -> None:
        self.sockets = RemoteSockets(
            RouteTable(routes()),
            self.here.services,
            self.store,
            self.caller,
            self._pause,
            watch_seconds=0.0,
            gather_seconds=0.0,
        )

    async def _pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        await asyncio.sleep(0)

    async def hear(self, action: str, *, seconds: float = FAR, **fields: Any) -> None:
        """One message, answered to its end."""
        await self.hear_text(json.dumps({"action": action, **fields}), seconds=seconds)

    async def hear_text(self, text: str, *, seconds: float = FAR) -> None:
        self.now += 1
        ends_at = asyncio.get_running_loop().time() + seconds
        await self.sockets.hear(Frame(SOCKET, text.encode(), self.now, ends_at))


@contextlib.asynccontextmanager
async def connected(
    here: Platform,
    key: str | None = ADMIN,
    *,
    caller: Caller | None = None,
    store: MemorySockets | None = None,
) -> AsyncIterator[Line]:
    line = Line(here, caller or Caller(), store or MemorySockets())
    headers = {} if key is None else {b"authorization": f"Bearer {key}".encode()}
    owner = await line.sockets.connect(SOCKET, headers)
    if owner is not None:
        await line.sockets.welcome(SOCKET, owner)
        assert line.caller.told.pop()["type"] == "ready"
    yield line


async def test_a_header_says_whose_it_is_and_its_caller_is_welcomed_once_it_listens() -> None:
    """Until the connection stands, which takes a moment, messages for it are lost."""
    async with platform() as here:
        line = Line(here, Caller(opens_after=3))
        owner = await line.sockets.connect(SOCKET, {b"x-api-key": ADMIN.encode()})
        assert owner is not None
        await line.sockets.welcome(SOCKET, owner)
        assert line.caller.told == [{"type": "ready", "keyId": "sk-proj-admin"}]
        assert line.paused == [PAUSE_SECONDS] * 3


async def test_a_caller_who_never_listens_is_forgotten() -> None:
    async with platform() as here:
        line = Line(here, Caller(is_there=False))
        owner = await line.sockets.connect(SOCKET, {b"x-api-key": ADMIN.encode()})
        assert owner is not None
        await line.sockets.welcome(SOCKET, owner)
        with pytest.raises(SocketGone):
            await line.store.owner(SOCKET)


async def test_a_wrong_key_in_a_header_opens_nothing() -> None:
    async with platform() as here:
        line = Line(here)
        with pytest.raises(InvalidKey):
            await line.sockets.connect(SOCKET, {b"authorization": b"Bearer sk-proj-nobody"})
        with pytest.raises(SocketGone):
            await line.store.owner(SOCKET)


async def test_the_first_message_may_say_whose_it_is() -> None:
    async with platform() as here, connected(here, None) as line:
        await line.hear("authenticate", apiKey=ADMIN)
        assert line.caller.told == [{"type": "ready", "keyId": "sk-proj-admin"}]
        await line.hear("ping", requestId="p")
        assert line.caller.told[-1] == {"type": "pong", "requestId": "p"}


@pytest.mark.parametrize("text", ['{"action":"ping"}', "no JSON", '{"action":"complete"}'])
async def test_without_a_key_nothing_is_answered_and_the_connection_ends(text: str) -> None:
    async with platform() as here, connected(here, None) as line:
        await line.hear_text(text)
        (told,) = line.caller.told
        assert (told["type"], told["error"]["code"]) == ("error", "invalid_api_key")
        assert line.caller.is_closed
        assert sum(line.paused) == pytest.approx(OVERTAKEN_SECONDS)


async def test_a_wrong_key_in_a_message_ends_the_connection() -> None:
    async with platform() as here, connected(here, None) as line:
        await line.hear("authenticate", apiKey="sk-proj-nobody-secret")
        assert line.caller.told[0]["error"]["code"] == "invalid_api_key"
        assert line.caller.is_closed


async def test_a_message_waits_for_the_key_that_it_has_overtaken() -> None:
    async with platform() as here, connected(here, None) as line:
        asking = asyncio.create_task(line.hear("ping"))
        await asyncio.sleep(0)
        assert not line.caller.told
        await line.hear("authenticate", apiKey=ADMIN)
        await asking
        assert [told["type"] for told in line.caller.told] == ["ready", "pong"]


async def test_a_socket_keeps_to_one_key() -> None:
    async with platform() as here:
        other = await make_key(here)
        async with connected(here) as line:
            await line.hear("authenticate", apiKey=other)
            assert line.caller.told[0]["error"]["code"] == "invalid_api_key"
            assert line.caller.is_closed


async def test_a_completion_is_told_in_order_and_ends_once() -> None:
    async with platform() as here, connected(here) as line:
        await line.hear("complete", requestId="a", **chat("[[say one two three four five]]"))
        *pieces, done = line.caller.told
        assert "".join(piece["content"] for piece in pieces) == "one two three four five"
        assert {piece["requestId"] for piece in pieces} == {"a"}
        assert (done["type"], done["usage"]["outputTokens"]) == ("done", 5)
        (event,) = here.ledger._events.values()
        assert (event.status, event.request_id) == ("ok", done["callId"])


async def test_while_a_message_is_on_its_way_texts_become_one() -> None:
    """A message costs, and a caller reads no faster than they arrive."""
    made = asyncio.Event()

    class Slow(Caller):
        async def send(self, socket_id: str, message: bytes) -> None:
            if b"delta" in message:
                await made.wait()
            await Caller.send(self, socket_id, message)

    class Script(FakeStream):
        async def aclose(self) -> None:
            await FakeStream.aclose(self)
            made.set()

    class Vendor(FakeProvider):
        def stream(self, request: ChatRequest, *, idempotency_key: str) -> FakeStream:
            return Script(words("a b c d e f g h"))

    async with platform(Vendor("one")) as here, connected(here, caller=Slow()) as line:
        await line.hear("complete", requestId="a", **chat("hi", model="small"))
        assert [told.get("content") for told in line.caller.told] == ["a", "bcdefgh", None]


async def test_a_cancel_comes_by_another_message_and_stops_the_vendor() -> None:
    vendor = FakeProvider("one", [ChatDelta(text="a"), asyncio.Event()])
    async with platform(vendor) as here, connected(here) as line:
        asking = asyncio.create_task(
            line.hear("complete", requestId="a", **chat("hi", model="small"))
        )
        await line.caller.wait_for("delta")
        await line.hear("cancel", requestId="a")
        await asking
        done = line.caller.told[-1]
        assert (done["type"], done["requestId"], done["cancelled"]) == ("done", "a", True)
        assert vendor.streams[0].is_closed
        (event,) = here.ledger._events.values()
        assert (event.status, event.request_id) == ("cancelled", done["callId"])


async def test_a_cancel_that_overtakes_its_request_still_stops_it() -> None:
    vendor = FakeProvider("one", asyncio.Event())
    async with platform(vendor) as here, connected(here) as line:
        line.now += 10
        await line.hear("cancel", requestId="a")
        line.now -= 10
        await line.hear("complete", requestId="a", **chat("hi", model="small"))
        assert line.caller.told[-1]["cancelled"] is True


async def test_an_id_may_be_used_again_once_its_end_was_told() -> None:
    vendor = FakeProvider("one", asyncio.Event(), "again")
    async with platform(vendor) as here, connected(here) as line:
        body = chat("hi", model="small")
        first = asyncio.create_task(line.hear("complete", requestId="a", **body))
        await vendor.called.wait()
        await line.hear("complete", requestId="a", **body)
        assert line.caller.told[0]["error"]["code"] == "conflict"
        await line.hear("cancel", requestId="a")
        await first
        await line.hear("complete", requestId="a", **body)
        assert line.caller.told[-1]["type"] == "done"
        assert "cancelled" not in line.caller.told[-1]


async def test_its_requests_are_watched_as_all_others_are() -> None:
    seen, records = Seen(), list[RequestRecord]()
    telemetry = Telemetry(seen.tracer, logs_requests=True, told=(records.append,))
    vendor = FakeProvider("one", "soon", asyncio.Event())
    async with platform(vendor, telemetry=telemetry) as here, connected(here) as line:
        body = chat("hi", model="small")
        await line.hear("complete", requestId="a", **body)
        vendor.called.clear()
        waiting = asyncio.create_task(line.hear("complete", requestId="b", **body))
        await vendor.called.wait()
        await line.hear("complete", requestId="b", **body)
        await line.hear("cancel", requestId="b")
        await waiting
    assert [record.status for record in records] == [200, 409, 499]
    assert {(record.method, record.route) for record in records} == {("WS", "/v1/stream")}
    assert [len(record.calls) for record in records] == [1, 0, 1]
    assert {record.key_id for record in records} == {"sk-proj-admin"}
    spans = {span.context.span_id: span for span in seen.spans}
    calls = [span for span in seen.spans if span.name == "chat small"]
    assert [spans[call.parent.span_id].name for call in calls] == ["WS complete"] * 2
    said = [span.attributes for span in seen.spans if span.name == "WS complete"]
    assert [one["headgate.request.id"] for one in said] == [one.request_id for one in records]


async def test_when_its_socket_ends_an_answer_stops_though_the_vendor_is_silent() -> None:
    vendor = FakeProvider("one", [ChatDelta(text="a"), asyncio.Event()])
    async with platform(vendor) as here, connected(here) as line:
        asking = asyncio.create_task(
            line.hear("complete", requestId="a", **chat("hi", model="small"))
        )
        await line.caller.wait_for("delta")
        await line.sockets.disconnect(SOCKET)
        await asking
        assert vendor.streams[0].is_closed
        (event,) = here.ledger._events.values()
        assert event.status == "cancelled"
        assert [told["type"] for told in line.caller.told] == ["delta"]


async def test_where_nobody_takes_a_message_any_more_its_socket_is_forgotten() -> None:
    """AWS may not say that a connection has closed; the next message for it shows that."""
    gate = asyncio.Event()
    vendor = FakeProvider("one", [ChatDelta(text="a"), gate, ChatDelta(text="b"), asyncio.Event()])
    async with platform(vendor) as here, connected(here) as line:
        asking = asyncio.create_task(
            line.hear("complete", requestId="a", **chat("hi", model="small"))
        )
        await line.caller.wait_for("delta")
        line.caller.is_there = False
        gate.set()
        await asking
        assert vendor.streams[0].is_closed
        with pytest.raises(SocketGone):
            await line.store.owner(SOCKET)


async def test_a_caller_who_takes_nothing_is_hung_up_on(caplog: pytest.LogCaptureFixture) -> None:
    """Half an answer that went on later would be taken for a whole one."""
    vendor = FakeProvider("one", [ChatDelta(text="a"), asyncio.Event()])
    async with platform(vendor) as here, connected(here) as line:
        line.caller.failing = [Overloaded("it takes no messages")]
        await line.hear("complete", requestId="a", **chat("hi", model="small"))
        assert vendor.streams[0].is_closed
        assert line.caller.is_closed
        assert "not taken" in caplog.text


async def test_what_is_too_long_for_a_message_ends_the_request_with_an_error() -> None:
    async with platform(FakeProvider("one", "a b")) as here, connected(here) as line:
        line.caller.failing = [RequestTooLarge("a message has at most so many bytes")]
        await line.hear("complete", requestId="a", **chat("hi", model="small"))
        (told,) = line.caller.told
        assert (told["type"], told["error"]["code"]) == ("error", "request_too_large")


async def test_a_revoked_key_ends_its_answers_and_its_socket() -> None:
    vendor = FakeProvider("one", [ChatDelta(text="a"), asyncio.Event()])
    async with platform(vendor) as here:
        key = await make_key(here)
        async with connected(here, key) as line:
            asking = asyncio.create_task(
                line.hear("complete", requestId="a", **chat("hi", model="small"))
            )
            await line.caller.wait_for("delta")
            await here.services.keys.revoke(key.rpartition("-")[0])
            await asking
            errors = [told for told in line.caller.told if told["type"] == "error"]
            assert {told["error"]["code"] for told in errors} == {"invalid_api_key"}
            assert errors[0]["requestId"] == "a"
            assert line.caller.is_closed
            assert vendor.streams[0].is_closed


async def test_a_revoked_key_begins_nothing_more() -> None:
    async with platform() as here:
        key = await make_key(here)
        async with connected(here, key) as line:
            await here.services.keys.revoke(key.rpartition("-")[0])
            await line.hear("complete", requestId="a", **chat("hi"))
            assert line.caller.told[0]["error"]["code"] == "invalid_api_key"
            assert line.caller.is_closed


async def test_an_answer_that_takes_too_long_ends_in_an_error_and_is_settled() -> None:
    vendor = FakeProvider("one", [ChatDelta(text="a"), asyncio.Event()])
    async with platform(vendor) as here, connected(here) as line:
        await line.hear("complete", requestId="a", seconds=0.5, **chat("hi", model="small"))
        piece, told = line.caller.told
        assert piece["content"] == "a"
        assert (told["type"], told["error"]["code"]) == ("error", "upstream_timeout")
        assert vendor.streams[0].is_closed
        (event,) = here.ledger._events.values()
        assert (event.status, event.output_tokens) == ("incomplete", 1)


async def test_a_subscription_that_takes_too_long_says_to_come_again() -> None:
    async with platform() as here, connected(here) as line:
        body = {"type": "react", "model": "sandbox", "input": "[[delay 60000]]"}
        await line.hear("agent", requestId="a", seconds=0.5, **body)
        *events, told = line.caller.told
        assert (told["status"], told["retryAfter"]) == (503, 1)
        assert "subscribe again" in told["error"]["message"]
        run = await here.call("GET", f"/v1/agents/runs/{events[0]['runId']}")
        assert run.json["status"] in {"queued", "running"}
        await here.call("POST", f"/v1/agents/runs/{events[0]['runId']}/cancel")


async def test_a_run_is_followed_by_whoever_subscribes() -> None:
    async with platform() as here, connected(here) as line:
        await line.hear("agent", requestId="a", type="react", model="sandbox", input="Hi")
        *events, done = line.caller.told
        assert [told["event"]["seq"] for told in events] == list(range(1, len(events) + 1))
        assert (done["type"], done["runId"]) == ("done", events[0]["runId"])
        line.caller.told.clear()
        await line.hear("subscribe", runId=done["runId"], after=2)
        *again, last = line.caller.told
        assert [told["event"] for told in again] == [told["event"] for told in events[2:]]
        assert last["type"] == "done"


async def test_a_wrong_message_is_an_error_and_not_the_end() -> None:
    async with platform() as here, connected(here) as line:
        await line.hear("dance", requestId="a")
        (told,) = line.caller.told
        assert (told["requestId"], told["error"]["code"]) == ("a", "invalid_request")
        assert not line.caller.is_closed


async def test_a_store_that_is_away_is_said_so() -> None:
    class Away(MemorySockets):
        async def begin(self, request: SocketRequest) -> bool:
            raise Overloaded("the store is away", retry_after_seconds=1)

    async with platform() as here, connected(here, store=Away()) as line:
        await line.hear("complete", requestId="a", **chat("hi"))
        (told,) = line.caller.told
        assert (told["requestId"], told["error"]["code"]) == ("a", "overloaded")
        assert not line.caller.is_closed


async def test_after_an_answer_nothing_of_it_goes_on() -> None:
    async with platform() as here, connected(here) as line:
        before = asyncio.all_tasks()
        await line.hear("complete", requestId="a", **chat("[[tokens 5]]"))
        # Whatever ticks meanwhile waits anew, by another task in the place of the old one.
        assert len(asyncio.all_tasks()) <= len(before)
        assert not line.store._open
