"""LangChain's models of OpenAI, in both of their protocols, and of Anthropic."""

from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pydantic
import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from platform_here import KEY, MODELS, POOR_KEY, RELAY_URL, URL, attempts

Make = Callable[..., BaseChatModel]
SDKS = {"chat": openai, "responses": openai, "messages": anthropic}


class Person(pydantic.BaseModel):
    """Someone."""

    name: str
    age: int


@tool
def search(q: str) -> str:
    """Looks things up."""
    return f"found {q}"


@pytest.fixture(params=SDKS)
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(protocol: str) -> Make:
    def made(model: str, url: str = URL, key: str = KEY, **options: Any) -> BaseChatModel:
        if protocol == "messages":
            return ChatAnthropic(model=model, base_url=url, api_key=key, **options)
        return ChatOpenAI(
            model=model,
            base_url=f"{url}/v1",
            api_key=key,
            use_responses_api=protocol == "responses",
            # It asks for usage by itself at OpenAI's own address only.
            stream_usage=True,
            **options,
        )

    return made


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest, make: Make) -> BaseChatModel:
    return make(request.param)


def test_a_chat(model: BaseChatModel) -> None:
    answer = model.invoke([("system", "be brief"), ("user", "hello")])
    assert answer.text == "You said: hello"
    assert answer.usage_metadata
    assert answer.usage_metadata["input_tokens"] == 3
    assert answer.usage_metadata["output_tokens"] == 3


def test_a_conversation(model: BaseChatModel) -> None:
    first = model.invoke("hello")
    second = model.invoke([HumanMessage("hello"), first, HumanMessage("again")])
    assert second.text == "You said: again"


def test_a_stream_with_usage(model: BaseChatModel) -> None:
    pieces = list(model.stream("[[tokens 5]]"))
    whole = pieces[0]
    for piece in pieces[1:]:
        whole += piece
    assert len(pieces) > 2
    assert whole.text == "word word word word word"
    assert whole.usage_metadata
    assert whole.usage_metadata["output_tokens"] == 5


@pytest.mark.parametrize("streamed", [False, True])
def test_tools(model: BaseChatModel, streamed: bool) -> None:
    asked = HumanMessage('[[call search {"q": "one"}]] [[call search {"q": "two"}]]')
    bound = model.bind_tools([search])
    if streamed:
        answer: Any = None
        for piece in bound.stream([asked]):
            answer = piece if answer is None else answer + piece
    else:
        answer = bound.invoke([asked])
    assert [call["args"] for call in answer.tool_calls] == [{"q": "one"}, {"q": "two"}]
    results = [search.invoke(call) for call in answer.tool_calls]
    assert all(isinstance(result, ToolMessage) for result in results)
    final = bound.invoke([asked, answer, *results])
    assert final.text == "Results: found one found two"


def test_structured_output(model: BaseChatModel) -> None:
    person = model.with_structured_output(Person).invoke("[[json]]")
    assert person == Person(name="", age=0)


@pytest.mark.parametrize("name", ["sandbox", "text-embedding-3-small"])
def test_embeddings(name: str) -> None:
    # Its check of lengths would load a tokenizer from the network.
    embeddings = OpenAIEmbeddings(
        model=name, base_url=f"{URL}/v1", api_key=KEY, check_embedding_ctx_length=False
    )
    one, same, other = embeddings.embed_documents(["the cat", "the cat", "a dog"])
    assert one == same != other


def test_an_exhausted_budget_is_asked_once(make: Make, protocol: str) -> None:
    attempts()
    poor = make("sandbox", RELAY_URL, POOR_KEY, max_retries=3)
    with pytest.raises(SDKS[protocol].APIStatusError) as caught:
        poor.invoke("hello")
    assert caught.value.status_code == 402
    assert attempts() == 1


def test_an_unknown_model_is_not_found(make: Make, protocol: str) -> None:
    attempts()
    with pytest.raises(SDKS[protocol].NotFoundError):
        make("no-such-model", RELAY_URL).invoke("hello")
    assert attempts() == 1


def test_a_rate_limit_is_tried_again(make: Make, protocol: str) -> None:
    attempts()
    with pytest.raises(SDKS[protocol].RateLimitError):
        make("sandbox", RELAY_URL, max_retries=1).invoke("[[fail 429]]")
    assert attempts() == 2


def test_a_stream_that_breaks_off_is_an_error(model: BaseChatModel) -> None:
    with pytest.raises(Exception, match=r"broke|break"):
        list(model.stream("[[tokens 9]] [[cut 3]]"))
