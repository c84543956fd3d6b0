"""Agent runs over HTTP: started, followed event by event, and told what to do."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Annotated, Any

import msgspec

from headgate.agents.runs import Order
from headgate.core.errors import InvalidRequest, Overloaded
from headgate.core.money import MAX_DOLLARS, Dollars, NanoUSD, from_dollars, to_json
from headgate.core.runs import EventType, Run, RunErrorCode, RunEvent, RunStatus
from headgate.core.times import iso
from headgate.http.calls import Call, Headers, Reply, StreamReply
from headgate.http.errors import body_of
from headgate.http.lists import Cursor, PageSize, page
from headgate.http.platform import ModelName
from headgate.http.receipts import REPLAYED
from headgate.http.run_keys import key_for_run
from headgate.http.streams import PING
from headgate.http.streams import event as told_event

ToolName = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
MOST_TOOLS = 128

_encode = msgspec.json.Encoder().encode
# What the data of events counts in nano-dollars, and shows in dollars.
_MONEY = ("cost", "billed", "budget")
_MOMENTS = ("expiresAt",)
_LATE = Overloaded("this connection's time is over: follow the run on behind its last event")


class RunBody(msgspec.Struct, rename="camel"):
    """The body of `POST /v1/agents/run` and `/v1/agents/stream`."""

    type: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    input: str | dict[str, Any]
    model: ModelName | None = None
    tools: Annotated[list[ToolName], msgspec.Meta(max_length=MOST_TOOLS)] | None = None
    budget: Annotated[float, msgspec.Meta(ge=0, le=MAX_DOLLARS)] | None = None
    wait_seconds: Annotated[float, msgspec.Meta(ge=0, le=60)] = 0
    approvals: Annotated[list[ToolName], msgspec.Meta(max_length=MOST_TOOLS)] = []
    session_id: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | None = None


class DecisionBody(msgspec.Struct):
    """The body of `POST /v1/agents/runs/{runId}/approvals/{stepId}`."""

    approved: bool
    comment: Annotated[str, msgspec.Meta(max_length=2000)] | None = None


class RunsQuery(msgspec.Struct):
    """Which page of the runs."""

    limit: PageSize = 50
    cursor: Cursor | None = None
    status: RunStatus | None = None


class EventsQuery(msgspec.Struct):
    """From where on the events are told: behind the one numbered `after`."""

    after: Annotated[int, msgspec.Meta(ge=0)] = 0


class RunErrorItem(msgspec.Struct, frozen=True):
    """Why a run failed."""

    code: RunErrorCode
    message: str


class ApprovalItem(msgspec.Struct, frozen=True, rename="camel"):
    """A tool call that waits for a decision."""

    step_id: str
    tool: str
    arguments: Any
    requested_at: str
    expires_at: str


class StepItem(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    """A step of a run, as its last attempt went; what it gave stands in the run's events."""

    step_id: str
    kind: str
    name: str
    attempt: int
    started_at: str
    finished_at: str | None = None
    cost: Dollars | None = None
    billed: Dollars | None = None
    error: RunErrorItem | None = None


class RunSummary(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A run in a list."""

    run_id: str
    type: str
    status: RunStatus
    model: str
    tools: tuple[str, ...]
    session_id: str | None
    key_id: str
    user_id: str | None
    workspace_id: str
    step_count: int
    cost: Dollars
    billed: Dollars
    budget: Dollars | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    error: RunErrorItem | msgspec.UnsetType = msgspec.UNSET
    pending_approvals: list[ApprovalItem]
    events_url: str


class RunItem(RunSummary, frozen=True, rename="camel", kw_only=True):
    """A run with all of its own."""

    input: Any
    output: Any
    steps: list[StepItem]


class RunList(msgspec.Struct, frozen=True, rename="camel"):
    """A page of runs, newest first."""

    data: list[RunSummary]
    next_cursor: str | None


class RunEventItem(msgspec.Struct, frozen=True, rename="camel"):
    """What happened in a run; each type has fields of its own besides."""

    seq: int
    attempt: int
    at: str
    run_id: str
    step_id: str | None
    type: EventType


async def start(call: Call[RunBody]) -> Reply:
    """`POST /v1/agents/run`."""
    run, headers = await _begin(call)
    seconds = call.body.wait_seconds
    if seconds:
        run = await call.services.runs.ended(run, seconds)
    return Reply(await _item(call, run), 200 if run.has_ended else 202, headers)


async def stream(call: Call[RunBody]) -> StreamReply:
    """`POST /v1/agents/stream`."""
    run, headers = await _begin(call)
    headers = [(b"x-headgate-run-id", run.run_id.encode()), *headers]
    return StreamReply(_frames(call, run, 0), headers)


async def show(call: Call[None]) -> Reply:
    """`GET /v1/agents/runs/{runId}`."""
    run = await call.services.runs.get(call.key, call.params["runId"])
    return Reply(await _item(call, run))


async def listed(call: Call[None]) -> Reply:
    """`GET /v1/agents/runs`."""
    query: RunsQuery = call.query
    runs = await call.services.runs.page(
        call.key, status=query.status, limit=query.limit + 1, before=query.cursor
    )
    items = [RunSummary(**_fields(run)) for run in runs]
    return Reply(page(items, query.limit, [run.run_id for run in runs]))


async def events(call: Call[None]) -> StreamReply:
    """`GET /v1/agents/runs/{runId}/events`."""
    run = await call.services.runs.get(call.key, call.params["runId"])
    last = call.last_event_id()
    return StreamReply(_frames(call, run, call.query.after if last is None else last))


async def cancel(call: Call[None]) -> Reply:
    """`POST /v1/agents/runs/{runId}/cancel`."""
    return await _told(call, await call.services.runs.cancel(call.key, call.params["runId"]))


async def pause(call: Call[None]) -> Reply:
    """`POST /v1/agents/runs/{runId}/pause`."""
    return await _told(call, await call.services.runs.pause(call.key, call.params["runId"]))


async def resume(call: Call[None]) -> Reply:
    """`POST /v1/agents/runs/{runId}/resume`."""
    return await _told(call, await call.services.runs.resume(call.key, call.params["runId"]))


async def decide(call: Call[DecisionBody]) -> Reply:
    """`POST /v1/agents/runs/{runId}/approvals/{stepId}`."""
    run = await call.services.runs.decide(
        call.key,
        call.params["runId"],
        call.params["stepId"],
        approved=call.body.approved,
        comment=call.body.comment,
    )
    return await _told(call, run)


async def _told(call: Call[Any], run: Run) -> Reply:
    return Reply(await _item(call, run))


async def _begin(call: Call[RunBody]) -> tuple[Run, Headers]:
    """The run that a call begins, or has begun under the same idempotency key; and what says so."""
    body, services = call.body, call.services
    acting = await key_for_run(call)
    model = body.model or services.default_model
    # A run that could never ask its model is not begun.
    await services.gateway.catalog.routes(model, acting)
    tools = None if body.tools is None else tuple(body.tools)
    order = Order(
        type=body.type,
        input=body.input,
        model=model,
        tools=tools,
        budget=_budget(body.budget),
        approvals=tuple(body.approvals),
        session_id=body.session_id,
    )
    request = services.runs.request_of(acting, order)
    key = call.caller().answer_key
    if key is None:
        return await services.runs.begin(acting, request, services.runs.new_id()), []
    name = await services.names.name(key, services.runs.new_id)
    run = await services.runs.begin(acting, request, name.text)
    return run, list(REPLAYED) if name.is_replayed else []


def _budget(dollars: float | None) -> NanoUSD | None:
    try:
        return None if dollars is None else from_dollars(dollars)
    except ValueError as error:
        raise InvalidRequest(f"budget: {error}", param="budget") from None


async def _frames(call: Call[Any], run: Run, after: int) -> AsyncGenerator[bytes, None]:
    """The events as server-sent events, with a comment now and then where nothing happens."""
    loop = asyncio.get_running_loop()
    quiet_since = loop.time()
    async with contextlib.aclosing(call.services.runs.follow(run, after)) as pages:
        async for found in pages:
            if found:
                yield b"".join(frame(event) for event in found)
                quiet_since = loop.time()
            elif loop.time() - quiet_since >= call.services.heartbeat_seconds:
                yield PING
                quiet_since = loop.time()
            if call.ends_at is not None and loop.time() >= call.ends_at:
                yield told_event({"type": "error", **body_of(_LATE)})
                return


def frame(event: RunEvent) -> bytes:
    """An event as a server-sent event under its number."""
    return b"id: %d\ndata: %s\n\n" % (event.seq, _encode(event_fields(event)))


def event_fields(event: RunEvent) -> dict[str, Any]:
    """An event as JSON's fields."""
    return {
        "seq": event.seq,
        "attempt": event.attempt,
        "at": iso(event.at),
        "runId": event.run_id,
        "stepId": event.step_id,
        "type": event.type,
        **{name: _shown(name, value) for name, value in event.data.items()},
    }


def _shown(name: str, value: Any) -> Any:
    if name in _MONEY:
        return to_json(value)
    return iso(value) if name in _MOMENTS else value


async def _item(call: Call[Any], run: Run) -> RunItem:
    history = await call.services.runs.history(run)
    return RunItem(
        **_fields(run),
        input=run.request.input,
        output=run.output,
        steps=steps_of(history),
    )


def steps_of(history: Sequence[RunEvent]) -> list[StepItem]:
    """The steps of a run, in the order in which they began."""
    steps: dict[str, StepItem] = {}
    for event in history:
        if event.step_id is None:
            continue
        if event.type == "step.started":
            steps[event.step_id] = StepItem(
                step_id=event.step_id,
                kind=event.data["kind"],
                name=event.data["name"],
                attempt=event.attempt,
                started_at=iso(event.at),
            )
        elif event.type == "step.finished":
            steps[event.step_id] = _finished(steps[event.step_id], event.at, event.data)
    return list(steps.values())


def _finished(step: StepItem, at: float, data: Mapping[str, Any]) -> StepItem:
    error = data.get("error")
    return msgspec.structs.replace(
        step,
        finished_at=iso(at),
        cost=to_json(data.get("cost", 0)),
        billed=to_json(data.get("billed", 0)),
        error=None if error is None else RunErrorItem(**error),
    )


def _fields(run: Run) -> dict[str, Any]:
    request, tally, error = run.request, run.tally, run.error
    return {
        "run_id": run.run_id,
        "type": request.type,
        "status": run.status,
        "model": request.model,
        "tools": request.tools,
        "session_id": request.session_id,
        "key_id": run.key_id,
        "user_id": run.user_id,
        "workspace_id": run.workspace_id,
        "step_count": tally.steps,
        "cost": to_json(tally.cost),
        "billed": to_json(tally.billed),
        "budget": None if request.budget is None else to_json(request.budget),
        "created_at": iso(run.created_at),
        "started_at": None if run.started_at is None else iso(run.started_at),
        "finished_at": None if run.finished_at is None else iso(run.finished_at),
        "error": msgspec.UNSET if error is None else RunErrorItem(error.code, error.message),
        "pending_approvals": [
            ApprovalItem(
                item.step_id,
                item.tool,
                item.arguments,
                iso(item.requested_at),
                iso(item.expires_at),
            )
            for item in run.pending
        ],
        "events_url": f"/v1/agents/runs/{run.run_id}/events",
    }
