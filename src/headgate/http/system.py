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


class VendorRecord(msgspec.Struct, frozen=True, rename="camel"):
    """When a vendor last gave an answer and last failed to; `lastError` is the kind of failure."""

    last_success: str | None
    last_failure: str | None
    last_error: str | None


class Health(msgspec.Struct, frozen=True):
    """Whether the platform works; `checks` says `ok` or what is wrong for each of its parts.

    A part may be wrong in a way that the platform works around; then the status stays `ok`.
    `providers` are the vendors' models that are not well, and `vendors` all vendors that were
    called, as the answering process has seen them since it began.
    """

    status: str
    version: str
    checks: dict[str, str]
    providers: dict[str, Trouble]
    vendors: dict[str, VendorRecord]


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
    found = Health("unavailable" if failing else "ok", __version__, said, *_vendors(call))
    if not failing:
        return Reply(found)
    error = errors.body_of(Overloaded(f"not available: {', '.join(failing)}"))
    return Reply(msgspec.structs.asdict(found) | error, 503)


def _vendors(call: Call[None]) -> tuple[dict[str, Trouble], dict[str, VendorRecord]]:
    """The models that are not well, and how their vendors did last."""
    breakers = call.services.gateway.routing.breakers
    troubles = {
        model: Trouble(trouble.state, trouble.last_error, iso(trouble.since))
        for model, trouble in breakers.troubles().items()
    }
    records = {
        vendor: VendorRecord(_iso(each.last_success), _iso(each.last_failure), each.last_error)
        for vendor, each in breakers.records().items()
    }
    return troubles, records


def _iso(moment: float | None) -> str | None:
    return None if moment is None else iso(moment)
