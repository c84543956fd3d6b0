"""Requests of sockets are watched as those over HTTP are."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import NamedTuple

from conversations import Talk, talking
from fakes import FakeProvider, StreamStep
from headgate.bootstrap.telemetry import Telemetry
from headgate.core.chat import ChatDelta
from headgate.core.models import Provider, ProviderBroke
from headgate.core.watching import RequestRecord
from platform_in_memory import ADMIN, Platform, chat, make_key, platform
from seen_spans import Seen

CALLERS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE = int(CALLERS.split("-")[1], 16)


class Watched(NamedTuple):
    """A platform that is watched, what is told of its requests, and its spans."""

    here: Platform
    records: list[RequestRecord]
    seen: Seen

    @property
    def statuses(self) -> list[int]:
        return [record.status for record in self.records if record.method == "WS"]


@contextlib.asynccontextmanager
async def watched(*providers: Provider) -> AsyncIterator[Watched]:
    seen, records = Seen(), list[RequestRecord]()
    telemetry = Telemetry(seen.tracer, logs_requests=True, told=(records.append,))
    async with platform(*providers, telemetry=telemetry) as here:
        yield Watched(here, records, seen)


async def asked(talk: Talk, **fields: object) -> None:
    await talk.hear("complete", **{"requestId": "a", **chat("hi", model="small"), **fields})


async def test_a_request_is_told_by_its_row_its_key_its_end_and_its_calls() -> None:
    async with watched() as all_, talking(all_.here) as talk:
        await talk.hear("complete", requestId="a", **chat("[[say one two]]"))
        done = (await talk.until_end())[-1]
        await talk.conversation.aclose()
        (record,) = all_.records
        assert record[:4] == (done["callId"], "WS", "/v1/stream", 200)
        assert record.key_id == "sk-proj-admin"
        assert record.seconds > 0
        (call,) = record.calls
        assert (call.request_id, call.output_tokens) == (done["callId"], 2)


async def test_requests_at_once_have_each_its_own_calls() -> None:
    gate = asyncio.Event()
    vendor = FakeProvider("one", [gate, ChatDelta(text="late")], "soon")
    async with watched(vendor) as all_, talking(all_.here) as talk:
        await asked(talk)
        await vendor.called.wait()
        await asked(talk, requestId="b")
        await talk.until_end()
        gate.set()
        await talk.until_end()
        await talk.conversation.aclose()
        calls = [[call.request_id for call in record.calls] for record in all_.records]
        assert calls == [[record.request_id] for record in all_.records]
        assert len({record.request_id for record in all_.records}) == 2


async def test_its_calls_hang_under_its_span_in_the_trace_that_its_message_names() -> None:
    async with watched() as all_, talking(all_.here) as talk:
        await talk.hear("complete", requestId="a", traceparent=CALLERS, **chat("hi"))
        done = (await talk.until_end())[-1]
        await talk.conversation.aclose()
        request, call = all_.seen.one("WS complete"), all_.seen.one("chat sandbox")
        assert (request.context.trace_id, f"{request.parent.span_id:016x}") == (
            *(TRACE, CALLERS.split("-")[2]),
        )
        assert call.parent.span_id == request.context.span_id
        said = request.attributes
        assert (said["rpc.method"], said["rpc.response.status_code"]) == ("complete", "200")
        assert said["headgate.request.id"] == done["callId"]


async def test_a_run_that_a_message_orders_belongs_to_its_trace() -> None:
    async with watched() as all_, talking(all_.here) as talk:
        body = {"type": "react", "model": "sandbox", "input": "Hi", "traceparent": CALLERS}
        await talk.hear("agent", requestId="a", **body)
        done = (await talk.until_end())[-1]
        await talk.conversation.aclose()
        run = await all_.here.services.runs.journal.store.get(done["runId"])
        assert run is not None
        request = all_.seen.one("WS agent")
        assert run.request.trace == f"00-{TRACE:032x}-{request.context.span_id:016x}-01"
        assert [record.route for record in all_.records] == ["/v1/agents/stream"]


async def test_a_trace_that_makes_no_sense_is_passed_over() -> None:
    async with watched() as all_, talking(all_.here) as talk:
        await talk.hear("complete", requestId="a", traceparent="nonsense", **chat("hi"))
        assert (await talk.until_end())[-1]["type"] == "done"
        await talk.conversation.aclose()
        assert all_.seen.one("WS complete").parent is None


async def test_the_same_call_in_another_trace_is_the_same_call() -> None:
    vendor = FakeProvider("one", "once")
    async with watched(vendor) as all_, talking(all_.here) as talk:
        for trace in (None, CALLERS):
            await asked(talk, idempotencyKey="k", traceparent=trace)
            assert (await talk.until_end())[-1]["type"] == "done"
        assert len(vendor.chats) == 1


async def test_what_a_request_is_refused_for_is_its_status() -> None:
    async with watched(FakeProvider("one", asyncio.Event())) as all_:
        poor = await make_key(all_.here, monthlyBudget=0)
        async with talking(all_.here, poor) as talk:
            await asked(talk, **chat("hi"))
            await asked(talk, requestId="b", temperature=9)
            await asked(talk, requestId="c", model="nobody")
            await talk.hear("subscribe", runId="run_1")
            for _ in range(4):
                await talk.said()
            await talk.conversation.aclose()
            assert sorted(all_.statuses) == [400, 402, 403, 404]
        async with talking(all_.here) as talk:
            for _ in range(2):
                await asked(talk)
            await talk.said()
            assert all_.statuses[4:] == [409]


async def test_an_answer_that_broke_off_is_a_failure_though_it_had_begun() -> None:
    async def status_after(*steps: StreamStep) -> int:
        async with watched(FakeProvider("one", list(steps))) as all_, talking(all_.here) as talk:
            await asked(talk)
            assert (await talk.until_end())[-1]["type"] == "error"
            await talk.conversation.aclose()
            assert not all_.seen.one("WS complete").status.is_ok
            return all_.statuses[0]

    assert await status_after(ChatDelta(text="a"), ProviderBroke("it broke")) == 502
    assert await status_after(ChatDelta(text="a"), RuntimeError("a fault")) == 500


async def test_who_cancels_or_leaves_is_no_failure_of_ours() -> None:
    for leaves in (False, True):
        vendor = FakeProvider("one", [ChatDelta(text="a"), asyncio.Event()])
        async with watched(vendor) as all_, talking(all_.here) as talk:
            await asked(talk)
            await talk.said()
            if not leaves:
                await talk.hear("cancel", requestId="a")
                await talk.said()
            await talk.conversation.aclose()
            assert all_.statuses == [499]
            span = all_.seen.one("WS complete")
            assert span.attributes["rpc.response.status_code"] == "499"
            assert "error.type" not in span.attributes
            (call,) = all_.records[0].calls
            assert call.status == "cancelled"


async def test_a_key_that_ends_and_a_server_that_stops_are_told() -> None:
    async with watched(FakeProvider("one", asyncio.Event())) as all_:
        key = await make_key(all_.here)
        async with talking(all_.here, key) as talk:
            await asked(talk)
            await all_.here.services.keys.revoke(key.rpartition("-")[0])
            await talk.conversation.check()
        async with talking(all_.here) as talk:
            talk.is_closing = True
            await asked(talk)
        assert all_.statuses == [401, 503]


async def test_a_subscription_is_a_request_too_and_the_socket_itself_is_none() -> None:
    async with watched() as all_:
        run = await all_.here.call(
            "POST", "/v1/agents/run", {"type": "react", "model": "sandbox", "input": "Hi"}
        )
        async with talking(all_.here, ADMIN) as talk:
            await talk.hear("ping")
            await talk.said()
            await talk.hear("subscribe", runId=run.json["runId"])
            await talk.until_end()
        (record,) = [record for record in all_.records if record.method == "WS"]
        assert (record.route, record.status) == ("/v1/agents/runs/{runId}/events", 200)


async def test_what_is_told_of_a_request_belongs_to_its_trace() -> None:
    seen, parents = Seen(), list[str | None]()
    told = (lambda _: parents.append(seen.tracer.parent()),)
    telemetry = Telemetry(seen.tracer, told=told)
    async with platform(telemetry=telemetry) as here, talking(here) as talk:
        await talk.hear("complete", requestId="a", traceparent=CALLERS, **chat("hi"))
        await talk.until_end()
        await talk.conversation.aclose()
    assert parents == [f"00-{TRACE:032x}-{seen.one('WS complete').context.span_id:016x}-01"]
    assert seen.tracer.parent() is None
