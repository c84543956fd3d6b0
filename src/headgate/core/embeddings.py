"""Texts turned into vectors."""

from typing import TypeAlias

import msgspec

from headgate.core.chat import TokenUsage, Wire

EmbeddingInput: TypeAlias = tuple[str, ...] | tuple[tuple[int, ...], ...]
"""Texts, or texts that the caller has already cut into a vendor's tokens."""


class EmbeddingRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be embedded; `dimensions` shortens the vectors where the model can."""

    model: str
    input: EmbeddingInput
    dimensions: int | None = None
    wire: Wire | None = None


class EmbeddingResponse(msgspec.Struct, frozen=True, kw_only=True):
    """One vector per input, in its order; `estimated` where the vendor gave no count."""

    model: str
    vectors: tuple[tuple[float, ...], ...]
    usage: TokenUsage
    estimated: bool = False
