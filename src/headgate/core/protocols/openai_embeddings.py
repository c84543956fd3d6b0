"""OpenAI's embeddings, as a server reads and writes them.

Both official clients ask for base64 vectors by default, and decode them blindly.
"""

import array
import base64
import sys
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from headgate.core.chat import Wire
from headgate.core.embeddings import EmbeddingRequest, EmbeddingResponse
from headgate.core.errors import InvalidRequest
from headgate.core.protocols.openai import PROTOCOL, Name


class EmbeddingsRequest(msgspec.Struct):
    """The body of `POST /v1/embeddings`; LangChain sends lists of tokens.

    A list of `input` holds one kind: texts, the tokens of one text, or a list of tokens per text.
    """

    model: Name
    input: str | list[str | int | list[int]]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, msgspec.Meta(ge=1, le=65_536)] | None = None


class ParsedEmbedding(NamedTuple):
    """An embedding request, and whether vectors are wanted as base64."""

    request: EmbeddingRequest
    as_base64: bool


def embedding_request(wanted: EmbeddingsRequest, body: bytes) -> ParsedEmbedding:
    """The platform's request for a decoded body.

    Raises:
        InvalidRequest: there is nothing to embed, or texts and tokens are mixed.
    """
    given = wanted.input
    if not given:
        raise InvalidRequest("input is empty: give a text or a list of texts", param="input")
    if not isinstance(given, str) and len({type(item) for item in given}) > 1:
        raise InvalidRequest("input mixes texts and tokens: give one kind", param="input")
    texts: Any
    if isinstance(given, str):
        texts = (given,)
    elif isinstance(given[0], int):
        texts = (tuple(given),)
    else:
        items: Any = given
        texts = tuple(item if isinstance(item, str) else tuple(item) for item in items)
    request = EmbeddingRequest(
        model=wanted.model,
        input=texts,
        dimensions=wanted.dimensions,
        wire=Wire(PROTOCOL, body),
    )
    return ParsedEmbedding(request, wanted.encoding_format == "base64")


class EmbeddingItem(msgspec.Struct, frozen=True):
    """One vector, as numbers or as base64 of little-endian 32-bit floats."""

    index: int
    embedding: list[float] | str
    object: Literal["embedding"] = "embedding"


class EmbeddingUsage(msgspec.Struct, frozen=True):
    """Tokens of an embedding call."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingList(msgspec.Struct, frozen=True, kw_only=True):
    """The body of an answer with vectors."""

    object: Literal["list"] = "list"
    data: list[EmbeddingItem]
    model: str
    usage: EmbeddingUsage


def embedding_list(response: EmbeddingResponse, *, as_base64: bool) -> EmbeddingList:
    """Vectors in OpenAI's words."""
    data = [
        EmbeddingItem(index, _base64(vector) if as_base64 else list(vector))
        for index, vector in enumerate(response.vectors)
    ]
    tokens = response.usage.input_tokens
    return EmbeddingList(data=data, model=response.model, usage=EmbeddingUsage(tokens, tokens))


def _base64(vector: tuple[float, ...]) -> str:
    floats = array.array("f", vector)
    if sys.byteorder == "big":  # pragma: no cover - the wire is little-endian everywhere
        floats.byteswap()
    return base64.b64encode(floats.tobytes()).decode()
