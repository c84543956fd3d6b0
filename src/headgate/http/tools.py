"""The platform's tools: which there are, and how they are called."""

from typing import Any

import msgspec

from headgate.core.money import Dollars, to_json
from headgate.core.tools import ToolOutcome, ToolSpec
from headgate.core.usage import UsageEvent
from headgate.http.calls import Call, Reply
from headgate.http.receipts import outcome_headers

_encode = msgspec.json.Encoder().encode


class ToolDescription(msgspec.Struct, frozen=True, rename="camel"):
    """A tool: `parameters` is the JSON Schema of its arguments.

    A call that takes longer than `timeoutSeconds` is stopped. Where it is `idempotent`, calling it
    twice does no more than calling it once. `needsApproval` holds in agents' runs.
    """

    name: str
    description: str
    parameters: dict[str, Any]
    timeout_seconds: float
    idempotent: bool
    needs_approval: bool


class ToolList(msgspec.Struct, frozen=True, rename="camel"):
    """The answer of `GET /v1/tools`; there is no further page."""

    data: list[ToolDescription]
    next_cursor: str | None = None


class ToolUsage(msgspec.Struct, frozen=True, rename="camel"):
    """What the calls to models that a tool made used, together.

    `cost` is the vendors' price, `billed` what the caller is charged.
    """

    input_tokens: int
    output_tokens: int
    total_tokens: int
    cached_input_tokens: int
    reasoning_tokens: int
    cost: Dollars
    billed: Dollars


class ToolAnswer(msgspec.Struct, frozen=True):
    """The answer of a tool; `usage` is absent where it called no model."""

    result: Any
    usage: ToolUsage | msgspec.UnsetType = msgspec.UNSET


async def list_tools(call: Call[None]) -> Reply:
    """`GET /v1/tools`."""
    specs = call.services.tool_calls.toolbox.specs(call.key)
    return Reply(ToolList([_described(spec) for spec in specs]))


async def run_tool(call: Call[dict[str, Any]]) -> Reply:
    """`POST /v1/tools/{name}`."""
    name = call.params["name"]
    # The same body means something else to another tool, so it is another call.
    caller = msgspec.structs.replace(call, route=f"POST /v1/tools/{name}").caller(use_case=name)
    written = await call.services.tool_calls.run(caller, name, call.body, write_outcome)
    return Reply(written.body, headers=outcome_headers(written.receipt))


def _described(spec: ToolSpec) -> ToolDescription:
    return ToolDescription(
        name=spec.name,
        description=spec.description,
        parameters=dict(spec.parameters),
        timeout_seconds=spec.timeout_seconds,
        idempotent=spec.is_idempotent,
        needs_approval=spec.needs_approval,
    )


def write_outcome(outcome: ToolOutcome) -> bytes:
    """What came of a call, as its caller gets it."""
    usage = usage_of(outcome.events) if outcome.events else msgspec.UNSET
    return _encode(ToolAnswer(outcome.result, usage))


def usage_of(events: tuple[UsageEvent, ...]) -> ToolUsage:
    """What several calls used together."""
    read = sum(event.input_tokens for event in events)
    written = sum(event.output_tokens for event in events)
    return ToolUsage(
        input_tokens=read,
        output_tokens=written,
        total_tokens=read + written,
        cached_input_tokens=sum(event.cached_input_tokens for event in events),
        reasoning_tokens=sum(event.reasoning_tokens for event in events),
        cost=to_json(sum(event.cost for event in events)),
        billed=to_json(sum(event.billed for event in events)),
    )
