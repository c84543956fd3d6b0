"""The routes about the platform itself: is it well, and what can it do."""

import asyncio

import msgspec

from headgate import __version__
from headgate.core.errors import HeadgateError, Overloaded
from headgate.core.times import iso
from headgate.gateway.breakers import CircuitState
from headgate.http import errors
from headgate.http.calls import Call, Reply


class Trouble(msgspec.Struct, frozen=True, rename="camel"):
    """What is wrong with a vendor's model.

    `state` is `failing` (its last call failed), `open` (left alone), `probing` (one call tries it
    again) or `cooling` (it asked not to be called for now).
    """

    state: CircuitState
    last_error: str
    since: str


class Health(msgspec.Struct, frozen=True):
    """Whether the platform works; `checks` says `ok` or what is wrong for each of its parts.

    A part may be wrong in a way that the platform works around; then the status stays `ok`.
    `providers` are the vendors' models that are not well, as the answering process sees them.
    """

    status: str
    version: str
    checks: dict[str, str]
    providers: dict[str, Trouble]


PROMETHEUS = b"text/plain; version=0.0.4; charset=utf-8"


async def metrics(call: Call[None]) -> Reply:
    """`GET /metrics`."""
    return Reply(await call.services.metrics(), content_type=PROMETHEUS)


async def health(call: Call[None]) -> Reply:
    """`GET /health`: 503 with the failing part when one is down."""
    checks = call.services.health
    findings = await asyncio.gather(*(check() for check in checks.values()), return_exceptions=True)
    said: dict[str, str] = {}
    failing: list[str] = []
    for name, finding in zip(checks, findings, strict=True):
        if isinstance(finding, HeadgateError):
            said[name] = finding.message
            failing.append(name)
        elif isinstance(finding, BaseException):
            raise finding
        else:
            said[name] = finding or "ok"
    troubles = {
        model: Trouble(found.state, found.last_error, iso(found.since))
        for model, found in call.services.gateway.routing.breakers.troubles().items()
    }
    if not failing:
        return Reply(Health("ok", __version__, said, troubles))
    error = errors.body_of(Overloaded(f"not available: {', '.join(failing)}"))
    answer = msgspec.structs.asdict(Health("unavailable", __version__, said, troubles))
    return Reply(answer | error, 503)
