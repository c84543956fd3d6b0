"""Usage events for tests: everything has a value, and a test names only what it is about."""

from typing import Any

from headgate.core.ids import new_event_id
from headgate.core.usage import UsageEvent

NOON = 1_795_435_200_000
"""2026-11-23T12:00:00Z, in milliseconds."""


def usage_event(**fields: Any) -> UsageEvent:
    """An event at noon, with `fields` in place of what they name."""
    values: dict[str, Any] = {
        "id": new_event_id(fields.get("timestamp", NOON) / 1000),
        "request_id": "req_1",
        "timestamp": NOON,
        "key_id": "sk-proj-one",
        "workspace_id": "default",
        "user_id": "ada",
        "provider": "openai",
        "model": "gpt-4o",
        "request_type": "completion",
        "status": "ok",
        "cost": 100,
        "billed": 102,
        "price_version": "2026-11-01",
    }
    return UsageEvent(**(values | fields))
