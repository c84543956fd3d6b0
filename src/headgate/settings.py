"""Every knob of the platform: read once, frozen, each with its type, default and help text.

This is the only module that reads the environment. A variable in the real environment wins over
the same one in `.env` in the working directory; an empty one counts as not set. What belongs to a
company rather than to a machine stands in `headgate.toml` (see `configuration`).

`.env.example` and `docs/reference/settings.md` are written from the fields below.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias, get_args

import msgspec

from headgate import dotenv
from headgate.aws_settings import AwsSettings
from headgate.configuration import Configuration
from headgate.named_services import CompatibleVendor, McpProgram, compatible_vendors, mcp_servers
from headgate.secret_strength import weakness_of
from headgate.strict_toml import SettingsError, read_sections
from headgate.variables import (
    Email,
    Emails,
    Port,
    Secret,
    SecretUrl,
    Url,
    Variable,
    read,
)

__all__ = ["Secret", "Settings", "SettingsError"]

Role: TypeAlias = Literal["all", "gateway", "agents", "tools"]
Environment: TypeAlias = Literal["development", "test", "staging", "production"]
Store: TypeAlias = Literal["sqlite", "dynamodb"]
MailEncryption: TypeAlias = Literal["starttls", "tls", "none"]
LogFormat: TypeAlias = Literal["text", "json"]
LogLevel: TypeAlias = Literal["debug", "info", "warning", "error", "critical"]

PLATFORM = "The platform"
SECURITY = "Security"
MODELS = "Model vendors"
AGENTS = "Agents"
ALERTS = "Budget alerts"
OBSERVING = "Logs and traces"
CLIENT = "The command line as a client"


class Settings(AwsSettings, frozen=True, kw_only=True):
    """What the environment, `.env` and the configuration file say, checked and typed.

    Attributes:
        configuration: the content of `headgate.toml`, or its defaults.
        vendors: the file's OpenAI-compatible vendors, with their keys from the environment.
        mcp_servers: the file's MCP servers, with theirs.
        unknown: variables that start with `HEADGATE_` and mean nothing, likely misspelt.
    """

    data: Annotated[
        Path,
        Variable(
            "HEADGATE_DATA", PLATFORM, "The data directory; relative to the working directory."
        ),
    ] = Path(".headgate")
    config: Annotated[
        Path | None,
        Variable(
            "HEADGATE_CONFIG",
            PLATFORM,
            "The configuration file; `headgate.toml` in the data directory when not set.",
        ),
    ] = None
    role: Annotated[
        Role,
        Variable(
            "HEADGATE_ROLE",
            PLATFORM,
            "What this process does, unless `headgate serve --role` says so: `all`, or everything"
            " but working on agent runs (`gateway`, `tools`), or that above all (`agents`).",
        ),
    ] = "all"
    store: Annotated[
        Store,
        Variable(
            "HEADGATE_STORE",
            PLATFORM,
            "Where keys, budgets, usage, runs and documents are kept: `sqlite` is the data"
            " directory, for the processes of one machine; `dynamodb` is for several.",
        ),
    ] = "sqlite"
    redis_url: Annotated[
        Secret | None,
        Variable(
            "HEADGATE_REDIS_URL",
            PLATFORM,
            "A Redis server through which several machines share rate limits and the response"
            " cache; without it the processes of one machine share rate limits, and each keeps its"
            " own cache. Example: redis://:password@host:6379/0.",
        ),
    ] = None
    database_url: Annotated[
        Secret | None,
        Variable(
            "HEADGATE_DATABASE_URL",
            PLATFORM,
            "A PostgreSQL database in which several processes keep what they need to work on agent"
            " runs; without it one process at a time works on those of a data directory. Example:"
            " postgresql://user:password@host:5432/headgate.",
        ),
    ] = None
    cost_tracking_enabled: Annotated[
        bool,
        Variable(
            "COST_TRACKING_ENABLED",
            PLATFORM,
            "Costs are always tracked, because budgets rest on them.",
            planned=True,
        ),
    ] = True
    environment: Annotated[
        Environment,
        Variable(
            "PLATFORM_ENVIRONMENT",
            SECURITY,
            "In `production`, missing and sample secrets refuse to start.",
        ),
    ] = "development"
    admin_key: Annotated[
        Secret | None,
        Variable(
            "HEADGATE_ADMIN_KEY",
            SECURITY,
            "The first admin key; when not set, `headgate serve` makes one and prints it once.",
        ),
    ] = None
    jwt_secret_key: Annotated[
        Secret | None,
        Variable(
            "JWT_SECRET_KEY",
            SECURITY,
            "With ENCRYPTION_SALT, the source of the key that encrypts users' own vendor keys;"
            " when not set, a random one is made once and kept in `secret.key` in the data"
            " directory. Required in production, and with `dynamodb` before a user can set a key.",
        ),
    ] = None
    oidc_client_secret: Annotated[
        Secret | None,
        Variable(
            "OIDC_CLIENT_SECRET",
            SECURITY,
            "The secret that the identity provider of [sign_on] has given this platform; not needed"
            " where it takes PKCE alone.",
        ),
    ] = None
    encryption_salt: Annotated[
        Secret | None,
        Variable(
            "ENCRYPTION_SALT",
            SECURITY,
            "See JWT_SECRET_KEY; changing either makes stored vendor keys unreadable.",
        ),
    ] = None
    openai_api_key: Annotated[
        Secret | None, Variable("OPENAI_API_KEY", MODELS, "Your key for OpenAI.")
    ] = None
    openai_base_url: Annotated[
        Url, Variable("OPENAI_BASE_URL", MODELS, "OpenAI's address, with its version.")
    ] = Url("https://api.openai.com/v1")
    anthropic_api_key: Annotated[
        Secret | None,
        Variable("ANTHROPIC_API_KEY", MODELS, "Your key for Anthropic."),
    ] = None
    anthropic_base_url: Annotated[
        Url,
        Variable("ANTHROPIC_BASE_URL", MODELS, "Anthropic's address, without a version."),
    ] = Url("https://api.anthropic.com")
    azure_openai_endpoint: Annotated[
        Url | None,
        Variable(
            "AZURE_OPENAI_ENDPOINT",
            MODELS,
            "Your Azure OpenAI resource: `https://NAME.openai.azure.com`.",
        ),
    ] = None
    azure_openai_api_key: Annotated[
        Secret | None,
        Variable("AZURE_OPENAI_API_KEY", MODELS, "Your key for that resource."),
    ] = None
    gemini_api_key: Annotated[
        Secret | None, Variable("GEMINI_API_KEY", MODELS, "Your key for Gemini.")
    ] = None
    gemini_base_url: Annotated[
        Url,
        Variable("GEMINI_BASE_URL", MODELS, "Gemini's address, without a version."),
    ] = Url("https://generativelanguage.googleapis.com")
    cohere_api_key: Annotated[
        Secret | None, Variable("COHERE_API_KEY", MODELS, "Your key for Cohere.")
    ] = None
    cohere_base_url: Annotated[
        Url,
        Variable("COHERE_BASE_URL", MODELS, "Cohere's address, without a version."),
    ] = Url("https://api.cohere.com")
    ollama_base_url: Annotated[
        Url,
        Variable(
            "OLLAMA_BASE_URL", MODELS, "An Ollama server; one on this machine is found by itself."
        ),
    ] = Url("http://127.0.0.1:11434")
    agent_endpoint: Annotated[
        Url | None,
        Variable(
            "AGENT_ENDPOINT",
            AGENTS,
            "Where agent routes are answered instead of by a process of the role `gateway`: the"
            " address of one that shares its stores. Without it such a process takes orders for"
            " runs itself, and leaves the work to the others.",
        ),
    ] = None
    run_queue_url: Annotated[
        Url | None,
        Variable(
            "HEADGATE_RUN_QUEUE_URL",
            AGENTS,
            "A queue of Amazon SQS through which orders for runs reach those who work on them, who"
            " share HEADGATE_DATABASE_URL. Without it they look into the store.",
        ),
    ] = None
    sqs_endpoint: Annotated[
        Url | None,
        Variable("SQS_ENDPOINT", AGENTS, "SQS's address; the queue's own when not set."),
    ] = None
    budget_alerts_enabled: Annotated[
        bool,
        Variable(
            "BUDGET_ALERTS_ENABLED",
            ALERTS,
            "Whether reaching a budget's thresholds sends an alert.",
        ),
    ] = True
    slack_webhook_url: Annotated[
        SecretUrl | None,
        Variable("SLACK_WEBHOOK_URL", ALERTS, "The Slack webhook that alerts are sent to."),
    ] = None
    alert_email: Annotated[
        Emails | None,
        Variable(
            "ALERT_EMAIL",
            ALERTS,
            "Who gets alerts by e-mail: one address, or several with commas between them. Needs"
            " ALERT_FROM, and SMTP_HOST or SES_REGION.",
        ),
    ] = None
    alert_from: Annotated[
        Email | None,
        Variable("ALERT_FROM", ALERTS, "The address that alerts by e-mail come from."),
    ] = None
    smtp_host: Annotated[
        str | None,
        Variable("SMTP_HOST", ALERTS, "The mail server that takes them: `smtp.example.com`."),
    ] = None
    smtp_tls: Annotated[
        MailEncryption,
        Variable(
            "SMTP_TLS",
            ALERTS,
            "How the connection to it is encrypted: by `starttls`, by `tls` from the first byte, or"
            " not at all.",
        ),
    ] = "starttls"
    smtp_port: Annotated[
        Port | None,
        Variable(
            "SMTP_PORT",
            ALERTS,
            "Its port; 587 with `starttls`, 465 with `tls` and 25 with `none` when not set.",
        ),
    ] = None
    smtp_user: Annotated[
        str | None,
        Variable("SMTP_USER", ALERTS, "The user to log in as, where the mail server wants one."),
    ] = None
    smtp_password: Annotated[
        Secret | None, Variable("SMTP_PASSWORD", ALERTS, "That user's password.")
    ] = None
    ses_region: Annotated[
        str | None,
        Variable(
            "SES_REGION",
            ALERTS,
            "Instead of a mail server, the region of Amazon SES, which is called with the same AWS"
            " credentials as DynamoDB.",
        ),
    ] = None
    ses_endpoint: Annotated[
        Url | None,
        Variable("SES_ENDPOINT", ALERTS, "SES's address; the region's own when not set."),
    ] = None
    log_level: Annotated[
        LogLevel, Variable("LOG_LEVEL", OBSERVING, "The least important messages that are logged.")
    ] = "info"
    log_format: Annotated[
        LogFormat,
        Variable(
            "LOG_FORMAT",
            OBSERVING,
            "How they are logged: as `text`, for people, or as `json`, one object a line, with a"
            " line for every request that says what it took and not what was asked.",
        ),
    ] = "text"
    log_content: Annotated[
        bool,
        Variable(
            "HEADGATE_LOG_CONTENT",
            OBSERVING,
            "Logs what is asked of models and what they answer, cut to 4,000 characters and with"
            " secrets masked. What people write stands in the log then, where neither guardrails"
            " nor the deletion of users' data reach: switch it on to find a fault, and off again."
            " Needs LOG_FORMAT=json.",
        ),
    ] = False
    embedded_metrics: Annotated[
        bool,
        Variable(
            "HEADGATE_EMBEDDED_METRICS",
            OBSERVING,
            "Writes budgets that have reached a threshold, and how many agent runs there are, to"
            " standard output as metrics in CloudWatch's embedded format. The stacks set it.",
        ),
    ] = False
    otel_endpoint: Annotated[
        Url | None,
        Variable(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            OBSERVING,
            "The collector that traces are sent to, by OTLP over HTTP: the address before"
            " `/v1/traces`, as `http://localhost:4318`. Nothing is traced when not set.",
        ),
    ] = None
    otel_headers: Annotated[
        Secret | None,
        Variable(
            "OTEL_EXPORTER_OTLP_HEADERS",
            OBSERVING,
            "Headers that it wants, as `name=value` with commas between them.",
        ),
    ] = None
    otel_service: Annotated[
        str,
        Variable("OTEL_SERVICE_NAME", OBSERVING, "What this process is called in traces."),
    ] = "headgate"
    url: Annotated[
        Url | None,
        Variable(
            "HEADGATE_URL",
            CLIENT,
            "The server that commands talk to; when not set they use the data directory.",
        ),
    ] = None
    api_key: Annotated[
        Secret | None,
        Variable("HEADGATE_API_KEY", CLIENT, "The key with which commands talk to that server."),
    ] = None
    configuration: Configuration = Configuration()
    vendors: tuple[CompatibleVendor, ...] = ()
    mcp_servers: tuple[McpProgram, ...] = ()
    unknown: tuple[str, ...] = ()

    @classmethod
    def load(
        cls,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        overrides: Mapping[str, str] | None = None,
        parameters: Callable[[Self], Mapping[str, str]] | None = None,
    ) -> Self:
        """Read the environment, `.env` in `cwd` and the configuration file.

        Args:
            env: the real environment; the process's own when not given.
            cwd: the working directory; the process's own when not given.
            overrides: variables that win over both, such as those a command's options set.
            parameters: reads the variables that a parameter store has, which win over all, where
                HEADGATE_PARAMETERS names one.

        Raises:
            SettingsError: something is wrong; the message says where and what to write.
        """
        directory = (cwd or Path.cwd()).absolute()
        texts = {
            **_dotenv(directory / ".env"),
            **(os.environ if env is None else env),
            **(overrides or {}),
        }
        settings = cls(**_values(texts))
        if settings.parameters is not None and parameters is not None:
            texts |= parameters(settings)
            settings = cls(**_values(texts))
        data = directory / settings.data
        path = directory / (settings.config or data / "headgate.toml")
        configuration = Configuration()
        if settings.config or path.exists():
            configuration = read_sections(Configuration, path)
        names = {variable.name for variable, _ in VARIABLES.values()}
        settings = msgspec.structs.replace(
            settings,
            data=data,
            config=path,
            configuration=configuration,
            vendors=compatible_vendors(configuration, texts),
            mcp_servers=mcp_servers(configuration, texts),
            unknown=tuple(sorted(n for n in texts if n.startswith("HEADGATE_") and n not in names)),
        )
        _refuse_unsafe_production(settings)
        if settings.log_content and settings.log_format != "json":
            raise SettingsError(
                "HEADGATE_LOG_CONTENT needs LOG_FORMAT=json: set that too, or leave it out"
            )
        return settings


def _variables(kind: type[Settings]) -> dict[str, tuple[Variable, Any]]:
    """Each field that is an environment variable, with its description and its type."""
    found = {}
    for field in msgspec.structs.fields(kind):
        value_kind, *notes = get_args(field.type) or (field.type,)
        if notes and isinstance(notes[0], Variable):
            found[field.name] = (notes[0], value_kind)
    return found


VARIABLES: Mapping[str, tuple[Variable, Any]] = _variables(Settings)
"""The environment variable behind each field of `Settings`, and the field's type."""


def _dotenv(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    try:
        return dotenv.parse(path.read_text("utf-8"), source=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from None
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _values(texts: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field, (variable, kind) in VARIABLES.items():
        text = texts.get(variable.name, "").strip()
        if not text:
            continue
        try:
            values[field] = read(kind, text)
        except ValueError as error:
            raise SettingsError(f"{variable.name}: {error}") from None
    return values


def _refuse_unsafe_production(settings: Settings) -> None:
    if settings.environment != "production":
        return
    required = {
        "JWT_SECRET_KEY": settings.jwt_secret_key,
        "ENCRYPTION_SALT": settings.encryption_salt,
    }
    for name, secret in required.items():
        if weakness := weakness_of(secret):
            raise SettingsError(
                f"PLATFORM_ENVIRONMENT is production, but {name} {weakness}. Set it to a random"
                " text, for example the output of: openssl rand -hex 32"
            )
    if settings.admin_key and (weakness := weakness_of(settings.admin_key)):
        raise SettingsError(
            f"PLATFORM_ENVIRONMENT is production, but HEADGATE_ADMIN_KEY {weakness}. Set a random"
            " one, or leave it out to have one made"
        )
