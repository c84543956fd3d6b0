"""LiteLLM as a library: its calls in OpenAI's and Anthropic's protocols."""

import json
from typing import Any

import litellm
import openai
import pydantic
import pytest
from platform_here import KEY, MODELS, POOR_KEY, RELAY_URL, URL, attempts

litellm.drop_params = False
SEARCH = {
    "type": "function",
    "function": {
        "name": "search",
        "description": "Looks things up.",
        "parameters": {"type": "object", "properties": {"q": {"type": "string"}}},
    },
}


class Person(pydantic.BaseModel):
    """Someone."""

    name: str
    age: int


@pytest.fixture(params=["openai", "anthropic"])
def vendor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=MODELS)
def options(request: pytest.FixtureRequest, vendor: str) -> dict[str, Any]:
    return called(vendor, request.param)


def called(vendor: str, model: str, url: str = URL, key: str = KEY) -> dict[str, Any]:
    """What LiteLLM is told of where and how to call."""
    address = f"{url}/v1" if vendor == "openai" else url
    return {"model": f"{vendor}/{model}", "api_base": address, "api_key": key}


def says(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def test_a_chat(options: dict[str, Any]) -> None:
    answer = litellm.completion(messages=says("hello"), **options)
    assert answer.choices[0].message.content == "You said: hello"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (1, 3)


def test_a_stream_with_usage(options: dict[str, Any]) -> None:
    pieces = list(
        litellm.completion(
            messages=says("[[tokens 5]]"),
            stream=True,
            stream_options={"include_usage": True},
            **options,
        )
    )
    text = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
    assert text == "word word word word word"
    assert pieces[-1].usage.completion_tokens == 5


def test_tools(options: dict[str, Any]) -> None:
    asked = says('[[call search {"q": "one"}]]')
    answer = litellm.completion(messages=asked, tools=[SEARCH], **options)
    message = answer.choices[0].message
    (call,) = message.tool_calls
    assert json.loads(call.function.arguments) == {"q": "one"}
    result = {"role": "tool", "tool_call_id": call.id, "content": "found one"}
    final = litellm.completion(messages=[*asked, message, result], tools=[SEARCH], **options)
    assert final.choices[0].message.content == "Results: found one"


def test_structured_output() -> None:
    for name in MODELS:
        answer = litellm.completion(
            messages=says("[[json]]"), response_format=Person, **called("openai", name)
        )
        person = Person.model_validate_json(answer.choices[0].message.content)
        assert person == Person(name="", age=0)


@pytest.mark.parametrize("name", MODELS)
def test_responses(name: str) -> None:
    options = called("openai", name)
    answer = litellm.responses(input="hello", **options)
    assert answer.output[0].content[0].text == "You said: hello"
    events = [str(event.type) for event in litellm.responses(input="hi", stream=True, **options)]
    assert events[-1].endswith("completed") or "COMPLETED" in events[-1]


@pytest.mark.parametrize("name", ["sandbox", "text-embedding-3-small"])
def test_embeddings(name: str) -> None:
    answer = litellm.embedding(
        input=["the cat", "the cat", "a dog"], encoding_format="float", **called("openai", name)
    )
    one, same, other = (item["embedding"] for item in answer.data)
    assert one == same != other


@pytest.mark.parametrize(
    ("asked", "key", "name", "status", "tries"),
    [
        ("hello", POOR_KEY, "sandbox", 402, 1),
        ("hello", KEY, "no-such-model", 404, 1),
        ("[[fail 429]]", KEY, "sandbox", 429, 1),
    ],
)
def test_errors_are_typed(
    vendor: str, *, asked: str, key: str, name: str, status: int, tries: int
) -> None:
    attempts()
    with pytest.raises(openai.APIError) as caught:
        litellm.completion(
            messages=says(asked), max_retries=0, **called(vendor, name, RELAY_URL, key)
        )
    assert vars(caught.value)["status_code"] == status
    assert attempts() == tries
