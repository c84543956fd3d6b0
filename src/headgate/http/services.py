"""The features that handlers call, put together by `bootstrap`."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from headgate.agents.memory import Memories
from headgate.agents.runs import Runs
from headgate.core.budgets import Account
from headgate.core.measurements import Measured
from headgate.core.process import ProcessHistory
from headgate.core.tool_serving import ToolServer
from headgate.core.usage import UsageStore
from headgate.documents.library import Documents
from headgate.gateway.catalog import AUTO
from headgate.gateway.gateway import Gateway
from headgate.gateway.kept_streams import KeptStreams
from headgate.gateway.names import Names
from headgate.gateway.replays import Replays
from headgate.gateway.tool_calls import ToolCalls
from headgate.gateway.vendor_keys import VendorKeys
from headgate.gateway.works import Works
from headgate.http.activity import Activity
from headgate.http.sockets.observer import Observer
from headgate.http.upload_room import UploadRoom
from headgate.identity.audit import Audit
from headgate.identity.delegation import Delegation
from headgate.identity.erasures import Erasures
from headgate.identity.keys import Keys
from headgate.identity.sessions import Sessions
from headgate.identity.sign_on import SignOn
from headgate.identity.workspaces import Workspaces
from headgate.prompts.library import Library
from headgate.usage.service_levels import ServiceLevels
from headgate.usage.watch import UsageWatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a handler may use.

    Attributes:
        health: by name, the checks that `GET /health` makes; each raises `HeadgateError` when
            its part is down, and says what is wrong where the platform works in spite of it.
        default_model, default_embedding_model: what answers where the caller named no model.
        tool_server: writes MCP.
        limited: gives every account that has a limit.
        measured: the parts of this process that tell numbers of themselves; `process`: itself.
        activity: the calls that this process answers now.
        observer: watches what comes over sockets; what comes over HTTP is watched around it.
        upload_room: the memory for uploads under way.
        metrics: what this process says of itself, as text for Prometheus.
        max_body_bytes: larger requests are refused.
        body_timeout_seconds: how long nothing may come of a request's body.
        sign_on: None where there is no single sign-on.
        dashboard_hosts: names, besides this machine's own, at which the dashboard is opened.
        heartbeat_seconds: how long a stream's head waits for the first piece of the answer.
    """

    gateway: Gateway
    vendor_keys: VendorKeys
    replays: Replays
    works: Works
    names: Names
    kept_streams: KeptStreams
    prompts: Library
    tool_calls: ToolCalls
    documents: Documents
    tool_server: ToolServer
    runs: Runs
    memories: Memories
    keys: Keys
    delegation: Delegation
    workspaces: Workspaces
    sessions: Sessions
    audit: Audit
    erasures: Erasures
    usage: UsageStore
    watch: UsageWatch
    service_levels: ServiceLevels
    health: Mapping[str, Callable[[], Awaitable[str | None]]]
    metrics: Callable[[], Awaitable[bytes]]
    measured: Sequence[Measured]
    process: ProcessHistory
    limited: Callable[[], Awaitable[Sequence[Account]]]
    default_model: str
    default_embedding_model: str
    max_body_bytes: int
    heartbeat_seconds: float
    body_timeout_seconds: float = 60.0
    dashboard_hosts: frozenset[str] = frozenset()
    sign_on: SignOn | None = None
    activity: Activity = field(default_factory=Activity)
    observer: Observer = field(default_factory=Observer)
    upload_room: UploadRoom = field(default_factory=UploadRoom)

    def embedding_model(self, wanted: str | None) -> str:
        """The model that embeds; `auto` and none leave the choice to the platform."""
        return self.default_embedding_model if wanted in {None, AUTO} else str(wanted)
