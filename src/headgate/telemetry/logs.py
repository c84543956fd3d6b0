"""Logs as lines of JSON, for machines that collect them.

A line says when, how important, from which part, and what; one of a request also what came of it.
None says what was asked or answered, which `contents` does where that is switched on, and no
credential is ever logged.
"""

import datetime as dt
import logging
from collections.abc import Callable
from typing import Any

import msgspec

from headgate.core.money import NANO_PER_USD
from headgate.core.watching import RequestRecord

REQUESTS = "headgate.requests"
FIELDS = "headgate_fields"

_LOG = logging.getLogger(REQUESTS)


class JsonLines(logging.Formatter):
    """Writes each record as one line of JSON."""

    def __init__(self, parent: Callable[[], str | None]) -> None:
        """`parent` gives the `traceparent` of the work that is going on, where it is traced."""
        super().__init__()
        self._parent = parent

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the message has in it."""
        moment = dt.datetime.fromtimestamp(record.created, dt.UTC)
        line: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        traced = self._parent()
        if traced is not None:
            line["traceId"] = traced.split("-")[1]
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


def log_request(record: RequestRecord) -> None:
    """Log a request that was answered."""
    if not _LOG.isEnabledFor(logging.INFO):
        return
    _LOG.info("request answered", extra={FIELDS: request_fields(record)})


def request_fields(record: RequestRecord) -> dict[str, Any]:
    """What a request's line says; what a model took is the sum of all calls made for it."""
    fields: dict[str, Any] = {
        "requestId": record.request_id,
        "keyId": record.key_id,
        "method": record.method,
        "route": record.route,
        "status": record.status,
        "latencyMs": round(record.seconds * 1000, 3),
    }
    if record.calls:
        last, calls = record.calls[-1], record.calls
        fields |= {
            "model": last.model,
            "provider": last.provider,
            "calls": len(calls),
            "inputTokens": sum(call.input_tokens for call in calls),
            "outputTokens": sum(call.output_tokens for call in calls),
            "cost": sum(call.cost for call in calls) / NANO_PER_USD,
            "billed": sum(call.billed for call in calls) / NANO_PER_USD,
            "cache": last.cache,
            "outcome": last.status,
            "firstTokenMs": last.first_token_ms,
        }
    return {name: value for name, value in fields.items() if value is not None}
