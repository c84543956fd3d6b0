"""What models can do, as their vendors document it.

Rows are by the beginning of a model's id, the longest that fits; the size of a context window comes
from the package `genai-prices` where it has one. A model without a row may be able to do anything.
"""

import functools
from collections.abc import Mapping

import msgspec

from headgate.core.models import Ability, Profile, Tier
from headgate.providers.bedrock_models import base_name
from headgate.providers.prices import PackagedVendor, packaged_model

_ALL: frozenset[Ability] = frozenset({"images", "tools", "schema", "json", "thinking"})


def _row(tier: Tier | None, *has: Ability, window: int | None = None) -> Profile:
    """A model that can do just that."""
    return Profile(window=window, tier=tier, has=frozenset(has), lacks=_ALL.difference(has))


_GPT_4O: tuple[Ability, ...] = ("images", "tools", "schema", "json")
_CLAUDE: tuple[Ability, ...] = ("images", "tools", "schema", "thinking")
_GEMINI: tuple[Ability, ...] = (*_GPT_4O, "thinking")
_COMMAND: tuple[Ability, ...] = ("tools", "schema", "json")
_MILLION = 1_048_576

PROFILES: Mapping[str, Profile] = {
    "gpt-3.5-turbo": _row("small", "tools", "json", window=16_385),
    "gpt-4o": _row("large", *_GPT_4O, window=128_000),
    "gpt-4o-mini": _row("medium", *_GPT_4O, window=128_000),
    "gpt-4.1": _row("large", *_GPT_4O, window=1_047_576),
    "gpt-4.1-mini": _row("medium", *_GPT_4O, window=1_047_576),
    "gpt-4.1-nano": _row("small", *_GPT_4O, window=1_047_576),
    "gpt-5": _row("large", *_GEMINI, window=400_000),
    "gpt-5-mini": _row("medium", *_GEMINI, window=400_000),
    "gpt-5-nano": _row("small", *_GEMINI, window=400_000),
    "claude-3-haiku": _row("small", "images", "tools", window=200_000),
    "claude-3-5": _row("large", "images", "tools", window=200_000),
    "claude-3-5-haiku": _row("medium", "images", "tools", window=200_000),
    "claude-haiku-4-5": _row("medium", *_CLAUDE, window=200_000),
    "claude-sonnet-4-5": _row("large", *_CLAUDE, window=200_000),
    "claude-opus-4-5": _row("large", *_CLAUDE, window=200_000),
    "amazon.nova-micro": _row("small", "tools", window=128_000),
    "amazon.nova-lite": _row("medium", "images", "tools", window=300_000),
    "amazon.nova-pro": _row("large", "images", "tools", window=300_000),
    "gemini-2.5-flash": _row("medium", *_GEMINI, window=_MILLION),
    "gemini-2.5-flash-lite": _row("small", *_GEMINI, window=_MILLION),
    "gemini-2.5-pro": _row("large", *_GEMINI, window=_MILLION),
    "gemini-3": _row(None, *_GEMINI, window=_MILLION),
    "gemini-3-pro": _row("large", *_GEMINI, window=_MILLION),
    "gemini-3.1-pro": _row("large", *_GEMINI, window=_MILLION),
    "gemini-3.1-flash-lite": _row("small", *_GEMINI, window=_MILLION),
    "gemini-3.5-flash": _row("medium", *_GEMINI, window=_MILLION),
    "gemini-3.5-flash-lite": _row("small", *_GEMINI, window=_MILLION),
    "command-r": _row("medium", *_COMMAND, window=128_000),
    "command-r7b": _row("small", *_COMMAND, window=128_000),
    "command-a-03": _row("large", *_COMMAND, window=256_000),
}
_LONGEST_FIRST = sorted(PROFILES.items(), key=lambda row: -len(row[0]))
_UNKNOWN = Profile()


@functools.lru_cache(maxsize=4096)
def profile_of(vendor: PackagedVendor | None, model: str) -> Profile:
    """What is known of a model; `vendor` is where the package looks for its window."""
    # At Bedrock a region and the maker stand before the maker's own name.
    name = base_name(model).removeprefix("anthropic.")
    known = next((row for start, row in _LONGEST_FIRST if name.startswith(start)), _UNKNOWN)
    packaged = None if vendor is None else packaged_model(vendor, model)
    if known.window is None and packaged is not None:
        known = msgspec.structs.replace(known, window=packaged.context_window)
    # Anthropic's advice for its models; others are trained on Markdown above all.
    return msgspec.structs.replace(known, style="xml") if name.startswith("claude") else known
