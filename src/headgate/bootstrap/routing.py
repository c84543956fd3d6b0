"""The part of `bootstrap` that joins routing: its rules, and what a running server says of it."""

from collections.abc import Awaitable, Callable

import msgspec

from headgate.bootstrap.vendors import BUILT_IN
from headgate.cli.findings import Finding
from headgate.configuration import Alias, Configuration
from headgate.gateway.breakers import Breakers
from headgate.gateway.choice import Choice, Preference
from headgate.gateway.routing import Routing
from headgate.settings import Settings
from headgate.transport.http import HttpClient, HttpError

# Where `headgate serve` listens unless it is told otherwise.
USUAL_URL = "http://127.0.0.1:3000"
PATIENCE_SECONDS = 2.0
# So many models are named, which is enough to see what is wrong.
MOST_TOLD = 10


class _Trouble(msgspec.Struct, rename="camel"):
    state: str
    last_error: str
    since: str


class _Record(msgspec.Struct, rename="camel"):
    last_success: str | None = None
    last_failure: str | None = None
    last_error: str | None = None


class _Health(msgspec.Struct):
    """What the doctor reads of `GET /health`."""

    providers: dict[str, _Trouble]
    vendors: dict[str, _Record] = {}


def routing_of(configuration: Configuration) -> Routing:
    """How calls are routed, as the configuration says."""
    rules = configuration.routing
    preferences = {
        name: Preference(alias.strategy, dict(zip(alias.models, alias.weights, strict=False)))
        for name, alias in configuration.aliases.items()
        if isinstance(alias, Alias)
    }
    return Routing(
        choice=Choice(preferences),
        breakers=Breakers(rules.breaker_failures, rules.breaker_seconds, BUILT_IN),
        retries=rules.retries,
        attempt_seconds=rules.timeout_seconds,
    )


def providers_check(breakers: Breakers) -> Callable[[], Awaitable[str | None]]:
    """What `GET /health` asks of the vendors' models: which are not well, if any.

    It is no failure of the platform, which leaves them alone and tries them again.
    """

    async def check() -> str | None:
        told = [
            f"{model} is {trouble.state} ({trouble.last_error})"
            for model, trouble in sorted(breakers.troubles().items())
        ]
        more = [f"{len(told) - MOST_TOLD} more"] if len(told) > MOST_TOLD else []
        return "; ".join(told[:MOST_TOLD] + more) or None

    return check


async def check_routing(settings: Settings) -> Finding:
    """Which models the running server has trouble with; a server that does not run has none."""
    url = str(settings.url or USUAL_URL).rstrip("/")
    client = HttpClient(connect_seconds=PATIENCE_SECONDS, idle_seconds=PATIENCE_SECONDS)
    try:
        answer = await client.send("GET", f"{url}/health", headers={})
        health = msgspec.json.decode(answer.body, type=_Health)
    except (HttpError, msgspec.MsgspecError):
        return Finding("ok", f"no server to ask at {url}")
    finally:
        await client.aclose()
    records = [_told(vendor, record) for vendor, record in sorted(health.vendors.items())]
    if not health.providers:
        return Finding("ok", "; ".join([f"all models are well, says {url}", *records]))
    told = [
        f"{model} is {trouble.state} since {trouble.since} ({trouble.last_error})"
        for model, trouble in sorted(health.providers.items())
    ]
    remedy = (
        "Look at what the vendors say of their state, and give aliases a model to fall back on."
    )
    return Finding("warn", "; ".join(told + records), remedy)


def _told(vendor: str, record: _Record) -> str:
    said = f"{vendor} last answered {record.last_success or 'never'}"
    if record.last_failure is None:
        return said
    return f"{said} and last failed {record.last_failure} ({record.last_error})"
