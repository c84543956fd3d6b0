"""Vectors from Bedrock: each maker has a body of its own, and none takes any number of texts.

Amazon's Titan takes one text a call, Cohere's models up to 96.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from headgate.core.embeddings import EmbeddingRequest
from headgate.core.models import ProviderBroke, ProviderRefused, unsupported
from headgate.providers.bedrock_models import base_name
from headgate.providers.failures import UNREADABLE

COHERE_TEXTS = 96
# Where the body does not count the input, a header does.
COUNT_HEADER = "x-amzn-bedrock-input-token-count"


class Vectors(NamedTuple):
    """What one call gave; `tokens` is None where the vendor did not count."""

    vectors: list[tuple[float, ...]]
    tokens: int | None


class _Titan(msgspec.Struct, rename="camel"):
    embedding: tuple[float, ...]
    input_text_token_count: int | None = None


class _ByType(msgspec.Struct):
    float: list[tuple[float, ...]]


class _Cohere(msgspec.Struct):
    embeddings: list[tuple[float, ...]] | _ByType


def bodies(request: EmbeddingRequest) -> list[tuple[bytes, int]]:
    """The calls to make, each with the number of its texts.

    Raises:
        ProviderRefused: the model has no embeddings, or not those that are asked for.
    """
    texts = [item for item in request.input if isinstance(item, str)]
    if len(texts) < len(request.input):
        raise unsupported("input", "Bedrock's models take texts, and no tokens")
    model = base_name(request.model)
    if model.startswith("amazon.titan-embed-text"):
        return [(_titan(text, model, request.dimensions), 1) for text in texts]
    if model.startswith("cohere.embed"):
        parts = [texts[at : at + COHERE_TEXTS] for at in range(0, len(texts), COHERE_TEXTS)]
        return [(_cohere(part, model, request.dimensions), len(part)) for part in parts]
    raise ProviderRefused(
        "invalid", "this model has no embeddings: name one that has", param="model"
    )


def _titan(text: str, model: str, dimensions: int | None) -> bytes:
    fields: dict[str, Any] = {"inputText": text}
    if dimensions is not None:
        if "titan-embed-text-v2" not in model:
            raise unsupported("dimensions", "this model's vectors have one length")
        fields["dimensions"] = dimensions
    return msgspec.json.encode(fields)


def _cohere(texts: Sequence[str], model: str, dimensions: int | None) -> bytes:
    fields: dict[str, Any] = {"texts": texts, "input_type": "search_document", "truncate": "NONE"}
    if dimensions is not None:
        if not model.startswith("cohere.embed-v4"):
            raise unsupported("dimensions", "this model's vectors have one length")
        fields["output_dimension"] = dimensions
    return msgspec.json.encode(fields | {"embedding_types": ["float"]})


def vectors_from(headers: Mapping[str, str], body: bytes, texts: int) -> Vectors:
    """What one call gave for so many texts.

    Raises:
        ProviderBroke: it is something else.
    """
    try:
        if b'"embeddings"' in body:
            found = msgspec.json.decode(body, type=_Cohere).embeddings
            vectors, counted = (found if isinstance(found, list) else found.float), None
        else:
            titan = msgspec.json.decode(body, type=_Titan)
            vectors, counted = [titan.embedding], titan.input_text_token_count
    except UNREADABLE as error:
        raise ProviderBroke("the vendor's answer could not be understood") from error
    if len(vectors) != texts:
        raise ProviderBroke("the vendor gave another number of vectors than was asked for")
    told = headers.get(COUNT_HEADER, "")
    return Vectors(vectors, int(told) if counted is None and told.isdecimal() else counted)
