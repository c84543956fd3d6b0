"""The vendors of the matrix: their models, what they do not have, and one price for all of them.

Every vendor but the built-in `local` is the simulator, or speaks its language, so the same question
is the same number of tokens everywhere, and at the sandbox's price the same money.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from headgate_server import Simulator

# Dollars per million tokens. Input and output are the sandbox's; the other classes are here so
# that a token which is counted in two of them shows.
PRICES = {"input": "1", "output": "2", "cached_input": "0.5", "reasoning": "4"}
TIMEOUT_SECONDS = 3
ROW = "rowed"


@dataclass(frozen=True, eq=False)
class Vendor:
    """A vendor.

    Attributes:
        title: what the page calls it.
        model: what answers, in the vendor's words.
        embeds: what turns texts into vectors, or None where the vendor has nothing.
        tells_reasoning: whether it counts hidden output by itself where nobody asked for thoughts.
        lacks: what it does not have, and why, in the words that the caller is told.
        is_remote: whether it is called over the network.
        is_fallible: whether it can be told to fail.
        is_free: whether it costs nothing.
    """

    name: str
    title: str
    model: str
    embeds: str | None
    tells_reasoning: bool = True
    lacks: Mapping[str, str] = field(default_factory=dict)
    is_remote: bool = True
    is_fallible: bool = True
    is_free: bool = False


VENDORS = (
    Vendor("openai", "OpenAI", "gpt-4o-mini", "text-embedding-3-small"),
    Vendor(ROW, "a compatible row", "large", "vectors"),
    Vendor("azure", "Azure", "gpt-4o-mini", "text-embedding-3-small"),
    Vendor(
        "anthropic",
        "Anthropic",
        "claude-haiku-4-5",
        None,
        lacks={"vectors": "Anthropic has no embeddings"},
    ),
    Vendor(
        "bedrock",
        "Bedrock",
        "eu.anthropic.claude-haiku-4-5-20251001-v1:0",
        "amazon.titan-embed-text-v2:0",
        tells_reasoning=False,
    ),
    Vendor("gemini", "Gemini", "gemini-3.1-flash-lite", "gemini-embedding-001"),
    Vendor("cohere", "Cohere", "command-r7b-12-2024", "embed-v4.0", tells_reasoning=False),
    Vendor("sandbox", "`sandbox`", "sandbox", "sandbox", is_remote=False),
    Vendor(
        "local",
        "`local`",
        "local",
        "local",
        lacks={
            "tools": "the local model cannot call tools",
            "image": "the local model cannot see images",
        },
        is_remote=False,
        is_fallible=False,
        is_free=True,
    ),
)


def environment(simulator: Simulator) -> dict[str, str]:
    """The settings by which a platform calls the simulator in every vendor's place."""
    return {
        **simulator.environment,
        **simulator.clouds,
        **simulator.environment_of("gemini"),
        **simulator.environment_of("cohere"),
    }


def configuration(simulator: Simulator) -> str:
    """A `headgate.toml` with one price for all, a row of its own, and no second try."""
    amounts = "\n".join(f"{name} = {amount}" for name, amount in PRICES.items())
    prices = "\n".join(f'[prices."{name}"]\n{amounts}' for name in _priced(VENDORS))
    return f"""
[vendors.{ROW}]
base_url = "{simulator.openai_url}"
models = ["large", "vectors"]

[routing]
timeout_seconds = {TIMEOUT_SECONDS}
retries = 0
breaker_failures = 1_000_000

[limits]
requests_per_second = 1_000_000
burst = 1_000_000

{prices}
"""


def _priced(vendors: Sequence[Vendor]) -> list[str]:
    """The models that cost something, each under its qualified name."""
    return [
        f"{vendor.name}/{model}"
        for vendor in vendors
        if not vendor.is_free
        for model in dict.fromkeys((vendor.model, vendor.embeds))
        if model is not None
    ]
