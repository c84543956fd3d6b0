"""How the platform's terms are called in OpenTelemetry's conventions for generative AI.

The names are those of the pages "Semantic conventions for generative AI spans", "… agent spans"
and "… RPC spans". They have none for money, keys, caches and runs: ours begin with `headgate.`.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

from headgate.core.money import NANO_PER_USD
from headgate.core.runs import Run
from headgate.core.usage import UsageEvent

Operation: TypeAlias = Literal["chat", "embeddings", "execute_tool", "invoke_agent"]
Value: TypeAlias = str | int | float | bool | tuple[str, ...]

OPERATION = "gen_ai.operation.name"
PROVIDERS: Mapping[str, str] = {
    "bedrock": "aws.bedrock",
    "azure": "azure.ai.openai",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "xai": "x_ai",
}
"""Vendors that the conventions call otherwise than we do."""


RPC_STATUS = "rpc.response.status_code"


def message(action: str) -> dict[str, Value]:
    """A request over a WebSocket, which is to the conventions a remote procedure's call."""
    return {
        "rpc.system.name": "headgate",
        "rpc.method": action,
        "network.protocol.name": "websocket",
    }


def provider_name(provider: str) -> str:
    """A vendor as the conventions call it."""
    return PROVIDERS.get(provider, provider)


def begun_call(operation: Operation, provider: str, model: str) -> dict[str, Value]:
    """What is known of a call when it begins."""
    return {
        OPERATION: operation,
        "gen_ai.provider.name": provider_name(provider),
        "gen_ai.request.model": model,
    }


def ended_call(event: UsageEvent) -> dict[str, Value]:
    """What is known of a call when it has been settled."""
    said: dict[str, Value | None] = {
        "gen_ai.response.model": event.model,
        "gen_ai.usage.input_tokens": event.input_tokens,
        "gen_ai.usage.output_tokens": event.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": event.cached_input_tokens or None,
        "gen_ai.usage.cache_creation.input_tokens": event.cache_write_tokens or None,
        "gen_ai.usage.reasoning.output_tokens": event.reasoning_tokens or None,
        "gen_ai.response.time_to_first_chunk": (
            None if event.first_token_ms is None else event.first_token_ms / 1000
        ),
        "gen_ai.prompt.name": event.prompt,
        "headgate.prompt.version": event.prompt_version,
        "headgate.request.id": event.request_id,
        "headgate.event.id": event.id,
        "headgate.key.id": event.key_id,
        "headgate.workspace.id": event.workspace_id,
        "headgate.run.id": event.run_id,
        "headgate.use_case": event.use_case,
        "headgate.status": event.status,
        "headgate.cache": event.cache,
        "headgate.byok": event.byok,
        "headgate.tokens.estimated": event.estimated,
        "headgate.cost.usd": event.cost / NANO_PER_USD,
        "headgate.billed.usd": event.billed / NANO_PER_USD,
    }
    return {name: value for name, value in said.items() if value is not None}


def sums(events: Iterable[UsageEvent]) -> dict[str, Value]:
    """What several calls took together."""
    rows = list(events)
    return {
        "gen_ai.usage.input_tokens": sum(row.input_tokens for row in rows),
        "gen_ai.usage.output_tokens": sum(row.output_tokens for row in rows),
        "headgate.cost.usd": sum(row.cost for row in rows) / NANO_PER_USD,
        "headgate.billed.usd": sum(row.billed for row in rows) / NANO_PER_USD,
    }


def tool(name: str, call_key: str | None) -> dict[str, Value]:
    """A tool's call."""
    said: dict[str, Value] = {
        OPERATION: "execute_tool",
        "gen_ai.tool.name": name,
        "gen_ai.tool.type": "function",
    }
    return said if call_key is None else said | {"gen_ai.tool.call.id": call_key}


def step(run: Run, step_id: str, kind: str, name: str) -> dict[str, Value]:
    """A step of a run."""
    return {
        "headgate.run.id": run.run_id,
        "headgate.step.id": step_id,
        "headgate.step.kind": kind,
        "headgate.step.name": name,
    }


def ended_run(run: Run) -> dict[str, Value]:
    """A run that has ended."""
    said: dict[str, Value] = {
        OPERATION: "invoke_agent",
        "gen_ai.agent.name": run.request.type,
        "gen_ai.request.model": run.request.model,
        "headgate.run.id": run.run_id,
        "headgate.key.id": run.key_id,
        "headgate.workspace.id": run.workspace_id,
        "headgate.status": run.status,
        "headgate.run.steps": run.tally.steps,
        "headgate.cost.usd": run.tally.cost / NANO_PER_USD,
        "headgate.billed.usd": run.tally.billed / NANO_PER_USD,
    }
    session = run.request.session_id
    return said if session is None else said | {"gen_ai.conversation.id": session}
