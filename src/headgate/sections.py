"""Tables of the configuration file about what stands around models: guardrails, tools, runs."""

import re
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from headgate.core import guardrails
from headgate.core.guardrails import Guardrails as CompiledGuardrails
from headgate.strict_toml import Section

NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
"""A name that the file gives to a vendor or a server."""


class Slo(Section, frozen=True, kw_only=True):
    """What the platform is to reach; `GET /v1/slo` and the page Health judge by it."""

    p95_ms: Annotated[
        int, Meta(ge=1, description="Within so many milliseconds 95 % of answers end.")
    ] = 30_000
    p99_ms: Annotated[
        int, Meta(ge=1, description="Within so many milliseconds 99 % of answers end.")
    ] = 60_000
    first_token_p95_ms: Annotated[
        int, Meta(ge=1, description="Within so many milliseconds 95 % of streams begin.")
    ] = 3_000
    error_rate: Annotated[
        float, Meta(ge=0, le=1, description="At most this share of calls to vendors fail.")
    ] = 0.01
    availability: Annotated[
        float, Meta(ge=0, le=1, description="At least this share of requests is answered.")
    ] = 0.999
    budget_accuracy: Annotated[
        float,
        Meta(ge=0, le=1, description="At least this share of calls takes no more than was held."),
    ] = 0.9999


class Alerts(Section, frozen=True, kw_only=True):
    """When people are told that requests fail, on the channels of budget alerts."""

    error_rate: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="With this share of requests for models failing, people are told; 0 tells"
            " nobody.",
        ),
    ] = 0.2
    window_minutes: Annotated[
        int,
        Meta(
            ge=5,
            le=60,
            description="Over how many minutes it is judged, in whole slots of five.",
        ),
    ] = 5
    min_requests: Annotated[
        int, Meta(ge=1, description="With fewer requests in that time nobody is told.")
    ] = 20


GuardedKind: TypeAlias = Literal["email", "phone", "card", "iban", "destructive"]


class Guardrails(Section, frozen=True, kw_only=True):
    """What must not pass between callers and models; a workspace's own take the place of these."""

    redact: Annotated[
        tuple[GuardedKind, ...],
        Meta(
            description="What is taken out: `email`, `phone`, `card`, `iban`, `destructive` (orders"
            " that delete what cannot be had back)."
        ),
    ] = ()
    block: Annotated[
        tuple[GuardedKind, ...], Meta(description="What stops a request or an answer.")
    ] = ()
    blocked_patterns: Annotated[
        tuple[str, ...], Meta(description="Regular expressions for what else stops it.")
    ] = ()
    redacted_patterns: Annotated[
        tuple[str, ...], Meta(description="Regular expressions for what else is taken out.")
    ] = ()
    allowed_domains: Annotated[
        tuple[str, ...],
        Meta(description="Where it is set, web addresses on other domains are taken out."),
    ] = ()
    input: Annotated[bool, Meta(description="Whether what callers send is judged.")] = True
    output: Annotated[bool, Meta(description="Whether what models answer is judged.")] = True

    def __post_init__(self) -> None:
        """Refuse patterns that are none."""
        _ = self.rules

    @property
    def rules(self) -> CompiledGuardrails | None:
        """The rules as the gateway applies them; None where there is none."""
        found = (
            *guardrails.of_kinds(self.block, "block"),
            *guardrails.named(self.blocked_patterns, "block"),
            *guardrails.of_kinds(self.redact, "redact"),
            *guardrails.named(self.redacted_patterns, "redact"),
            *guardrails.foreign_hosts(self.allowed_domains, "redact"),
        )
        if not found or not (self.input or self.output):
            return None
        return CompiledGuardrails(found if self.input else (), found if self.output else ())


class McpServer(Section, frozen=True, kw_only=True):
    """An MCP server whose tools become tools here, named `NAME_tool`; the table's name is NAME."""

    url: Annotated[
        str | None,
        Meta(description="Its address, of streamable HTTP."),
    ] = None
    command: Annotated[
        tuple[str, ...],
        Meta(description="Or the program that is started here and spoken to, and its arguments."),
    ] = ()
    api_key_env: Annotated[
        str | None,
        Meta(description="The environment variable with the token that `url` is sent."),
    ] = None
    environment: Annotated[
        tuple[str, ...],
        Meta(description="The environment variables that `command` is given besides a few."),
    ] = ()

    def __post_init__(self) -> None:
        """Refuse what is nowhere, and what is in two places."""
        if (self.url is None) == (not self.command):
            raise ValueError("give either url or command")
        if self.url is not None and not re.match(r"https?://[^\s/]+", self.url):
            raise ValueError(f"url = {self.url!r} is no http or https address")


class Tools(Section, frozen=True, kw_only=True):
    """The tools beyond those that are always there."""

    model: Annotated[
        str,
        Meta(min_length=1, description="What `summarize`, `extract` and `classify` ask."),
    ] = "auto"
    run_code: Annotated[
        bool,
        Meta(description="Offer `run_code`, where the kernel can confine it."),
    ] = False
    mcp: dict[str, McpServer] = {}

    def __post_init__(self) -> None:
        """Refuse servers whose names no tool could carry."""
        for name in self.mcp:
            if not NAME.fullmatch(name):
                raise ValueError(f"mcp.{name}: use small letters, digits, - and _ for its name")


class Agents(Section, frozen=True, kw_only=True):
    """Types of runs of your own, and what runs may take."""

    directory: Annotated[
        str | None,
        Meta(
            description="Where the files are that declare types of runs, seen from this file;"
            " `agents` in the data directory when not set.",
        ),
    ] = None
    modules: Annotated[
        tuple[str, ...],
        Meta(description="Python modules that declare types of runs with `@agent`."),
    ] = ()

    max_steps: Annotated[
        int, Meta(ge=1, le=100_000, description="A run takes at most so many steps.")
    ] = 200
    timeout_seconds: Annotated[
        float,
        Meta(
            gt=0,
            le=30 * 86_400,
            description="A run works at most so long; the time that it waits for people or is"
            " paused does not count.",
        ),
    ] = 7200
    approval_seconds: Annotated[
        float,
        Meta(
            gt=0,
            le=30 * 86_400,
            description="A tool call waits at most so long for approval; then it is not made.",
        ),
    ] = 86_400
    steps_at_once: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="So many model and tool calls of runs are made at the same time, in each"
            " process that works on runs.",
        ),
    ] = 256
    runs_in_memory: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="A process works on so many runs at a time, those that wait for people"
            " too; others stay queued.",
        ),
    ] = 1000
    retention_days: Annotated[
        int,
        Meta(
            ge=0,
            le=36_500,
            description="Runs that ended longer ago are deleted with their events; 0 keeps all.",
        ),
    ] = 90
