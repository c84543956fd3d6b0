import asyncio
import math
import threading

import pytest

from headgate.core.chat import (
    ChatDelta,
    ChatRequest,
    Document,
    Image,
    Message,
    Text,
    TokenUsage,
    Tool,
    ToolChoice,
)
from headgate.core.embeddings import EmbeddingRequest
from headgate.core.models import Provider, ProviderRefused
from headgate.providers.local.provider import (
    LOCAL_PRICE,
    MOST_CHARACTERS,
    SMALL_CHARACTERS,
    Local,
)

LOCAL = Local()
TOOL = Tool("weather")


def request(
    text: str,
    *,
    max_tokens: int | None = None,
    stop: tuple[str, ...] = (),
    tool_choice: ToolChoice | None = None,
) -> ChatRequest:
    return ChatRequest(
        model="local",
        messages=(Message("user", text),),
        max_tokens=max_tokens,
        stop=stop,
        tools=(TOOL,),
        tool_choice=tool_choice,
    )


def test_it_is_a_provider() -> None:
    provider: Provider = LOCAL
    assert provider.provider == "local"
    assert provider.models() == ("local",)
    assert provider.serves("local")
    assert not provider.serves("gpt-4o")


def test_it_is_free() -> None:
    assert LOCAL_PRICE.is_free
    assert LOCAL_PRICE.version == "local-1"


async def test_usage_counts_every_token_and_no_other(article: str) -> None:
    asked = request(f"Summarize:\n\n{article}")
    response = await LOCAL.complete(asked, idempotency_key="k")
    assert response.usage == TokenUsage(
        input_tokens=1 + len(article.split()), output_tokens=len(response.content.split())
    )
    assert LOCAL.input_ceiling(asked) == LOCAL.input_estimate(asked) == response.usage.input_tokens
    assert response.usage.output_tokens <= LOCAL.output_ceiling(asked)
    assert response.finish_reason == "stop"


async def test_an_answer_stops_at_the_most_tokens(article: str) -> None:
    whole = await LOCAL.complete(request(f"Summarize:\n\n{article}"), idempotency_key="k")
    cut = await LOCAL.complete(
        request(f"Summarize:\n\n{article}", max_tokens=7), idempotency_key="k"
    )
    assert cut.content.split() == whole.content.split()[:7]
    assert (cut.finish_reason, cut.usage.output_tokens) == ("length", 7)


async def test_a_limit_that_fits_exactly_cuts_nothing() -> None:
    text = "Summarize:\n\nThe mill burned down."
    response = await LOCAL.complete(request(text, max_tokens=4), idempotency_key="k")
    assert (response.content, response.finish_reason) == ("The mill burned down.", "stop")


async def test_an_answer_ends_before_a_stop_text(article: str) -> None:
    response = await LOCAL.complete(
        request(f"Summarize:\n\n{article}", stop=("zzz", " on Tuesday", "flood")),
        idempotency_key="k",
    )
    assert response.content == "The city council of Marrow Bay voted 9 to 2"
    assert response.finish_reason == "stop"


@pytest.mark.parametrize("max_tokens", [None, 5])
async def test_the_pieces_of_a_stream_are_the_whole_answer(
    article: str, max_tokens: int | None
) -> None:
    asked = request(f"Give me 3 bullet points:\n\n{article}", max_tokens=max_tokens)
    whole = await LOCAL.complete(asked, idempotency_key="k")
    stream = LOCAL.stream(asked, idempotency_key="k")
    assert stream.usage() is None
    deltas = [delta async for delta in stream]
    assert all(isinstance(delta, ChatDelta) for delta in deltas)
    pieces = [delta for delta in deltas if isinstance(delta, ChatDelta)]
    assert "".join(piece.text for piece in pieces) == whole.content
    assert [piece.finish_reason for piece in pieces if piece.finish_reason] == [whole.finish_reason]
    assert len(pieces) == whole.usage.output_tokens + 1
    assert stream.usage() == whole.usage
    assert stream.received_tokens() == whole.usage.output_tokens
    assert stream.ending() == b""


async def test_a_closed_stream_gives_no_more(article: str) -> None:
    stream = LOCAL.stream(request(f"Summarize:\n\n{article}"), idempotency_key="k")
    got: list[str] = []
    async for delta in stream:
        assert isinstance(delta, ChatDelta)
        got.append(delta.text)
        if len(got) == 2:
            await stream.aclose()
    assert len(got) == stream.received_tokens() == 2
    assert stream.usage() is None


@pytest.mark.parametrize(
    "choice", [ToolChoice("required"), ToolChoice("tool", "weather")], ids=["any", "named"]
)
async def test_a_tool_that_must_be_called_is_refused(choice: ToolChoice) -> None:
    with pytest.raises(ProviderRefused, match="cannot call tools") as refused:
        await LOCAL.complete(request("Hi", tool_choice=choice), idempotency_key="k")
    assert (refused.value.kind, refused.value.param) == ("invalid", "tool_choice")


@pytest.mark.parametrize("choice", [None, ToolChoice("auto"), ToolChoice("none")])
async def test_tools_that_may_be_called_are_left_alone(choice: ToolChoice | None) -> None:
    response = await LOCAL.complete(request("Hi", tool_choice=choice), idempotency_key="k")
    assert response.content
    assert not response.tool_calls


async def test_images_are_refused() -> None:
    content = (Text("What is this?"), Image("data:image/png;base64,AA=="))
    asked = ChatRequest(model="local", messages=(Message("user", content),))
    with pytest.raises(ProviderRefused, match="cannot see images") as refused:
        await LOCAL.complete(asked, idempotency_key="k")
    assert refused.value.kind == "invalid"
    with pytest.raises(ProviderRefused, match="cannot see images"):
        _ = [delta async for delta in LOCAL.stream(asked, idempotency_key="k")]


async def test_documents_and_what_only_another_vendor_has_are_refused() -> None:
    document = (Message("user", (Document("data:application/pdf;base64,AA=="),)),)
    hello = (Message("user", "hello"),)
    for asked, param in (
        (ChatRequest(model="local", messages=document), "messages"),
        (ChatRequest(model="local", messages=hello, native=("logit_bias",)), "logit_bias"),
    ):
        with pytest.raises(ProviderRefused) as refused:
            await LOCAL.complete(asked, idempotency_key="k")
        assert refused.value.param == param


async def test_a_text_beyond_the_limit_is_refused() -> None:
    with pytest.raises(ProviderRefused) as refused:
        await LOCAL.complete(request("a" * (MOST_CHARACTERS + 1)), idempotency_key="k")
    assert refused.value.kind == "context_length"


async def test_a_long_text_is_worked_on_beside_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Short ones are not worth a thread; long ones would hold up every other caller."""
    used: list[int] = []
    to_thread = asyncio.to_thread

    async def counted(work: object) -> object:
        used.append(threading.get_ident())
        return await to_thread(work)  # type: ignore[arg-type]

    monkeypatch.setattr(asyncio, "to_thread", counted)
    await LOCAL.complete(request("Hello"), idempotency_key="k")
    assert not used
    await LOCAL.complete(request("word " * SMALL_CHARACTERS), idempotency_key="k")
    assert len(used) == 1


async def test_embeddings_have_256_dimensions_or_as_many_as_asked_for() -> None:
    asked = EmbeddingRequest(model="local", input=("one two", "三"))
    response = await LOCAL.embed(asked, idempotency_key="k")
    assert [len(vector) for vector in response.vectors] == [256, 256]
    assert all(math.isclose(math.hypot(*v), 1, abs_tol=1e-4) for v in response.vectors)
    assert response.usage == TokenUsage(input_tokens=3)
    assert LOCAL.embedding_ceiling(asked) == 3
    asked = EmbeddingRequest(model="local", input=("one",), dimensions=8)
    assert len((await LOCAL.embed(asked, idempotency_key="k")).vectors[0]) == 8


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        (EmbeddingRequest(model="local", input=((1, 2, 3),)), "input"),
        (EmbeddingRequest(model="local", input=("x",), dimensions=0), "dimensions"),
        (EmbeddingRequest(model="local", input=("x",), dimensions=5_000), "dimensions"),
    ],
)
async def test_what_cannot_be_embedded_is_refused(asked: EmbeddingRequest, param: str) -> None:
    with pytest.raises(ProviderRefused) as refused:
        await LOCAL.embed(asked, idempotency_key="k")
    assert (refused.value.kind, refused.value.param) == ("invalid", param)


async def test_there_is_nothing_to_refresh() -> None:
    await LOCAL.refresh()
    assert LOCAL.models() == ("local",)
