"""The values of the platform's interface.

Written by `write_types.py` from the platform's OpenAPI document: change that, and write it anew.
Amounts of money are US dollars. Times are ISO 8601 in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Required, TypedDict


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """The answer of `POST /v1/complete`."""

    id: str
    model: str
    provider: str
    content: str
    finish_reason: Literal["content_filter", "length", "stop", "tool_calls"]
    tool_calls: list[ToolCall] | None = None
    usage: TokenUsage
    latency_ms: int
    request_id: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenUsage:
    """What a call used: `cost` is the vendor's price, `billed` what the caller is charged."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    cached_input_tokens: int
    reasoning_tokens: int
    cost: float
    billed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A tool call; `arguments` is JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Embeddings:
    """The answer of `POST /v1/embed`: one vector per input."""

    embeddings: list[list[float]]
    model: str
    provider: str
    usage: TokenUsage
    request_id: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """The answer of `POST /v1/classify`: `scores` has every label and adds up to 1."""

    label: str
    confidence: float
    scores: dict[str, float]
    model: str
    provider: str
    usage: TokenUsage
    request_id: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model that can be called."""

    id: str
    created: int
    owned_by: str = field(metadata={"wire": "owned_by"})
    object: Literal["model"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """The answer of a tool; `usage` is absent where it called no model."""

    result: Any
    usage: ToolUsage | None = None
    request_id: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUsage:
    """What the calls to models that a tool made used, together.

    `cost` is the vendors' price, `billed` what the caller is charged.
    """

    input_tokens: int
    output_tokens: int
    total_tokens: int
    cached_input_tokens: int
    reasoning_tokens: int
    cost: float
    billed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedDocument:
    """A document that was added."""

    id: str
    name: str
    chunks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What is known of a document; `pages` where its kind has pages."""

    id: str
    name: str
    kind: Literal["docx", "html", "md", "pdf", "txt"]
    characters: int
    chunks: int
    pages: int | None
    created_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentText:
    """A document with a part of its text; `nextStart` where the text goes on."""

    id: str
    name: str
    kind: Literal["docx", "html", "md", "pdf", "txt"]
    characters: int
    chunks: int
    pages: int | None
    created_at: str
    text: str
    start: int
    next_start: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedDocument:
    """A document that is gone."""

    id: str
    deleted: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResults:
    """The answer of `POST /v1/search`: passages, best first."""

    results: list[SearchResult]
    request_id: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """A passage: the text of the document from `start` to before `end`; `score` is at most 1."""

    document_id: str
    name: str
    text: str
    score: float
    start: int
    end: int
    page: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentsAnswer:
    """The answer of `POST /v1/documents/ask`; without an answer `found` is false."""

    answer: str
    found: bool
    citations: list[Citation]
    usage: ToolUsage
    request_id: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """Where a statement stands: the quote is the text of the document from `start` to `end`."""

    document_id: str
    title: str
    start: int
    end: int
    quote: str
    page: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run with all of its own."""

    run_id: str
    type: str
    status: Literal["cancelled", "failed", "paused", "queued", "running", "succeeded", "waiting"]
    model: str
    tools: list[str]
    session_id: str | None
    key_id: str
    user_id: str | None
    workspace_id: str
    step_count: int
    cost: float
    billed: float
    budget: float | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    error: RunError | None = None
    pending_approvals: list[PendingApproval]
    events_url: str
    input: Any
    output: Any
    steps: list[Step]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A run in a list."""

    run_id: str
    type: str
    status: Literal["cancelled", "failed", "paused", "queued", "running", "succeeded", "waiting"]
    model: str
    tools: list[str]
    session_id: str | None
    key_id: str
    user_id: str | None
    workspace_id: str
    step_count: int
    cost: float
    billed: float
    budget: float | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    error: RunError | None = None
    pending_approvals: list[PendingApproval]
    events_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunError:
    """Why a run failed."""

    code: Literal[
        "budget_exceeded",
        "internal",
        "key_revoked",
        "repeated_call",
        "step_limit",
        "time_limit",
        "tool_not_allowed",
        "upstream_error",
    ]
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingApproval:
    """A tool call that waits for a decision."""

    step_id: str
    tool: str
    arguments: Any
    requested_at: str
    expires_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of a run, as its last attempt went; what it gave stands in the run's events."""

    step_id: str
    kind: str
    name: str
    attempt: int
    started_at: str
    finished_at: str | None = None
    cost: float | None = None
    billed: float | None = None
    error: RunError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key; its secret is not kept and cannot be shown again.

    `rotationDue` says that the secret is older than `[keys] rotate_after_days` allows.
    """

    key_id: str
    name: str
    scopes: list[str]
    monthly_budget: float | None
    user_id: str | None
    workspace_id: str
    rate_limit: RateLimit
    models: list[str] | None
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    rotated_at: str | None
    rotation_due: bool
    last_used_at: str | None = None
    api_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """What a key may do per minute and at once; None means the platform's default."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrency: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderKey:
    """A user's key for a vendor: `lastFour` are its last four characters."""

    provider: str
    user_id: str
    last_four: str
    set_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """What holds for a workspace.

    `setHere` names what of it was set through this interface.
    """

    workspace_id: str
    markup: float
    allowed_hosts: list[str] | None
    set_here: list[str]
    changed_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A vendor.

    `troubles` are its models that are not well, as the answering process sees them. `isConfigured`
    says whether the platform itself can call it; where not, users with keys of their own can, if it
    `takesKeys`. `ownKey` is the key of the user that was asked about.
    """

    provider: str
    models: int
    is_configured: bool
    takes_keys: bool
    own_key: OwnKey | None
    troubles: dict[str, Trouble]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnKey:
    """A user's own key: `lastFour` are its last four characters."""

    last_four: str
    set_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What is wrong with a vendor's model.

    `state` is `failing` (its last call failed), `open` (left alone), `probing` (one call tries it
    again) or `cooling` (it asked not to be called for now).
    """

    state: Literal["cooling", "failing", "open", "probing"]
    last_error: str
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageTotals:
    """Sums over calls; `ownCost` is the part of `cost` that users' own vendor keys paid."""

    requests: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost: float
    billed: float
    cache_hits: int
    saved_cost: float
    auto_saved: float
    own_cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageEvent:
    """One call, as the ledger keeps it."""

    id: str
    request_id: str
    timestamp: str
    user_id: str | None
    key_id: str
    workspace_id: str
    provider: str
    model: str
    use_case: str | None
    request_type: str
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost: float
    billed: float
    saved_cost: float
    auto_saved: float
    byok: bool
    cache: str
    status: str
    latency_ms: int
    first_token_ms: int | None
    run_id: str | None
    tags: list[str]
    price_version: str
    estimated: bool
    overrun: bool
    prompt: str | None
    prompt_version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """An account's budget in its period; without a limit `monthlyBudget` is null.

    `projected` is the spend at the period's end if it goes on as it did since its first day. Four
    times in five it lies between `projectedLow` and `projectedHigh`, as the last 30 days varied.
    """

    scope: str
    id: str
    monthly_budget: float | None
    spent: float
    reserved: float
    remaining: float | None
    projected: float
    projected_low: float
    projected_high: float
    unconfirmed: float
    period_start: str
    resets_at: str
    alert_thresholds: list[float]
    hard: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnBudgets:
    """The caller's tightest budget, and all that hold for its calls."""

    scope: str
    id: str
    monthly_budget: float | None
    spent: float
    reserved: float
    remaining: float | None
    projected: float
    projected_low: float
    projected_high: float
    unconfirmed: float
    period_start: str
    resets_at: str
    alert_thresholds: list[float]
    hard: bool
    budgets: list[Budget]


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetList:
    """Budgets by how much of them is used, the fullest first; `isComplete` says whether all."""

    data: list[Budget]
    is_complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Unconfirmed:
    """What a process that died may have spent of one budget; `releasedAt` once it is released."""

    id: str
    budget: BudgetName
    period: str
    amount: float
    lease_id: str
    created_at: str
    released_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetName:
    """Whose budget."""

    scope: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """What everybody who is looked at was billed this month, and where that is heading."""

    billed: float
    projected: float
    projected_low: float
    projected_high: float
    period_start: str
    resets_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long answers took; `isComplete` is false where only the newest calls were looked at."""

    from_: str
    to: str
    calls: int
    errors: int
    is_complete: bool
    whole: Percentiles
    first_token: Percentiles
    class_bounds: list[int]
    rows: list[LatencyRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLevels:
    """How well the platform served from `from` to `to`, over all its processes."""

    window: Literal["1h", "24h", "30d", "6h", "7d"]
    from_: str
    to: str
    requests: int
    failed: int
    availability: float | None
    whole: ServiceFigures
    objectives: list[Objective]
    models: list[ModelFigures]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFigures:
    """How well calls to models were served; null where there were none."""

    calls: int
    p50_ms: int | None
    p95_ms: int | None
    p99_ms: int | None
    first_token_p95_ms: int | None
    error_rate: float | None
    budget_accuracy: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFigures:
    """The same of one vendor's model; models beyond the first 200 are `other`."""

    provider: str
    model: str
    calls: int
    p50_ms: int | None
    p95_ms: int | None
    p99_ms: int | None
    first_token_p95_ms: int | None
    error_rate: float | None
    budget_accuracy: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """A target and what was reached; times are milliseconds, the others shares of 1.

    `isMet` is null where there were no calls to judge by.
    """

    name: Literal["availability", "budgetAccuracy", "errorRate", "firstTokenP95", "p95", "p99"]
    target: float
    value: float | None
    is_met: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyRow:
    """A piece of time: its calls, and those that were answered, by their time to the end.

    `firstToken` is the time to the first piece of streams. `classes` has, for each bound of
    `classBounds` and one more, how many calls took longer than the one before and not longer than
    it.
    """

    start: str
    calls: int
    errors: int
    whole: Percentiles
    first_token: Percentiles
    classes: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    """Milliseconds that half, 95 % and 99 % of the calls stayed within; null without calls."""

    p50: int | None
    p95: int | None
    p99: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A template in its latest version; `origin` is `own` where it is the company's."""

    name: str
    version: int
    versions: list[int]
    origin: Literal["own", "platform"]
    description: str
    use_case: str
    inputs: list[PromptInput]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptDetail:
    """One version of a template.

    `template` is the whole file, `frontMatter` its beginning.
    """

    name: str
    version: int
    versions: list[int]
    origin: Literal["own", "platform"]
    description: str
    use_case: str
    inputs: list[PromptInput]
    blocks: list[PromptBlock]
    example: dict[str, Any]
    policy: PromptPolicy
    output_schema: dict[str, Any] | None
    front_matter: str
    template: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptInput:
    """What a template is filled in with; `fields` are those of each of its `objects`."""

    name: str
    type: Literal["boolean", "integer", "number", "object", "objects", "string", "strings"]
    description: str
    required: bool
    default: Any
    fields: dict[str, Literal["integer", "number", "string"]] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptBlock:
    """A block as it is written, and the line of the file where its text begins."""

    name: str
    message: Literal["system", "user"]
    text: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptPolicy:
    """How a template's prompts are to be asked; null leaves it to the caller."""

    model: str | None
    temperature: float | None
    max_tokens: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedPrompt:
    """The answer of `POST /v1/prompts/{name}/render`."""

    name: str
    version: int
    style: Literal["headings", "xml"]
    messages: list[RenderedMessage]
    policy: PromptPolicy
    output_schema: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedMessage:
    """A message as a model reads it."""

    role: Literal["assistant", "system", "tool", "user"]
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptDiff:
    """What changed between two versions; `unified` is the whole file as a unified diff."""

    name: str
    from_: int
    to: int
    changes: list[PromptChange]
    unified: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptChange:
    """A block, or the front matter, that differs; null where one version does not have it."""

    part: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A fact."""

    id: str
    text: str
    created_at: str
    expires_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What was said."""

    speaker: Literal["assistant", "user"]
    text: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What is there no more."""

    id: str
    deleted: Literal[True] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether the platform works; `checks` says `ok` or what is wrong for each of its parts.

    A part may be wrong in a way that the platform works around; then the status stays `ok`.
    `providers` are the vendors' models that are not well, and `vendors` all vendors that were
    called, as the answering process has seen them since it began.
    """

    status: str
    version: str
    checks: dict[str, str]
    providers: dict[str, Trouble]
    vendors: dict[str, ProviderRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRecord:
    """When a vendor last gave an answer and last failed to; `lastError` is the kind of failure."""

    last_success: str | None
    last_failure: str | None
    last_error: str | None


class MessageParam(TypedDict, total=False):
    """A turn of the conversation."""

    role: Required[Literal["assistant", "system", "tool", "user"]]
    content: str | Sequence[TextPartParam | ImagePartParam] | None
    name: str | None
    toolCalls: Sequence[ToolCallParam | ToolCall] | None
    toolCallId: str | None


class TextPartParam(TypedDict, total=False):
    """A text in a message."""

    type: Required[Literal["text"]]
    text: Required[str]


class ImagePartParam(TypedDict, total=False):
    """An image in a message, by address or as a `data:` URL."""

    type: Required[Literal["image"]]
    url: Required[str]
    detail: str | None


class ToolCallParam(TypedDict, total=False):
    """A tool call; `arguments` is JSON text."""

    id: Required[str]
    name: Required[str]
    arguments: Required[str]


class PromptParam(TypedDict, total=False):
    """A prompt template, the latest unless a version is named, and what it is filled in with."""

    name: Required[str]
    inputs: Mapping[str, Any]
    version: int | None


class ToolParam(TypedDict, total=False):
    """A tool: its fields by themselves, or inside `function` as OpenAI's clients write them."""

    name: str | None
    description: str | None
    parameters: Mapping[str, Any] | None
    strict: bool | None
    type: Literal["function"]
    function: FunctionParam | None


class FunctionParam(TypedDict, total=False):
    """A function, as OpenAI's clients write a tool."""

    name: Required[str]
    description: str | None
    parameters: Mapping[str, Any] | None
    strict: bool | None


class ResponseFormatParam(TypedDict, total=False):
    """What the answer must look like; the schema stands in `schema` or in `json_schema.schema`."""

    type: Required[Literal["json_object", "json_schema", "text"]]
    schema: Mapping[str, Any] | None
    name: str | None
    strict: bool | None
    json_schema: SchemaParam | None


class SchemaParam(TypedDict, total=False):
    """A JSON Schema with its name, as OpenAI's clients write it."""

    schema: Required[Mapping[str, Any]]
    name: str | None
    strict: bool | None


class DocumentFilterParam(TypedDict, total=False):
    """Which documents count; what is left out sets no condition."""

    documentIds: Sequence[str] | None
    names: Sequence[str] | None
    kinds: Sequence[Literal["docx", "html", "md", "pdf", "txt"]] | None


class RateLimitParam(TypedDict, total=False):
    """Limits of a key; what is left out follows the platform's default."""

    requestsPerMinute: int | None
    tokensPerMinute: int | None
    concurrency: int | None
