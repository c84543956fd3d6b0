"""The part of `bootstrap` that joins routing: its rules, and what a running server says of it."""

import msgspec

from headgate.bootstrap.vendors import BUILT_IN
from headgate.cli.installation import Finding
from headgate.configuration import Alias, Configuration
from headgate.gateway.breakers import Breakers
from headgate.gateway.choice import Choice, Preference
from headgate.gateway.routing import Routing
from headgate.settings import Settings
from headgate.transport.http import HttpClient, HttpError

# Where `headgate serve` listens unless it is told otherwise.
USUAL_URL = "http://127.0.0.1:3000"
PATIENCE_SECONDS = 2.0


class _Trouble(msgspec.Struct, rename="camel"):
    state: str
    last_error: str
    since: str


class _Health(msgspec.Struct):
    """What the doctor reads of `GET /health`."""

    providers: dict[str, _Trouble]


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


async def check_routing(settings: Settings) -> Finding:
    """Which models the running server has trouble with; a server that does not run has none."""
    url = str(settings.url or USUAL_URL).rstrip("/")
    client = HttpClient(connect_seconds=PATIENCE_SECONDS, idle_seconds=PATIENCE_SECONDS)
    try:
        answer = await client.send("GET", f"{url}/health", headers={})
        found = msgspec.json.decode(answer.body, type=_Health).providers
    except (HttpError, msgspec.MsgspecError):
        return Finding("ok", f"no server to ask at {url}")
    finally:
        await client.aclose()
    if not found:
        return Finding("ok", f"all models are well, says {url}")
    told = [
        f"{model} is {trouble.state} since {trouble.since} ({trouble.last_error})"
        for model, trouble in sorted(found.items())
    ]
    remedy = (
        "Look at what the vendors say of their state, and give aliases a model to fall back on."
    )
    return Finding("warn", "; ".join(told), remedy)
