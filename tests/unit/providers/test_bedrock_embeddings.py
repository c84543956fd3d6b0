import msgspec
import pytest

from headgate.core.embeddings import EmbeddingRequest
from headgate.core.models import ProviderBroke, ProviderRefused
from headgate.providers.bedrock_embeddings import COHERE_TEXTS, COUNT_HEADER, bodies, vectors_from

TITAN = "amazon.titan-embed-text-v2:0"
COHERE = "cohere.embed-multilingual-v3"


def test_titan_takes_one_text_a_call() -> None:
    found = bodies(EmbeddingRequest(model=TITAN, input=("a", "b"), dimensions=256))
    assert found == [
        (b'{"inputText":"a","dimensions":256}', 1),
        (b'{"inputText":"b","dimensions":256}', 1),
    ]


def test_cohere_takes_many_texts_a_call() -> None:
    texts = tuple(f"text {number}" for number in range(COHERE_TEXTS + 2))
    found = bodies(EmbeddingRequest(model=f"eu.{COHERE}", input=texts))
    assert [count for _, count in found] == [COHERE_TEXTS, 2]
    sent = [text for body, _ in found for text in msgspec.json.decode(body)["texts"]]
    assert sent == list(texts)


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        (EmbeddingRequest(model=TITAN, input=((1, 2),)), "input"),
        (
            EmbeddingRequest(model="amazon.titan-embed-text-v1", input=("a",), dimensions=8),
            "dimensions",
        ),
        (EmbeddingRequest(model=COHERE, input=("a",), dimensions=8), "dimensions"),
        (EmbeddingRequest(model="amazon.nova-lite-v1:0", input=("a",)), "model"),
    ],
)
def test_what_a_model_does_not_have_is_refused_by_name(
    request_: EmbeddingRequest, named: str
) -> None:
    with pytest.raises(ProviderRefused) as refusal:
        bodies(request_)
    assert refusal.value.param == named


@pytest.mark.parametrize(
    ("headers", "body", "tokens"),
    [
        ({}, b'{"embedding":[1,0.5],"inputTextTokenCount":7,"embeddingsByType":{}}', 7),
        ({}, b'{"embedding":[1,0.5]}', None),
        ({COUNT_HEADER: "9"}, b'{"id":"x","embeddings":[[1,0.5]],"texts":["a"]}', 9),
        ({COUNT_HEADER: "9"}, b'{"embeddings":{"float":[[1,0.5]]}}', 9),
        ({COUNT_HEADER: "many"}, b'{"embeddings":{"float":[[1,0.5]]}}', None),
    ],
)
def test_vectors_and_their_count_are_read(
    headers: dict[str, str], body: bytes, tokens: int | None
) -> None:
    assert vectors_from(headers, body, 1) == ([(1.0, 0.5)], tokens)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"embeddings":[]}', b'{"embedding":"x"}'])
def test_an_answer_that_is_none_is_broken(body: bytes) -> None:
    with pytest.raises(ProviderBroke):
        vectors_from({}, body, 1)
