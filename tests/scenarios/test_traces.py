"""Traces of the real platform, as a collector gets them: one, whatever process works on it."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent_runs import ended, moment, run_of, start
from headgate_server import Headgate, eventually, running, simulating
from otlp_collector import Collector, Span, collecting
from socket_lines import over_socket

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"
SECRETS = ("battery ferries", "sk-vendor-secret")


async def test_a_research_run_is_one_trace_over_gateway_agents_and_the_death_of_their_process(
    tmp_path: Path,
) -> None:
    async with collecting() as collector:
        traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
        for part in ("simulator", "platform"):
            (tmp_path / part).mkdir()
        with simulating(tmp_path / "simulator", "--tokens-per-second", "60") as vendors:
            near = {**vendors.environment, **traced, "OTEL_SERVICE_NAME": "agents"}
            agents_role = {**near, "HEADGATE_ROLE": "agents"}
            with running(tmp_path / "platform", environment=agents_role) as agents:
                run, told = await _researched(agents, traced, collector)
                # The collector works in this loop, and takes what is sent at the end.
                assert await asyncio.to_thread(agents.stop) == 0
                assert run["status"] == "succeeded", run
        spans = await eventually(
            collector.all_spans, lambda found: any(_is_run(span) for span in found)
        )
    run_spans = [span for span in spans if span.attributes.get("headgate.run.id")]
    assert {span.trace_id for span in run_spans} == {TRACE}
    _assert_calls_are_told(spans, [step for step in told if step["kind"] == "model"])
    (whole,) = [span for span in spans if _is_run(span)]
    assert whole.attributes["headgate.status"] == "succeeded"
    assert whole.attributes["headgate.cost.usd"] > 0
    steps = [span for span in spans if _is_step(span)]
    assert {span.parent_id for span in steps} == {whole.span_id}
    assert _step_ids(spans) >= {step["stepId"] for step in told}
    said = " ".join(str(value) for span in spans for value in span.attributes.values())
    assert not [secret for secret in (*SECRETS, agents.admin_key) if secret in said]


async def _researched(
    agents: Headgate, traced: dict[str, str], collector: Collector
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A run that another process ordered, and that outlived the one which worked on it.

    Beside it those of its steps whose spans cannot have died with that process, which takes along
    what it has not sent yet.
    """
    far = {**traced, "OTEL_SERVICE_NAME": "gateway", "HEADGATE_ROLE": "gateway"}
    gateway = Headgate(agents.directory, environment=far | {"AGENT_ENDPOINT": agents.url}).start()
    try:
        async with gateway.caller(agents.admin_key) as caller:
            document = {"name": "ferries.md", "text": "Battery ferries are quiet. " * 20}
            added = await caller.post("/v1/documents", document)
            assert added.status == 201, added.body
            ordered = await caller.send(
                "POST",
                "/v1/agents/run",
                {
                    "type": "research",
                    "model": "openai/gpt-4o",
                    "input": {"topic": "battery ferries"},
                    "tools": ["search", "summarize", "extract"],
                },
                headers={"traceparent": TRACEPARENT},
            )
            run_id = ordered.json["runId"]

            async def steps() -> tuple[set[str], set[str]]:
                run = await run_of(caller, run_id)
                return {step["stepId"] for step in _finished(run)}, _step_ids(collector.spans)

            await eventually(
                collector.all_spans,
                lambda found: any(span.name == "execute_tool search" for span in found),
            )
            sent, _ = await eventually(steps, lambda found: found[0] <= found[1])
            agents.kill()
            killed = datetime.now(UTC).timestamp()
    finally:
        gateway.close()
    agents.start()
    async with agents.caller() as caller:
        run = await ended(caller, run_id)
    told = [
        step
        for step in _finished(run)
        if step["stepId"] in sent or moment(step["finishedAt"]) > killed
    ]
    return run, told


def _finished(run: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for step in run["steps"] if step.get("finishedAt")]


def _step_ids(spans: list[Span]) -> set[str]:
    return {str(span.attributes["headgate.step.id"]) for span in spans if _is_step(span)}


def _is_step(span: Span) -> bool:
    return "headgate.step.id" in span.attributes


def _is_run(span: Span) -> bool:
    return span.name == "invoke_agent research"


def _assert_calls_are_told(spans: list[Span], asked: list[dict[str, Any]]) -> None:
    """Every call to a model and to a tool stands in the trace with what it took."""
    calls = [span for span in spans if span.name.startswith("chat ") and not span.is_error]
    done = [span for span in calls if span.attributes["headgate.status"] == "ok"]
    assert len(done) >= len(asked) > 0
    assert all(span.trace_id == TRACE for span in done)
    assert all(span.attributes["gen_ai.usage.output_tokens"] > 0 for span in done)
    paid = [span for span in done if span.attributes["gen_ai.request.model"] == "gpt-4o"]
    assert paid
    assert all(span.attributes["headgate.cost.usd"] > 0 for span in paid)
    tools = [span for span in spans if span.name.startswith("execute_tool ")]
    assert "execute_tool search" in {span.name for span in tools}
    assert all(span.trace_id == TRACE for span in tools)
    assert all("gen_ai.usage.input_tokens" in span.attributes for span in tools)
    # A step that died has no span, though a call that it had made may have one.
    ids = {span.span_id: span for span in spans}
    above = [ids[span.parent_id] for span in tools if span.parent_id in ids]
    assert above
    assert all(map(_is_step, above))


async def test_one_request_is_a_trace_of_its_route_and_its_call(tmp_path: Path) -> None:
    async with collecting() as collector:
        traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
        with running(tmp_path, environment=traced) as platform:
            async with platform.caller() as caller:
                answer = await caller.post(
                    "/v1/complete",
                    {"model": "sandbox", "messages": [{"role": "user", "content": "Hi"}]},
                )
                assert answer.status == 200
                run = await start(caller, "Go", model="sandbox", tools=[])
                await ended(caller, run["runId"])
            done = await over_socket(platform, "Hi", model="sandbox", traceparent=TRACEPARENT)
            # A run's span ends a moment after the run is told to have ended.
            await eventually(
                collector.all_spans,
                lambda found: any(span.name == "invoke_agent react" for span in found),
            )
            assert await asyncio.to_thread(platform.stop) == 0
        spans = collector.spans
    (request,) = [span for span in spans if span.name == "POST /v1/complete"]
    (call,) = [span for span in spans if span.parent_id == request.span_id]
    assert (call.name, call.trace_id) == ("chat sandbox", request.trace_id)
    assert request.attributes["headgate.request.id"] == answer.headers["x-request-id"]
    assert call.attributes["headgate.request.id"] == answer.headers["x-request-id"]
    (whole,) = [span for span in spans if span.name == "invoke_agent react"]
    (ordered,) = [span for span in spans if span.name == "POST /v1/agents/run"]
    assert whole.parent_id == ordered.span_id
    (message,) = [span for span in spans if span.name == "WS complete"]
    assert message.trace_id == TRACE
    assert message.attributes["headgate.request.id"] == done["callId"]
    (streamed,) = [span for span in spans if span.parent_id == message.span_id]
    assert streamed.name == "chat sandbox"
