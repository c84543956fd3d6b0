"""The configuration file, `headgate.toml`: what a company decides once for everybody.

`strict_toml` reads it. Decimals are read exactly: no amount of money ever passes through a binary
fraction.
"""

import hashlib
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta

from headgate.core.money import NanoUSD, from_dollars
from headgate.core.prices import Markup, Price, exact_markup
from headgate.core.workspaces import WorkspaceSettings
from headgate.sections import NAME, Agents, Alerts, Guardrails, Slo, Tools
from headgate.strict_toml import Section

VENDORS = ("openai", "anthropic", "bedrock", "azure", "gemini", "cohere", "ollama", "local")
"""Vendors with settings of their own, whose names no OpenAI-compatible vendor may take."""

RESERVED_VENDORS = frozenset((*VENDORS, "sandbox"))
DAY = 86_400

_EDITION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?")


def _price(name: str, dollars: Decimal | None) -> NanoUSD | None:
    if dollars is None:
        return None
    amount = from_dollars(dollars)
    if amount < 0:
        raise ValueError(f"{name} = {dollars} is negative")
    return amount


class Routing(Section, frozen=True, kw_only=True):
    """How long to try, how often, and when to leave a failing model alone."""

    timeout_seconds: Annotated[
        float,
        Meta(
            gt=0,
            le=3600,
            description="The most time for a whole answer, or for the first piece of a stream;"
            " within a stream, the longest silence.",
        ),
    ] = 60.0
    retries: Annotated[
        int,
        Meta(
            ge=0,
            le=10,
            description="Further attempts on the same model, where one may help, before the next.",
        ),
    ] = 1
    breaker_failures: Annotated[
        int,
        Meta(ge=1, description="Failed calls in a row after which a model is left alone."),
    ] = 5
    breaker_seconds: Annotated[
        float,
        Meta(
            gt=0,
            le=DAY,
            description="How long it is left alone where another one is left to try.",
        ),
    ] = 30.0


class Alias(Section, frozen=True, kw_only=True):
    """A name for several models of which one is asked first and the others are its fallbacks."""

    models: tuple[str, ...]
    strategy: Literal["order", "fastest", "weighted"] = "order"
    weights: tuple[Annotated[float, Meta(ge=0)], ...] = ()

    def __post_init__(self) -> None:
        """Refuse weights that nobody reads, or that do not say enough."""
        if self.strategy != "weighted" and self.weights:
            raise ValueError('weights need strategy = "weighted"')
        if self.strategy == "weighted" and (
            len(self.weights) != len(self.models) or not any(self.weights)
        ):
            raise ValueError("give each of the models a weight, at least one of them above 0")


class Vendor(Section, frozen=True, kw_only=True):
    """A vendor that speaks OpenAI's protocol; the table's name is the vendor's."""

    base_url: Annotated[
        str,
        Meta(
            pattern=r"^https?://[^\s/]+",
            description="Address up to and including the version: `https://api.example.com/v1`.",
        ),
    ]
    api_key_env: Annotated[
        str | None, Meta(description="The environment variable that holds the vendor's key.")
    ] = None
    models: Annotated[
        tuple[str, ...], Meta(description="The ids of the models that it serves.")
    ] = ()


class Azure(Section, frozen=True, kw_only=True):
    """How the models of your Azure OpenAI resource are called."""

    deployments: Annotated[
        dict[str, str],
        Meta(
            description="The deployment of each model where its name is another, and which models"
            ' there are: `"gpt-4o" = "our-chat"`.'
        ),
    ] = {}
    api_version: Annotated[
        str | None,
        Meta(
            description="A dated edition of Azure's API, `2024-10-21`, instead of its current one.",
        ),
    ] = None

    def __post_init__(self) -> None:
        """Refuse models and deployments without a name, and what is no edition."""
        if not all(model and name for model, name in self.deployments.items()):
            raise ValueError("deployments: name the model and its deployment")
        if self.api_version is not None and not _EDITION.fullmatch(self.api_version):
            raise ValueError(f"api_version = {self.api_version!r} is not like 2024-10-21")


class Billing(Section, frozen=True, kw_only=True):
    """What callers are charged on top of the vendor's price."""

    markup: Annotated[
        Decimal, Meta(description="The platform's share: `0.02` is 2 % of the vendor's price.")
    ] = Decimal("0.02")

    def __post_init__(self) -> None:
        """Refuse a share that is negative, absurd, or finer than a part per million."""
        exact_markup(self.markup)

    @property
    def share(self) -> Markup:
        """The markup as the ledger applies it."""
        return exact_markup(self.markup)


class Cache(Section, frozen=True, kw_only=True):
    """Answers that are kept and given again: in Redis where one is set, else in each process."""

    ttl_seconds: Annotated[
        int,
        Meta(ge=0, le=30 * DAY, description="How long an answer is kept; 0 keeps none."),
    ] = 3600
    max_bytes: Annotated[
        int,
        Meta(ge=0, description="The most that a process keeps itself, where there is no Redis."),
    ] = 67_108_864
    semantic_model: Annotated[
        str | None,
        Meta(
            description="The embedding model that finds similar questions, which then share their"
            " answers; without one, only the same request does. Each look is an embedding that the"
            " caller is charged for.",
        ),
    ] = None
    semantic_threshold: Annotated[
        float,
        Meta(
            gt=0,
            le=1,
            description="How similar two questions must be, as the cosine of their vectors.",
        ),
    ] = 0.95


class Budgets(Section, frozen=True, kw_only=True):
    """How budgets meet requests that set no limit of their own."""

    min_output_tokens: Annotated[
        int,
        Meta(ge=1, description="A request without a limit is never cut below so many tokens."),
    ] = 64


class Workspace(Section, frozen=True, kw_only=True):
    """What differs for one workspace; the table's name is the workspace's id.

    `PUT /v1/workspaces/NAME` sets `markup` and `allowed_hosts` at run time, which then counts.
    """

    markup: Annotated[
        Decimal | None, Meta(description="Its own share instead of `billing.markup`.")
    ] = None
    allowed_hosts: Annotated[
        tuple[str, ...] | None,
        Meta(
            description="The only hosts that its `http_request` may reach, on the public internet;"
            ' `"*.example.com"` are all below that one.'
        ),
    ] = None

    admin_groups: Annotated[
        tuple[str, ...],
        Meta(
            description="The groups of the provider in `[sign_on]` whose members administer this"
            " workspace alone."
        ),
    ] = ()
    guardrails: Guardrails | None = None
    files: Annotated[
        str | None,
        Meta(
            description="The directory that its `files_read` and `files_write` work in, seen from"
            " the data directory; without one it has neither."
        ),
    ] = None
    database: Annotated[
        str | None,
        Meta(
            description="The SQLite file that its `database_query` reads, seen from the data"
            " directory; without one it has none."
        ),
    ] = None

    def __post_init__(self) -> None:
        """Refuse a share that is negative, absurd, or finer than a part per million."""
        if self.markup is not None:
            exact_markup(self.markup)

    @property
    def settings(self) -> WorkspaceSettings:
        """What of it may be set anew at run time, where the file sets it."""
        return WorkspaceSettings(
            markup=UNSET if self.markup is None else exact_markup(self.markup),
            allowed_hosts=UNSET if self.allowed_hosts is None else self.allowed_hosts,
        )


_AMOUNTS = ("input", "output", "cached_input", "cache_write", "cache_write_1h", "reasoning")


class PriceCorrection(Section, frozen=True, kw_only=True):
    """A model's price where the published one is wrong or missing; the table's name is the model.

    In dollars per million tokens. A class without a price costs what `input` or `output` costs.
    """

    input: Annotated[Decimal, Meta(description="Dollars per million input tokens.")]
    output: Annotated[Decimal, Meta(description="Dollars per million output tokens.")]
    cached_input: Annotated[
        Decimal | None, Meta(description="For input read from the vendor's cache.")
    ] = None
    cache_write: Annotated[
        Decimal | None, Meta(description="For input written to the vendor's cache.")
    ] = None
    cache_write_1h: Annotated[
        Decimal | None, Meta(description="For input that the cache keeps for an hour.")
    ] = None
    reasoning: Annotated[Decimal | None, Meta(description="For hidden output.")] = None

    def __post_init__(self) -> None:
        """Refuse an amount that is negative or finer than a nano-dollar."""
        for name in _AMOUNTS:
            _price(name, getattr(self, name))

    @property
    def price(self) -> Price:
        """The price; its version changes with every amount, so that the ledger tells them apart."""
        amounts = {name: _price(name, getattr(self, name)) for name in _AMOUNTS}
        digest = hashlib.sha256(repr(amounts).encode()).hexdigest()[:12]
        return msgspec.convert({**amounts, "version": f"headgate.toml {digest}"}, Price)


class Limits(Section, frozen=True, kw_only=True):
    """What a key without limits of its own may do, and how large a request may be."""

    requests_per_second: Annotated[int, Meta(ge=1, description="Sustained requests per key.")] = 50
    burst: Annotated[int, Meta(ge=1, description="Requests per key that may come at once.")] = 200
    max_body_bytes: Annotated[
        int, Meta(ge=1024, description="Larger request bodies are refused with 413.")
    ] = 20_971_520


class Http(Section, frozen=True, kw_only=True):
    """The HTTP interface."""

    cors_origins: Annotated[
        tuple[str, ...], Meta(description='Origins whose pages may call; `["*"]` is all of them.')
    ] = ("*",)
    dashboard_hosts: Annotated[
        tuple[str, ...],
        Meta(
            description="Names at which the dashboard is opened through a proxy, such as"
            ' `["ai.example.com"]`; with their ports where these are not the usual ones.'
        ),
    ] = ()
    heartbeat_seconds: Annotated[
        float, Meta(gt=0, le=300, description="The longest silence in a stream.")
    ] = 10.0
    body_timeout_seconds: Annotated[
        float,
        Meta(
            gt=0,
            le=3600,
            description="How long nothing may come of a request's body before it is refused.",
        ),
    ] = 60.0


class Storage(Section, frozen=True, kw_only=True):
    """How the data directory is written."""

    power_safe: Annotated[
        bool,
        Meta(
            description="Survive a power failure, not only a crash of the process, at the price of"
            " slower writes."
        ),
    ] = False


class Usage(Section, frozen=True, kw_only=True):
    """How long single calls are kept. Sums of usage and budgets are kept for good."""

    retention_days: Annotated[
        int,
        Meta(
            ge=0,
            le=36_500,
            description="Calls older than so many days are deleted from the ledger, and questions"
            " about that time are answered in whole hours; 0 keeps all calls.",
        ),
    ] = 0

    @property
    def kept_days(self) -> int | None:
        """For how many days calls are kept; None where it is for good."""
        return self.retention_days or None


class Keys(Section, frozen=True, kw_only=True):
    """How old keys may get."""

    rotate_after_days: Annotated[
        int,
        Meta(
            ge=0,
            le=36_500,
            description="Keys whose secret is older are marked in lists and by `headgate doctor`,"
            " and told once a month where alerts go; 0 lets them get any age.",
        ),
    ] = 0

    @property
    def longest_days(self) -> int | None:
        """How old a secret may be; None where it may be of any age."""
        return self.rotate_after_days or None


class SignOn(Section, frozen=True, kw_only=True):
    """Single sign-on at the dashboard, through an OpenID Connect provider."""

    issuer: Annotated[
        str, Meta(description="The provider, as it calls itself; without one, only keys sign in.")
    ] = ""
    client_id: Annotated[str, Meta(description="What the provider calls this platform.")] = ""
    public_url: Annotated[
        str,
        Meta(
            description="Where browsers reach this platform, such as `https://ai.example.com`. The"
            " provider leads back to `/v1/session/callback` there; register that address."
        ),
    ] = ""
    admin_groups: Annotated[
        tuple[str, ...], Meta(description="The provider's groups whose members may do everything.")
    ] = ()
    viewer_groups: Annotated[
        tuple[str, ...],
        Meta(description="Those whose members may see everything, and change nothing."),
    ] = ()
    user_claim: Annotated[
        str, Meta(description="The claim of the ID token that names the user.")
    ] = "email"
    groups_claim: Annotated[
        str, Meta(description="The claim of the ID token that lists the groups.")
    ] = "groups"
    scopes: Annotated[
        tuple[str, ...], Meta(description="What the provider is asked for; `openid` is among it.")
    ] = ("openid", "profile", "email")

    def __post_init__(self) -> None:
        """Refuse what could sign nobody in, or not safely."""
        if not self.issuer:
            return
        for name in ("client_id", "public_url"):
            if not getattr(self, name):
                raise ValueError(f"sign_on.{name}: is needed beside `issuer`")
        if not (self.admin_groups or self.viewer_groups):
            raise ValueError("sign_on.admin_groups: name a group, else nobody could sign in")
        if "openid" not in self.scopes:
            raise ValueError("sign_on.scopes: `openid` is needed among them")
        if not self.public_url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            raise ValueError("sign_on.public_url: it has to begin with https://")


class Prompts(Section, frozen=True, kw_only=True):
    """Prompt templates of your own, which take the place of the platform's of the same name."""

    directory: Annotated[
        str | None,
        Meta(
            description="Where they are, seen from this file; `prompts` in the data directory when"
            " not set.",
        ),
    ] = None


class Configuration(Section, frozen=True, kw_only=True):
    """The whole file; every section may be left out."""

    aliases: Annotated[
        dict[str, str | tuple[str, ...] | Alias],
        Meta(
            description="Names for models: one model, several in the order to try them, or a table"
            ' with `models` and a `strategy`: `"order"`, `"fastest"`, or `"weighted"` with'
            " `weights`."
        ),
    ] = {}
    routing: Routing = Routing()
    vendors: dict[str, Vendor] = {}
    azure: Azure = Azure()
    billing: Billing = Billing()
    cache: Cache = Cache()
    budgets: Budgets = Budgets()
    workspaces: dict[str, Workspace] = {}
    prices: dict[str, PriceCorrection] = {}
    limits: Limits = Limits()
    http: Http = Http()
    storage: Storage = Storage()
    usage: Usage = Usage()
    keys: Keys = Keys()
    sign_on: SignOn = SignOn()
    prompts: Prompts = Prompts()
    tools: Tools = Tools()
    guardrails: Guardrails = Guardrails()
    agents: Agents = Agents()
    slo: Slo = Slo()
    alerts: Alerts = Alerts()

    @property
    def alias_models(self) -> Mapping[str, tuple[str, ...]]:
        """The models behind each alias, in the order to try them."""
        return {
            alias: (named,)
            if isinstance(named, str)
            else named.models
            if isinstance(named, Alias)
            else named
            for alias, named in self.aliases.items()
        }

    def __post_init__(self) -> None:
        """Refuse aliases for nothing and vendors whose names are taken or no names."""
        for alias, models in self.alias_models.items():
            if not models or not all(models):
                raise ValueError(f"aliases.{alias}: name at least one model, and no empty one")
        for name in self.vendors:
            if name in RESERVED_VENDORS:
                raise ValueError(
                    f"vendors.{name}: the name belongs to a built-in vendor, which is set up"
                    " through the environment; choose another name"
                )
            if not NAME.fullmatch(name):
                raise ValueError(
                    f"vendors.{name}: use small letters, digits, - and _ for a vendor's name"
                )
