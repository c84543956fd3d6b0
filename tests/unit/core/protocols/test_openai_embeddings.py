import base64
import struct
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.chat import TokenUsage, Wire
from headgate.core.embeddings import EmbeddingRequest, EmbeddingResponse
from headgate.core.errors import InvalidRequest
from headgate.core.protocols.openai_embeddings import (
    EmbeddingsRequest,
    embedding_list,
    embedding_request,
)


def written(value: object) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


@pytest.mark.parametrize(
    ("given_", "read"),
    [
        ("a", ("a",)),
        (["a", "b"], ("a", "b")),
        ([1, 2], ((1, 2),)),
        ([[1, 2], [3]], ((1, 2), (3,))),
    ],
)
def test_each_form_of_input_to_embed_is_read(given_: Any, read: tuple[Any, ...]) -> None:
    sent = msgspec.json.encode({"model": "m", "input": given_, "dimensions": 3})
    wanted = embedding_request(msgspec.json.decode(sent, type=EmbeddingsRequest), sent)
    assert wanted.request == EmbeddingRequest(
        model="m", input=read, dimensions=3, wire=Wire("openai", sent)
    )
    assert not wanted.as_base64


@pytest.mark.parametrize("given_", ["", [], ["a", 1], [1, [2]], ["a", [1]]])
def test_nothing_to_embed_and_two_kinds_at_once_are_refused(given_: Any) -> None:
    with pytest.raises(InvalidRequest) as refused:
        embedding_request(EmbeddingsRequest("m", given_), b"")
    assert refused.value.param == "input"


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=8))
def test_vectors_in_base64_are_little_endian_32_bit_numbers(vector: list[float]) -> None:
    """A client decodes them blindly, so anything else is a wrong vector."""
    response = EmbeddingResponse(model="m", vectors=(tuple(vector),), usage=TokenUsage(3))
    text = written(embedding_list(response, as_base64=True))["data"][0]["embedding"]
    assert list(struct.unpack(f"<{len(vector)}f", base64.b64decode(text))) == vector


def test_vectors_as_numbers_are_lists_in_order() -> None:
    response = EmbeddingResponse(model="m", vectors=((0.5, 1), (2.0,)), usage=TokenUsage(3))
    assert written(embedding_list(response, as_base64=False)) == {
        "object": "list",
        "data": [
            {"index": 0, "embedding": [0.5, 1], "object": "embedding"},
            {"index": 1, "embedding": [2.0], "object": "embedding"},
        ],
        "model": "m",
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    }
