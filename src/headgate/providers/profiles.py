"""What models can do, as their vendors document it.

Rows are by the beginning of a model's id, the longest that fits; the size of a context window comes
from the package `genai-prices` where it has one. A model without a row may be able to do anything.
"""

import functools
from collections.abc import Mapping

import msgspec
from genai_prices import data_snapshot

from headgate.core.models import Ability, Profile
from headgate.providers.bedrock_models import base_name
from headgate.providers.prices import PackagedVendor

_ALL: frozenset[Ability] = frozenset({"images", "tools", "schema", "json", "thinking"})


def _row(*has: Ability, window: int | None = None) -> Profile:
    """A model that can do just that."""
    return Profile(window=window, has=frozenset(has), lacks=_ALL.difference(has))


PROFILES: Mapping[str, Profile] = {
    "gpt-3.5-turbo": _row("tools", "json", window=16_385),
    "gpt-4o": _row("images", "tools", "schema", "json", window=128_000),
    "gpt-4.1": _row("images", "tools", "schema", "json", window=1_047_576),
    "gpt-5": _row("images", "tools", "schema", "json", "thinking", window=400_000),
    "claude-3-haiku": _row("images", "tools", window=200_000),
    "claude-3-5": _row("images", "tools", window=200_000),
    "claude-haiku-4-5": _row("images", "tools", "schema", "thinking", window=200_000),
    "claude-sonnet-4-5": _row("images", "tools", "schema", "thinking", window=200_000),
    "claude-opus-4-5": _row("images", "tools", "schema", "thinking", window=200_000),
    "amazon.nova-micro": _row("tools", window=128_000),
    "amazon.nova-lite": _row("images", "tools", window=300_000),
    "amazon.nova-pro": _row("images", "tools", window=300_000),
    "gemini-2.5-flash": _row("images", "tools", "schema", "json", "thinking", window=1_048_576),
    "gemini-2.5-pro": _row("images", "tools", "schema", "json", "thinking", window=1_048_576),
    "gemini-3": _row("images", "tools", "schema", "json", "thinking", window=1_048_576),
    "command-r": _row("tools", "schema", "json", window=128_000),
    "command-a-03": _row("tools", "schema", "json", window=256_000),
}
_LONGEST_FIRST = sorted(PROFILES.items(), key=lambda row: -len(row[0]))
_UNKNOWN = Profile()


@functools.lru_cache(maxsize=4096)
def profile_of(vendor: PackagedVendor | None, model: str) -> Profile:
    """What is known of a model; `vendor` is where the package looks for its window."""
    # At Bedrock a region and the maker stand before the maker's own name.
    name = base_name(model).removeprefix("anthropic.")
    known = next((row for start, row in _LONGEST_FIRST if name.startswith(start)), _UNKNOWN)
    window = None if vendor is None else _window(vendor, model)
    if known.window is None and window is not None:
        known = msgspec.structs.replace(known, window=window)
    # Anthropic's advice for its models; others are trained on Markdown above all.
    return msgspec.structs.replace(known, style="xml") if name.startswith("claude") else known


def _window(vendor: PackagedVendor, model: str) -> int | None:
    name = vendor.known_as(model)
    if name is None:
        return None
    try:
        _, found = data_snapshot.get_snapshot().find_provider_model(
            name, None, vendor.id, vendor.url
        )
    except LookupError:
        return None
    return found.context_window
