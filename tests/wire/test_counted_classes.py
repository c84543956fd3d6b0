"""Every class of tokens that a vendor counts, or prices by itself, is counted here or never arises.

The vendors' own client libraries name what is counted, `genai-prices` what has a price. A new
edition of either that brings a new class fails here, so that no token is billed at a wrong price
in silence.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Any

import botocore.session  # type: ignore[import-untyped]
import pytest
from anthropic.types import CacheCreation, MessageDeltaUsage, OutputTokensDetails
from anthropic.types import Usage as AnthropicUsage
from cohere.types import Usage as CohereUsage
from cohere.types.usage_billed_units import UsageBilledUnits
from genai_prices import data_snapshot
from google.genai.types import GenerateContentResponseUsageMetadata
from openai.types.completion_usage import (
    CompletionTokensDetails,
    CompletionUsage,
    PromptTokensDetails,
)
from openai.types.create_embedding_response import Usage as EmbeddingUsage

from fakes import NOON
from headgate.providers import (
    anthropic_shapes,
    bedrock_shapes,
    cohere_shapes,
    gemini_shapes,
    openai_shapes,
)
from headgate.providers.prices import PackagedVendor, packaged_price

SUM = "a sum of others"
NO_SOUND = "nobody can send sound, nor ask for it"
AS_TEXT = "a part of the input that costs what text costs"
AS_OUTPUT = "a part of the output that costs what other output costs"
NOT_RUN = "tools that the vendor runs are refused"
ONE_TIER = "only the tier whose price is known can be asked for"

UNCOUNTED = {
    "audio_tokens": NO_SOUND,
    "image_tokens": AS_TEXT,
    "text_tokens": SUM,
    "accepted_prediction_tokens": AS_OUTPUT,
    "rejected_prediction_tokens": AS_OUTPUT,
    "ephemeral_5m_input_tokens": SUM,
    "inference_geo": ONE_TIER,
    "service_tier": ONE_TIER,
    "speed": ONE_TIER,
    "server_tool_use": NOT_RUN,
    "totalTokens": SUM,
    "totalTokenCount": SUM,
    "cacheTokensDetails": AS_TEXT,
    "candidatesTokensDetails": AS_OUTPUT,
    "promptTokensDetails": AS_TEXT,
    "toolUsePromptTokensDetails": AS_TEXT,
    "trafficType": ONE_TIER,
    "search_units": NOT_RUN,
    "classifications": "there is no call of that kind",
}


def fields(model: Any) -> list[str]:
    """A type's fields by the names that stand on the wire."""
    return [field.alias or name for name, field in model.model_fields.items()]


def members(shape: str) -> list[str]:
    service = botocore.session.get_session().get_service_model("bedrock-runtime")
    return list(service.shape_for(shape).members)


@pytest.mark.parametrize(
    ("told", "read"),
    [
        (fields(CompletionUsage), openai_shapes.Usage),
        (fields(EmbeddingUsage), openai_shapes.Usage),
        (fields(PromptTokensDetails), openai_shapes.Details),
        (fields(CompletionTokensDetails), openai_shapes.Details),
        (fields(AnthropicUsage), anthropic_shapes.Usage),
        (fields(MessageDeltaUsage), anthropic_shapes.Usage),
        (fields(CacheCreation), anthropic_shapes.CacheCreation),
        (fields(OutputTokensDetails), anthropic_shapes.OutputDetails),
        (members("TokenUsage"), bedrock_shapes.Usage),
        (members("CacheDetail"), bedrock_shapes.CacheDetail),
        (fields(GenerateContentResponseUsageMetadata), gemini_shapes.Usage),
        (fields(CohereUsage), cohere_shapes.Usage),
        (fields(UsageBilledUnits), cohere_shapes.Tokens),
    ],
)
def test_every_count_that_a_client_knows_is_read_or_has_a_reason(
    told: Iterable[str], read: Any
) -> None:
    assert not set(told) - set(read.__struct_encode_fields__) - UNCOUNTED.keys()


def test_no_reason_outlives_its_count() -> None:
    known = {
        name
        for told in (
            *(PromptTokensDetails, CompletionTokensDetails, AnthropicUsage, CacheCreation),
            *(GenerateContentResponseUsageMetadata, UsageBilledUnits),
        )
        for name in fields(told)
    }
    assert not UNCOUNTED.keys() - known - set(members("TokenUsage"))


PRICED = {
    "input_mtok",
    "output_mtok",
    "cache_read_mtok",
    "cache_write_mtok",
    "cache_write_1h_mtok",
    "output_reasoning_mtok",
}
NEVER_ASKED = {
    "input_audio_mtok": NO_SOUND,
    "cache_audio_read_mtok": NO_SOUND,
    "web_searches_kcount": NOT_RUN,
    "storage_searches_kcount": NOT_RUN,
}
OF_VECTORS = {
    "input_image_mtok": "only texts are turned into vectors",
    "input_video_mtok": "only texts are turned into vectors",
}


@pytest.mark.parametrize("vendor_id", ["openai", "azure", "anthropic", "aws", "google", "cohere"])
def test_a_model_with_a_price_for_what_is_not_counted_is_not_served(vendor_id: str) -> None:
    """Images and sound that a model makes, hours, characters: such a model has no price here."""
    vendor = data_snapshot.find_provider_by_id(data_snapshot.get_snapshot().providers, vendor_id)
    assert vendor is not None
    served = 0
    for model in vendor.models:
        prices = vars(model.get_prices(dt.datetime.fromtimestamp(NOON, dt.UTC)))
        classes = {name for name, price in prices.items() if price is not None}
        uncounted = classes - PRICED - NEVER_ASKED.keys()
        if "output_mtok" not in classes:
            uncounted -= OF_VECTORS.keys()
        price = packaged_price(PackagedVendor(id=vendor_id), model.id, NOON)
        assert price is None or not uncounted, model.id
        served += price is not None
    assert served
