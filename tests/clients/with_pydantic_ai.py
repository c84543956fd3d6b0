"""Pydantic AI's agents over OpenAI's two protocols and Anthropic's."""

import asyncio
from collections.abc import Callable
from typing import Any

import pydantic
import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from platform_here import KEY, MODELS, POOR_KEY, RELAY_URL, URL, attempts
from pydantic_ai import Agent, Embedder, ModelHTTPError, NativeOutput
from pydantic_ai.embeddings.openai import OpenAIEmbeddingModel
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

Make = Callable[..., Model]
PROTOCOLS = ["chat", "responses", "messages"]


class Person(pydantic.BaseModel):
    """Someone."""

    name: str
    age: int


@pytest.fixture(params=PROTOCOLS)
def make(request: pytest.FixtureRequest) -> Make:
    def made(model: str, url: str = URL, key: str = KEY, retries: int = 0) -> Model:
        if request.param == "messages":
            client = AsyncAnthropic(base_url=url, api_key=key, max_retries=retries)
            return AnthropicModel(model, provider=AnthropicProvider(anthropic_client=client))
        provider = OpenAIProvider(
            openai_client=AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=retries)
        )
        kind: Any = OpenAIChatModel if request.param == "chat" else OpenAIResponsesModel
        return kind(model, provider=provider)

    return made


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest, make: Make) -> Model:
    return make(request.param)


def searching(model: Model) -> Agent[None, str]:
    """An agent that can look things up."""
    agent: Agent[None, str] = Agent(model)

    @agent.tool_plain
    def search(q: str) -> str:
        """Looks things up."""
        return f"found {q}"

    return agent


def test_a_chat_and_its_usage(model: Model) -> None:
    result = Agent(model, instructions="be brief").run_sync("hello")
    assert result.output == "You said: hello"
    assert (result.usage.input_tokens, result.usage.output_tokens) == (3, 3)


def test_a_conversation(model: Model) -> None:
    agent = Agent(model)
    first = agent.run_sync("hello")
    second = agent.run_sync("again", message_history=first.all_messages())
    assert second.output == "You said: again"


def test_a_stream_with_usage(model: Model) -> None:
    async def stream() -> tuple[list[str], int]:
        async with Agent(model).run_stream("[[tokens 5]]") as result:
            pieces = [piece async for piece in result.stream_text(delta=True, debounce_by=None)]
            return pieces, result.usage.output_tokens

    pieces, tokens = asyncio.run(stream())
    assert "".join(pieces) == "word word word word word"
    assert len(pieces) > 1
    assert tokens == 5


def test_tools(model: Model) -> None:
    asked = '[[call search {"q": "one"}]] [[call search {"q": "two"}]]'
    result = searching(model).run_sync(asked)
    assert result.output == "Results: found one found two"
    assert result.usage.tool_calls == 2


def test_tools_of_a_stream(model: Model) -> None:
    async def stream() -> str:
        async with searching(model).run_stream('[[call search {"q": "one"}]]') as result:
            return str(await result.get_output())

    assert asyncio.run(stream()) == "Results: found one"


def test_structured_output_by_a_tool(model: Model) -> None:
    assert Agent(model, output_type=Person).run_sync("[[json]]").output == Person(name="", age=0)


def test_structured_output_under_a_schema(model: Model) -> None:
    if isinstance(model, AnthropicModel):
        # It refuses the names of other vendors' models before any request is made.
        pytest.skip("Pydantic AI knows by their names which models of Anthropic's can")
    output: Any = NativeOutput(Person)
    assert Agent(model, output_type=output).run_sync("[[json]]").output == Person(name="", age=0)


@pytest.mark.parametrize("name", ["sandbox", "text-embedding-3-small"])
def test_embeddings(name: str) -> None:
    provider = OpenAIProvider(base_url=f"{URL}/v1", api_key=KEY)
    embedder = Embedder(OpenAIEmbeddingModel(name, provider=provider))
    one, same, other = embedder.embed_documents_sync(["the cat", "the cat", "a dog"]).embeddings
    assert list(one) == list(same) != list(other)


@pytest.mark.parametrize(
    ("asked", "key", "name", "status", "tries"),
    [
        ("hello", POOR_KEY, "sandbox", 402, 1),
        ("hello", KEY, "no-such-model", 404, 1),
        ("[[fail 429]]", KEY, "sandbox", 429, 2),
    ],
)
def test_errors_are_typed_and_tried_again_where_that_can_help(
    make: Make, *, asked: str, key: str, name: str, status: int, tries: int
) -> None:
    attempts()
    with pytest.raises(ModelHTTPError) as caught:
        Agent(make(name, RELAY_URL, key, retries=1)).run_sync(asked)
    assert caught.value.status_code == status
    assert attempts() == tries
