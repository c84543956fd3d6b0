"""Traces as a collector gets them, of work that is done on fakes."""

import contextlib
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from agent_desk import KEY, AgentDesk, agent_desk
from fakes import FakeProvider
from gateway_desk import CALLER, Desk, asks
from headgate.core.models import ProviderRefused
from headgate.core.runs import Run, RunRequest
from headgate.telemetry.tracing import otlp_tracer
from headgate.tools.declaration import tool
from otlp_collector import collecting
from seen_spans import Seen
from usage_events import usage_event

CALLERS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE = CALLERS.split("-")[1]


def trace_of(span: Any) -> str:
    return f"{span.context.trace_id:032x}"


def test_a_call_says_what_it_took_in_the_terms_of_the_conventions() -> None:
    seen = Seen()
    ended = seen.tracer.began("bedrock", "small", "stream")
    event = usage_event(
        model="small", input_tokens=7, output_tokens=3, cost=1_500_000_000, first_token_ms=250
    )
    ended(event, None)
    span = seen.one("chat small")
    said = span.attributes
    assert said["gen_ai.operation.name"] == "chat"
    assert said["gen_ai.provider.name"] == "aws.bedrock"
    assert (said["gen_ai.request.model"], said["gen_ai.response.model"]) == ("small", "small")
    assert (said["gen_ai.usage.input_tokens"], said["gen_ai.usage.output_tokens"]) == (7, 3)
    assert said["gen_ai.response.time_to_first_chunk"] == 0.25
    assert said["headgate.cost.usd"] == 1.5
    assert said["headgate.key.id"] == event.key_id
    assert span.status.is_ok or span.status.is_unset


async def test_each_try_of_a_call_is_a_span_that_says_why_it_failed() -> None:
    seen = Seen()
    first = FakeProvider("first", ProviderRefused("overloaded", "busy"))
    desk = Desk(first, FakeProvider("second"), aliases={"both": ["first/small", "second/small"]})
    dispatcher = dataclasses.replace(desk.gateway.dispatcher, watch=seen.tracer.calls)
    gateway = dataclasses.replace(desk.gateway, dispatcher=dispatcher)
    await gateway.complete(CALLER, asks(model="both"))
    failed, answered = seen.spans
    assert failed.attributes["error.type"] == "overloaded"
    assert not failed.status.is_ok
    assert failed.attributes["headgate.cost.usd"] == 0.0
    assert "error.type" not in answered.attributes
    assert failed.attributes["headgate.request.id"] == CALLER.request_id


def test_a_request_goes_on_with_the_trace_of_its_caller() -> None:
    seen = Seen()
    with seen.tracer.request("POST", "/v1/complete", {b"traceparent": CALLERS.encode()}) as span:
        seen.tracer.began("openai", "small", "whole")(usage_event(), None)
        handed_on = seen.tracer.parent()
        span.answered(200, "req_7")
    request, call = seen.one("POST /v1/complete"), seen.one("chat small")
    assert trace_of(request) == trace_of(call) == TRACE
    assert f"{request.parent.span_id:016x}" == CALLERS.split("-")[2]
    assert call.parent.span_id == request.context.span_id
    assert handed_on == f"00-{TRACE}-{request.context.span_id:016x}-01"
    assert request.attributes["headgate.request.id"] == "req_7"


def test_a_header_that_makes_no_sense_begins_a_trace_of_its_own() -> None:
    seen = Seen()
    with seen.tracer.request("GET", "/health", {b"traceparent": b"00-nonsense\xff"}) as span:
        span.answered(503, "req_8")
    (request,) = seen.spans
    assert request.parent is None
    assert request.attributes["error.type"] == "503"
    assert seen.tracer.parent() is None


def test_who_does_not_want_a_trace_gets_none() -> None:
    seen = Seen()
    unsampled = CALLERS[:-1] + "0"
    with seen.tracer.request("POST", "/v1/complete", {b"traceparent": unsampled.encode()}):
        seen.tracer.began("openai", "small", "whole")(usage_event(), None)
    assert seen.spans == []


@tool()
async def look(word: str) -> str:
    """Look something up."""
    return f"found {word}"


@contextlib.asynccontextmanager
async def traced_desk(seen: Seen, before: AgentDesk | None = None) -> AsyncIterator[AgentDesk]:
    async with agent_desk(_script, look, before=before, tracer=seen.tracer) as desk:
        yield desk


def _script(request: Any) -> Any:
    text = request.messages[-1].text
    return "done" if "found" in text else [("look", '{"word":"secret word"}')]


async def test_a_run_is_one_trace_of_its_steps_and_tools_under_the_request_that_started_it() -> (
    None
):
    seen = Seen()
    async with traced_desk(seen) as desk:
        with seen.tracer.request("POST", "/v1/agents/run", {b"traceparent": CALLERS.encode()}):
            run = await desk.start("Go", tools=("look",))
        await desk.ended(run)
    names = [span.name for span in seen.spans]
    assert names == [
        *("POST /v1/agents/run", "model model", "execute_tool look", "tool look"),
        *("model model", "invoke_agent react"),
    ]
    assert {trace_of(span) for span in seen.spans} == {TRACE}
    request, whole = seen.one("POST /v1/agents/run"), seen.one("invoke_agent react")
    assert whole.parent.span_id == request.context.span_id
    step = seen.one("tool look")
    assert step.parent.span_id == whole.context.span_id
    assert seen.one("execute_tool look").parent.span_id == step.context.span_id
    assert whole.attributes["headgate.run.id"] == run.run_id
    assert whole.attributes["headgate.cost.usd"] == 2 * 100 / 1e9
    assert not [v for s in seen.spans for v in s.attributes.values() if "secret word" in str(v)]


async def test_a_run_that_goes_on_after_the_death_of_its_process_keeps_its_trace() -> None:
    first, second = Seen(), Seen()
    async with traced_desk(first) as dead:
        with first.tracer.request("POST", "/v1/agents/run", {b"traceparent": CALLERS.encode()}):
            run = await dead.start("Go", tools=("look",))
        await dead.until(run, "step.finished")
    async with traced_desk(second, before=dead) as desk:
        await desk.ended(run)
    spans = first.spans + second.spans
    assert {trace_of(span) for span in spans} == {TRACE}
    steps = [s for s in spans if "headgate.step.id" in s.attributes]
    whole = second.one("invoke_agent react")
    assert {span.parent.span_id for span in steps} == {whole.context.span_id}


def test_a_run_that_nobody_traced_at_its_start_has_a_trace_of_its_own() -> None:
    seen = Seen()
    run = _run()
    with seen.tracer.step(run, "1", "model", "plan") as span:
        span.failed("upstream_error")
    seen.tracer.run_ended(run)
    step, whole = seen.spans
    assert whole.parent is None
    assert trace_of(step) == trace_of(whole)
    assert step.parent.span_id == whole.context.span_id
    assert step.attributes["error.type"] == "upstream_error"


def _run() -> Run:
    request = RunRequest(
        type="react", input="Go", model="small", max_steps=1, seconds=1.0, approval_seconds=1.0
    )
    return Run(
        run_id="run_1",
        key_id=KEY.key_id,
        workspace_id="default",
        user_id=None,
        request=request,
        created_at=5.0,
        started_at=6.0,
        finished_at=8.0,
        status="succeeded",
    )


def test_a_run_lasts_from_its_beginning_whenever_it_is_told() -> None:
    seen = Seen()
    seen.tracer.run_ended(_run())
    (span,) = seen.spans
    assert (span.start_time, span.end_time) == (6_000_000_000, 8_000_000_000)


async def test_spans_reach_a_collector_before_a_process_has_ended() -> None:
    async with collecting() as collector:
        tracer = otlp_tracer(collector.url, {"x-token": "abc"}, "gateway")
        tracer.began("openai", "small", "vectors")(usage_event(), None)
        await tracer.aclose()
        (span,) = collector.spans
        assert (span.name, span.service) == ("embeddings small", "gateway")
        assert collector.server.requests[0].path == "/v1/traces"
        assert collector.server.requests[0].headers["x-token"] == "abc"


def test_old_runs_are_read_that_were_kept_without_a_trace() -> None:
    kept = msgspec.json.decode(msgspec.json.encode(_run().request))
    del kept["trace"]
    assert msgspec.convert(kept, RunRequest).trace is None
