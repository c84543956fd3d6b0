"""Whether a secret protects anything."""

import re

from headgate.variables import Secret

SHORTEST_SECRET = 16
# Words of examples, at the beginning or inside: `sk-proj-example-changeme` is one as well.
_SAMPLES = re.compile(r"(?<![a-z0-9])(?:change[-_]?me|your[-_]|example|sample|secret)")


def weakness_of(secret: Secret | None) -> str | None:
    """Why a secret protects nothing, or None."""
    if secret is None:
        return "is not set"
    if _SAMPLES.search(secret.reveal().lower()):
        return "is a sample value"
    if len(secret.reveal()) < SHORTEST_SECRET:
        return f"is shorter than {SHORTEST_SECRET} characters"
    return None
