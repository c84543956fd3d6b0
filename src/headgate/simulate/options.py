"""What a simulator is told when it starts."""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

FaultKind: TypeAlias = int | Literal["slow", "cut"]

VENDORS = ("openai", "anthropic", "azure", "bedrock", "gemini", "cohere")
ALL = "all"

_WORDS: dict[str, FaultKind] = {"slow": "slow", "cut": "cut"}


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, and in which share of the calls (0 to 1).

    `kind` is an HTTP status, `slow` (5 s before the first byte) or `cut` (breaks off half-way).
    """

    kind: FaultKind
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorOptions:
    """How all vendors behave where a call's directives say nothing else.

    Attributes:
        vendor: the one to serve, or `all`.
        latency_ms: added before the first byte of every answer.
        tokens_per_second: the pace after the first token; None is as fast as it is read.
        seed: makes the sequence of faults repeat for calls that come one after the other.

    Raises:
        ValueError: a value makes no sense; says which.
    """

    vendor: str = "openai"
    latency_ms: float = 0
    tokens_per_second: float | None = None
    faults: tuple[Fault, ...] = ()
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.vendor != ALL and self.vendor not in VENDORS:
            known = ", ".join((*VENDORS, ALL))
            raise ValueError(f"there is no vendor {self.vendor!r} to simulate: choose of {known}")
        if not 0 <= self.latency_ms < math.inf:
            raise ValueError(f"a latency of {self.latency_ms} ms is not 0 or more")
        if self.tokens_per_second is not None and not 0 < self.tokens_per_second < math.inf:
            raise ValueError(f"{self.tokens_per_second} tokens per second are not more than 0")

    @property
    def vendors(self) -> tuple[str, ...]:
        """The vendors to serve."""
        return VENDORS if self.vendor == ALL else (self.vendor,)


def parse_fault(text: str) -> Fault:
    """A fault written `KIND:P`, such as `429:0.05`, `slow:0.1` or `cut:1`.

    Raises:
        ValueError: it is not written so; says what to change.
    """
    kind_text, colon, share_text = text.partition(":")
    if not colon:
        raise ValueError(f"the fault {text!r} has no probability: write it like 429:0.05")
    kind = _WORDS.get(kind_text)
    if kind is None and kind_text.isascii() and kind_text.isdigit():
        kind = int(kind_text[:4])
    if kind is None or (isinstance(kind, int) and not 400 <= kind <= 599):
        raise ValueError(
            f"{kind_text!r} is no kind of fault: use a status from 400 to 599, slow or cut"
        )
    try:
        share = float(share_text)
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise ValueError(f"the fault {text!r} needs a probability from 0 to 1, like 429:0.05")
    return Fault(kind, share)
