"""What vectors cost at every vendor that has them, to the nano-dollar: input alone, as it counts.

Where a vendor tells no count it is estimated from the size of the texts, and the answer says so.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import pytest

from fakes import NOON
from headgate.core.embeddings import EmbeddingRequest
from headgate.core.models import EmbeddingModel
from headgate.providers.bedrock import BedrockProvider, BedrockVendor
from headgate.providers.cohere import CohereProvider, CohereVendor
from headgate.providers.gemini import GeminiProvider, GeminiVendor
from headgate.providers.openai import OpenAIProvider, OpenAIVendor
from headgate.providers.prices import PackagedVendor, packaged_price
from headgate.transport.http import HttpClient, HttpResponse
from headgate.transport.sigv4 import Credentials
from scripted_http import ScriptedClient

BASE = "https://vendor.example"
TEXTS = ("one two", "three")
VECTORS = [[0.6, 0.8], [1.0, 0.0]]
AWS = Credentials("AKIDEXAMPLE", "secret-of-aws", None)


class Case(NamedTuple):
    """A vendor's answers for `TEXTS`; `nano_dollars` is None where it tells no count."""

    vendor: PackagedVendor
    provider: Callable[[HttpClient], EmbeddingModel]
    model: str
    answers: tuple[HttpResponse, ...]
    nano_dollars: int | None


def answer(headers: dict[str, str] | None = None, /, **fields: Any) -> HttpResponse:
    return HttpResponse(200, headers or {}, msgspec.json.encode(fields))


def openai(client: HttpClient) -> EmbeddingModel:
    return OpenAIProvider(OpenAIVendor(name="openai", base_url=BASE), client)


def gemini(client: HttpClient) -> EmbeddingModel:
    return GeminiProvider(GeminiVendor(name="gemini", base_url=BASE), client)


def cohere(client: HttpClient) -> EmbeddingModel:
    return CohereProvider(CohereVendor(name="cohere", base_url=BASE), client)


def bedrock(client: HttpClient) -> EmbeddingModel:
    vendor = BedrockVendor(name="bedrock", endpoint=BASE, region="eu-west-1", credentials=AWS)
    return BedrockProvider(vendor, client)


OPENAIS = [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(VECTORS)]
GEMINIS = [{"values": vector} for vector in VECTORS]
TITANS = tuple(answer(embedding=vector, inputTextTokenCount=500) for vector in VECTORS)

CASES = [
    # 1,000 x $0.02 per million
    Case(
        PackagedVendor(id="openai"),
        openai,
        "text-embedding-3-small",
        (answer(data=OPENAIS, usage={"prompt_tokens": 1_000, "total_tokens": 1_000}),),
        20_000,
    ),
    # the same at Azure, which counts as OpenAI does
    Case(
        PackagedVendor(id="azure"),
        openai,
        "text-embedding-3-large",
        (answer(data=OPENAIS, usage={"prompt_tokens": 1_000, "total_tokens": 1_000}),),
        130_000,
    ),
    Case(
        PackagedVendor(id="openai"), openai, "text-embedding-3-small", (answer(data=OPENAIS),), None
    ),
    # 1,000 x $0.15
    Case(
        PackagedVendor(id="google"),
        gemini,
        "gemini-embedding-001",
        (answer(embeddings=GEMINIS, usageMetadata={"promptTokenCount": 1_000}),),
        150_000,
    ),
    Case(
        PackagedVendor(id="google"),
        gemini,
        "gemini-embedding-001",
        (answer(embeddings=GEMINIS),),
        None,
    ),
    # 1,000 x $0.12
    Case(
        PackagedVendor(id="cohere"),
        cohere,
        "embed-v4.0",
        (
            answer(
                embeddings={"float": VECTORS},
                meta={"billed_units": {"input_tokens": 1_000.0, "image_tokens": 0}},
            ),
        ),
        120_000,
    ),
    # twice 500 x $0.02, by a call for each text
    Case(PackagedVendor(id="aws"), bedrock, "amazon.titan-embed-text-v2:0", TITANS, 20_000),
    Case(
        PackagedVendor(id="aws"),
        bedrock,
        "amazon.titan-embed-text-v2:0",
        tuple(answer(embedding=vector) for vector in VECTORS),
        None,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.model} {case.nano_dollars}")
async def test_vectors_cost_what_the_vendor_counts(case: Case) -> None:
    price = packaged_price(case.vendor, case.model, NOON)
    assert price is not None
    provider = case.provider(ScriptedClient(*case.answers))
    request = EmbeddingRequest(model=case.model, input=TEXTS)
    response = await provider.embed(request, idempotency_key="one")
    assert response.estimated == (case.nano_dollars is None)
    if case.nano_dollars is not None:
        assert price.cost(response.usage) == case.nano_dollars
    else:
        assert 0 < response.usage.input_tokens <= provider.embedding_ceiling(request)
    assert response.usage.output_tokens == 0
    assert len(response.vectors) == len(TEXTS)
