"""What is said over one socket, as conversations without one."""

import asyncio
import json
from typing import Any

from conversations import talking
from fakes import FakeProvider, StreamStep
from headgate.core.chat import ChatDelta
from headgate.core.errors import Overloaded
from headgate.http.sockets.conversation import (
    AUTHENTICATE_SECONDS,
    MOST_REQUESTS,
    RESTARTING,
    TRY_LATER,
    UNAUTHENTICATED,
)
from platform_in_memory import ADMIN, chat, make_key, platform


async def test_a_completion_is_told_piece_by_piece_and_ends_once() -> None:
    async with platform() as here, talking(here) as talk:
        await talk.hear("complete", requestId="a", **chat("[[say one two]]"))
        *pieces, done = await talk.until_end()
        assert "".join(piece["content"] for piece in pieces) == "one two"
        assert {piece["requestId"] for piece in pieces} == {"a"}
        assert (done["requestId"], done["finishReason"]) == ("a", "stop")
        (event,) = here.ledger._events.values()
        assert event.request_id == done["callId"]
        assert done["usage"]["outputTokens"] == event.output_tokens
        # Its end has been said: the id may be used for another.
        await talk.hear("complete", requestId="a", **chat("[[say three]]"))
        assert (await talk.until_end())[0]["content"] == "three"


async def test_nothing_is_answered_before_authentication() -> None:
    async with platform() as here:
        for text in ('{"action":"ping"}', "no JSON", json.dumps({"action": "complete"})):
            async with talking(here, None) as talk:
                await talk.conversation.hear(text)
                assert (await talk.said()).code == UNAUTHENTICATED


async def test_a_wrong_key_ends_it() -> None:
    async with platform() as here, talking(here, None) as talk:
        await talk.hear("authenticate", apiKey="sk-proj-nobody-secret")
        assert (await talk.said()).code == UNAUTHENTICATED


async def test_who_does_not_authenticate_in_time_is_not_waited_for() -> None:
    async with platform() as here, talking(here, None) as talk:
        await talk.conversation.check()
        talk.now = AUTHENTICATE_SECONDS + 1
        await talk.conversation.check()
        assert (await talk.said()).code == UNAUTHENTICATED


async def test_a_socket_keeps_to_one_key() -> None:
    async with platform() as here:
        other = await make_key(here)
        async with talking(here) as talk:
            await talk.hear("authenticate", apiKey=ADMIN)
            assert (await talk.said())["type"] == "ready"
            await talk.hear("authenticate", apiKey=other)
            assert (await talk.said()).code == UNAUTHENTICATED


async def test_a_store_that_is_away_is_no_wrong_key() -> None:
    async with platform() as here:
        key = await make_key(here)
        store = here.services.keys.store

        async def fail(_: str) -> Any:
            raise Overloaded("the store is away", retry_after_seconds=1)

        async with talking(here, None) as talk:
            store.find = fail  # type: ignore[method-assign,assignment]
            await talk.hear("authenticate", apiKey=key)
            assert (await talk.said())["error"]["code"] == "overloaded"
            assert (await talk.said()).code == TRY_LATER


async def test_a_wrong_message_is_an_error_and_not_the_end() -> None:
    async with platform() as here, talking(here) as talk:
        await talk.hear("dance", requestId="a")
        wrong = await talk.said()
        assert (wrong["requestId"], wrong["error"]["code"]) == ("a", "invalid_request")
        await talk.conversation.hear(b"\xff")
        assert (await talk.said())["requestId"] is None
        await talk.hear("ping", requestId="b")
        assert await talk.said() == {"type": "pong", "requestId": "b"}


async def test_the_body_is_checked_as_over_http() -> None:
    async with platform() as here, talking(here) as talk:
        await talk.hear("complete", requestId="a", **chat("hi", temperature=9))
        wrong = await talk.said()
        assert (wrong["status"], wrong["error"]["param"]) == (400, "temperature")
        await talk.hear("complete", requestId="a", model="nobody", messages=chat("")["messages"])
        assert (await talk.said())["error"]["code"] == "model_not_found"


async def test_each_request_needs_the_scope_that_it_needs_over_http() -> None:
    async with platform() as here:
        key = await make_key(here, scopes=["usage:read"])
        async with talking(here, key) as talk:
            await talk.hear("complete", requestId="a", **chat("hi"))
            assert (await talk.said())["error"]["code"] == "insufficient_scope"
            await talk.hear("agent", requestId="b", type="react", input="hi")
            assert (await talk.said())["status"] == 403
            await talk.hear("subscribe", runId="run_1")
            assert (await talk.said())["status"] == 403


async def test_a_budget_holds_as_over_http() -> None:
    async with platform() as here:
        key = await make_key(here, monthlyBudget=0)
        async with talking(here, key) as talk:
            await talk.hear("complete", requestId="a", **chat("hi"))
            refused = await talk.said()
            assert (refused["status"], refused["error"]["code"]) == (402, "budget_exceeded")
            assert refused["error"]["budget"]["scope"] == "key"


async def test_a_cancelled_call_stops_the_vendor_and_is_billed_what_it_produced() -> None:
    vendor = FakeProvider("one", [ChatDelta(text="a"), asyncio.Event()])
    async with platform(vendor) as here, talking(here) as talk:
        await talk.hear("complete", requestId="a", **chat("hi", model="small"))
        assert (await talk.said())["content"] == "a"
        await talk.hear("cancel", requestId="a")
        done = await talk.said()
        assert (done["type"], done["requestId"], done["cancelled"]) == ("done", "a", True)
        assert vendor.streams[0].is_closed
        (event,) = here.ledger._events.values()
        assert (event.status, event.request_id) == ("cancelled", done["callId"])


async def test_a_call_that_is_cancelled_at_once_ends_too() -> None:
    async with platform(FakeProvider("one", asyncio.Event())) as here, talking(here) as talk:
        await talk.hear("complete", requestId="a", **chat("hi", model="small"))
        await talk.hear("cancel", requestId="a")
        await talk.hear("cancel", requestId="a")
        assert (await talk.said())["cancelled"] is True
        await talk.hear("ping")
        assert (await talk.said())["type"] == "pong"


async def test_what_is_not_under_way_cannot_be_cancelled_and_nothing_is_said() -> None:
    async with platform() as here, talking(here) as talk:
        await talk.hear("cancel", requestId="nothing")
        await talk.hear("ping")
        assert (await talk.said())["type"] == "pong"


async def test_requests_go_on_side_by_side() -> None:
    gate = asyncio.Event()
    vendor = FakeProvider("one", [gate, ChatDelta(text="late")], "soon")
    async with platform(vendor) as here, talking(here) as talk:
        await talk.hear("complete", requestId="a", **chat("hi", model="small"))
        await vendor.called.wait()
        await talk.hear("complete", requestId="b", **chat("hi", model="small"))
        assert {message["requestId"] for message in await talk.until_end()} == {"b"}
        gate.set()
        assert {message["requestId"] for message in await talk.until_end()} == {"a"}


async def test_an_id_stands_for_one_request_at_a_time() -> None:
    async with platform(FakeProvider("one", asyncio.Event())) as here, talking(here) as talk:
        for _ in range(2):
            await talk.hear("complete", requestId="a", **chat("hi", model="small"))
        assert (await talk.said())["error"]["code"] == "conflict"
        await talk.hear("cancel", requestId="a")
        assert (await talk.said())["cancelled"] is True


async def test_a_socket_has_so_many_requests_under_way_and_no_more() -> None:
    async with platform() as here:
        run = await here.call(
            "POST",
            "/v1/agents/run",
            {"type": "react", "model": "sandbox", "input": "[[delay 60000]]"},
        )
        run_id = run.json["runId"]
        async with talking(here) as talk:
            after = 1_000_000
            for number in range(MOST_REQUESTS):
                await talk.hear("subscribe", runId=run_id, requestId=f"{number}", after=after)
            await talk.hear("subscribe", runId=run_id, requestId="more", after=after)
            refused = await talk.said()
            assert (refused["requestId"], refused["status"]) == ("more", 429)


async def test_an_idempotency_key_makes_a_call_once_whatever_its_id() -> None:
    vendor = FakeProvider("one", "once")
    async with platform(vendor) as here, talking(here) as talk:
        told = []
        for request_id in ("a", "b"):
            body = chat("hi", model="small", idempotencyKey="k")
            await talk.hear("complete", requestId=request_id, **body)
            told.append(await talk.until_end())
        assert len(vendor.chats) == 1
        assert len(here.ledger._events.values()) == 1
        names = {"requestId", "callId"}
        first, second = (
            [{name: value for name, value in said.items() if name not in names} for said in all_]
            for all_ in told
        )
        assert first == second
        await talk.hear(
            "complete", requestId="c", **chat("other", model="small", idempotencyKey="k")
        )
        assert (await talk.said())["error"]["code"] == "idempotency_conflict"


async def test_a_request_id_is_no_idempotency_key() -> None:
    vendor = FakeProvider("one", "again")
    async with platform(vendor) as here, talking(here) as talk:
        for _ in range(2):
            await talk.hear("complete", requestId="a", **chat("hi", model="small"))
            await talk.until_end()
        assert len(vendor.chats) == 2


async def test_a_revoked_key_ends_the_conversation_and_what_is_under_way() -> None:
    vendor = FakeProvider("one", [ChatDelta(text="a"), asyncio.Event()])
    async with platform(vendor) as here:
        key = await make_key(here)
        async with talking(here, key) as talk:
            await talk.hear("complete", requestId="a", **chat("hi", model="small"))
            assert (await talk.said())["type"] == "delta"
            await here.services.keys.revoke(key.rpartition("-")[0])
            await talk.conversation.check()
            refused = await talk.said()
            assert (refused["requestId"], refused["error"]["code"]) == ("a", "invalid_api_key")
            assert (await talk.said()).code == UNAUTHENTICATED
        assert vendor.streams[0].is_closed


async def test_a_revoked_key_begins_nothing_more() -> None:
    async with platform() as here:
        key = await make_key(here)
        async with talking(here, key) as talk:
            await here.services.keys.revoke(key.rpartition("-")[0])
            await talk.hear("complete", requestId="a", **chat("hi"))
            assert (await talk.said())["error"]["code"] == "invalid_api_key"
            assert (await talk.said()).code == UNAUTHENTICATED


async def test_a_vendor_that_breaks_off_ends_the_request_with_an_error() -> None:
    broken: list[StreamStep] = [ChatDelta(text="a"), RuntimeError("a fault")]
    async with platform(FakeProvider("one", broken)) as here:
        async with talking(here) as talk:
            await talk.hear("complete", requestId="a", **chat("hi", model="small"))
            piece, wrong = await talk.until_end()
            assert (piece["type"], wrong["error"]["code"]) == ("delta", "internal_error")
        assert here.services.activity.calls == 0


async def test_a_run_is_begun_and_followed_to_its_end_and_again() -> None:
    async with platform() as here, talking(here) as talk:
        await talk.hear("agent", requestId="a", type="react", model="sandbox", input="Hi")
        *events, done = await talk.until_end()
        assert [told["event"]["seq"] for told in events] == list(range(1, len(events) + 1))
        assert events[-1]["event"]["type"] == "run.finished"
        assert (done["type"], done["runId"]) == ("done", events[0]["runId"])
        await talk.hear("subscribe", runId=done["runId"], after=2)
        *again, _ = await talk.until_end()
        assert [told["event"] for told in again] == [told["event"] for told in events[2:]]
        assert {told["requestId"] for told in again} == {done["runId"]}


async def test_who_cancels_a_run_that_the_request_began_stops_it() -> None:
    async with platform() as here, talking(here) as talk:
        body = {"type": "react", "model": "sandbox", "input": "[[delay 60000]]"}
        await talk.hear("agent", requestId="a", **body)
        run_id = (await talk.said())["runId"]
        await talk.hear("cancel", requestId="a")
        done = (await talk.until_end())[-1]
        assert (done["cancelled"], done["runId"]) == (True, run_id)
        await talk.hear("subscribe", runId=run_id)
        *_, last, _ = await talk.until_end()
        assert last["event"]["type"] == "run.cancelled"


async def test_who_cancels_a_subscription_leaves_the_run_alone() -> None:
    async with platform() as here, talking(here) as talk:
        body = {"type": "react", "model": "sandbox", "input": "[[delay 60000]]"}
        run = await here.call("POST", "/v1/agents/run", body)
        run_id = run.json["runId"]
        await talk.hear("subscribe", runId=run_id)
        assert (await talk.said())["event"]["seq"] == 1
        await talk.hear("cancel", requestId=run_id)
        assert (await talk.until_end())[-1]["cancelled"] is True
        shown = await here.call("GET", f"/v1/agents/runs/{run_id}")
        assert shown.json["status"] != "cancelled"


async def test_others_runs_are_not_there() -> None:
    async with platform() as here:
        run = await here.call(
            "POST", "/v1/agents/run", {"type": "react", "model": "sandbox", "input": "Hi"}
        )
        key = await make_key(here, scopes=["agent:run"])
        async with talking(here, key) as talk:
            for run_id in (run.json["runId"], "nothing", "a/b", "../x"):
                await talk.hear("subscribe", runId=run_id)
                assert (await talk.said())["error"]["code"] == "not_found"


async def test_a_server_that_stops_ends_what_is_under_way_first() -> None:
    gate = asyncio.Event()
    vendor = FakeProvider("one", [ChatDelta(text="a"), gate, ChatDelta(text="b")])
    async with platform(vendor) as here, talking(here) as talk:
        await talk.hear("complete", requestId="a", **chat("hi", model="small"))
        assert (await talk.said())["content"] == "a"
        talk.is_closing = True
        await talk.conversation.check()
        await talk.hear("complete", requestId="b", **chat("hi", model="small"))
        assert (await talk.said())["error"]["code"] == "overloaded"
        gate.set()
        assert [told["type"] for told in await talk.until_end()] == ["delta", "done"]
        await talk.conversation.check()
        assert (await talk.said()).code == RESTARTING


async def test_who_leaves_stops_the_vendor() -> None:
    vendor = FakeProvider("one", [ChatDelta(text="a"), asyncio.Event()])
    async with platform(vendor) as here:
        async with talking(here) as talk:
            await talk.hear("complete", requestId="a", **chat("hi", model="small"))
            await talk.said()
        assert vendor.streams[0].is_closed
        assert [event.status for event in here.ledger._events.values()] == ["cancelled"]
        assert here.services.activity.calls == 0


async def test_a_resumable_answer_outlives_its_socket_but_not_its_cancellation() -> None:
    gate = asyncio.Event()
    vendor = FakeProvider("one", [ChatDelta(text="a"), gate, ChatDelta(text="b")])
    async with platform(vendor) as here:
        async with talking(here) as talk:
            body = chat("hi", model="small", resumable=True)
            await talk.hear("complete", requestId="a", **body)
            first = await talk.said()
            assert (first["content"], first["seq"]) == ("a", 1)
        gate.set()
        again = await here.call(
            "GET", f"/v1/stream/{first['callId']}", headers={"last-event-id": "1"}
        )
        assert [line for line in again.data.split(b"\n") if line.startswith(b"id")] == [
            b"id: 2",
            b"id: 3",
        ]
        gate.clear()
        async with talking(here) as talk:
            await talk.hear("complete", requestId="a", **body)
            first = await talk.said()
            await talk.hear("cancel", requestId="a")
            assert (await talk.said())["cancelled"] is True
            gone = await here.call("GET", f"/v1/stream/{first['callId']}")
            assert gone.status == 404
