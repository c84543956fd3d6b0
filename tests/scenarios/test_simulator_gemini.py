"""Google's own client library against the simulator on a real server."""

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from google import genai
from google.genai import errors, types

from headgate.simulate import SimulatorOptions, create_app
from servers import serve

SEARCH = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="search",
            parameters=types.Schema(
                type=types.Type.OBJECT,
                properties={"q": types.Schema(type=types.Type.INTEGER)},
                required=["q"],
            ),
        )
    ]
)
PIXEL = types.Part.from_bytes(data=b"pixel", mime_type="image/png")


class Simulator:
    """A simulator that runs, and a client for it."""

    def __init__(self, address: str) -> None:
        self.address = address
        options = types.HttpOptions(base_url=f"{address}/gemini")
        self.client = genai.Client(api_key="any-key", http_options=options).aio

    async def ask(self, contents: Any, **config: Any) -> types.GenerateContentResponse:
        return await self.client.models.generate_content(
            model="whatever", contents=contents, config=_config(config)
        )

    async def pieces(self, contents: Any, **config: Any) -> list[types.GenerateContentResponse]:
        stream = await self.client.models.generate_content_stream(
            model="whatever", contents=contents, config=_config(config)
        )
        return [piece async for piece in stream]

    async def calls(self) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", await asyncio.to_thread(self._read_calls))

    async def call_that(self, state: str) -> dict[str, Any]:
        """The only call, once it is in this state."""
        async with asyncio.timeout(60):
            while True:
                calls = await self.calls()
                if calls and calls[0][state]:
                    return calls[0]

    def _read_calls(self) -> Any:
        with urllib.request.urlopen(f"{self.address}/_simulate/calls") as answer:
            return json.load(answer)


def _config(options: dict[str, Any]) -> types.GenerateContentConfig:
    off = types.AutomaticFunctionCallingConfig(disable=True)
    return types.GenerateContentConfig(automatic_function_calling=off, **options)


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with serve(create_app(SimulatorOptions(vendor="gemini"))) as address:
        running = Simulator(address)
        yield running
        await running.client.aclose()


def parts_of(answer: types.GenerateContentResponse) -> list[types.Part]:
    assert answer.candidates
    content = answer.candidates[0].content
    assert content
    return content.parts or []


async def test_an_answer(simulator: Simulator) -> None:
    answer = await simulator.ask(
        "hello there [[usage cached=1 reasoning=5]]", system_instruction="be brief"
    )
    assert answer.text == "You said: hello there"
    assert answer.candidates
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    assert (answer.model_version, bool(answer.response_id)) == ("whatever", True)
    usage = answer.usage_metadata
    assert usage
    assert (usage.prompt_token_count, usage.cached_content_token_count) == (4, 1)
    assert (usage.candidates_token_count, usage.thoughts_token_count) == (4, 5)
    assert usage.total_token_count == 13


async def test_a_stream_adds_up_to_its_answer(simulator: Simulator) -> None:
    pieces = await simulator.pieces("[[say one  two\nthree ]]")
    assert "".join(piece.text or "" for piece in pieces) == "one  two\nthree "
    assert len(pieces) > 3
    last = pieces[-1]
    assert last.usage_metadata
    assert last.usage_metadata.candidates_token_count == 3
    assert last.candidates
    assert last.candidates[0].finish_reason == types.FinishReason.STOP
    call = await simulator.call_that("finished")
    assert (call["vendor"], call["model"], call["stream"], call["outputTokens"]) == (
        "gemini",
        "whatever",
        True,
        3,
    )


@pytest.mark.parametrize("stream", [False, True])
async def test_parallel_tools_and_their_results(simulator: Simulator, stream: bool) -> None:
    asked = '[[call search {"q": 1}]] [[call search {"q": []}]] [[say look]]'
    tools = [SEARCH]
    if stream:
        pieces = await simulator.pieces(asked, tools=tools)
        found = [part for piece in pieces for part in parts_of(piece)]
    else:
        found = parts_of(await simulator.ask(asked, tools=tools))
    assert [part.text for part in found if part.text] == ["look"]
    calls = [part for part in found if part.function_call]
    assert [part.function_call.args for part in calls if part.function_call] == [
        {"q": 1},
        {"q": []},
    ]
    assert [bool(part.thought_signature) for part in calls] == [True, False]
    results = [
        types.Part(
            function_response=types.FunctionResponse(
                id=part.function_call.id, name="search", response={"output": f"found {number}"}
            )
        )
        for number, part in enumerate(calls)
        if part.function_call
    ]

    async def go_on(model_turn: list[types.Part], given: list[types.Part]) -> str | None:
        user = types.Part(text=asked.replace(" [[say look]]", ""))
        history = [
            types.Content(role="user", parts=[user]),
            types.Content(role="model", parts=model_turn),
            types.Content(role="user", parts=given),
        ]
        return (await simulator.ask(history, tools=tools)).text

    assert await go_on(calls, results) == "Results: found 0 found 1"
    with pytest.raises(errors.ClientError, match="number of function response parts"):
        await go_on(calls, results[:1])
    forged = calls[0].model_copy(update={"thought_signature": b"forged"})
    with pytest.raises(errors.ClientError, match="signature"):
        await go_on([forged, calls[1]], results)


async def test_a_tool_that_must_be_called(simulator: Simulator) -> None:
    for mode, names, count in (
        ("AUTO", None, 0),
        ("ANY", None, 1),
        ("ANY", ["search"], 1),
        ("NONE", None, 0),
    ):
        calling = types.FunctionCallingConfig(
            mode=types.FunctionCallingConfigMode(mode), allowed_function_names=names
        )
        config = types.ToolConfig(function_calling_config=calling)
        answer = await simulator.ask("hi", tools=[SEARCH], tool_config=config)
        calls = answer.function_calls or []
        assert len(calls) == count
        # The smallest arguments that the schema allows, in the vendor's own words for types.
        assert [call.args for call in calls] == [{"q": 0}] * count


@pytest.mark.parametrize("stream", [False, True])
async def test_thoughts_are_shown_and_the_answer_is_signed(
    simulator: Simulator, stream: bool
) -> None:
    thinking = types.ThinkingConfig(include_thoughts=True)
    asked = "hi [[usage reasoning=3]]"
    if stream:
        pieces = await simulator.pieces(asked, thinking_config=thinking)
        parts = [part for piece in pieces for part in parts_of(piece)]
    else:
        parts = parts_of(await simulator.ask(asked, thinking_config=thinking))
    assert [part.text for part in parts if part.thought] == ["thought thought thought"]
    assert "".join(part.text or "" for part in parts if not part.thought) == "You said: hi"
    assert parts[-1].thought_signature


async def test_json_by_a_schema_in_either_dialect(simulator: Simulator) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    for options in (
        {"response_json_schema": schema},
        {
            "response_schema": types.Schema(
                type=types.Type.OBJECT,
                properties={"n": types.Schema(type=types.Type.INTEGER)},
                required=["n"],
            )
        },
    ):
        answer = await simulator.ask("[[json]]", response_mime_type="application/json", **options)
        assert json.loads(answer.text or "") == {"n": 0}


async def test_pictures_and_addresses_are_read(simulator: Simulator) -> None:
    remote = types.Part.from_uri(file_uri="https://example.com/a.png", mime_type="image/png")
    assert (await simulator.ask([PIXEL, remote, "look"])).text == "You said: look"


async def test_limits_and_stops(simulator: Simulator) -> None:
    answer = await simulator.ask("[[tokens 9]]", max_output_tokens=2)
    assert answer.text == "word word"
    assert answer.candidates
    assert answer.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS
    stopped = await simulator.ask("[[say one two three]]", stop_sequences=[" two"])
    assert stopped.text == "one"


async def test_texts_become_unit_vectors(simulator: Simulator) -> None:
    config = types.EmbedContentConfig(output_dimensionality=8)
    given = await simulator.client.models.embed_content(
        model="e", contents=["one two", "three"], config=config
    )
    again = await simulator.client.models.embed_content(
        model="e", contents=["one two"], config=config
    )
    assert given.embeddings
    assert again.embeddings
    vectors = [item.values or [] for item in given.embeddings]
    assert [round(sum(x * x for x in vector), 5) for vector in vectors] == [1, 1]
    assert again.embeddings[0].values == vectors[0] != vectors[1]
    plain = await simulator.client.models.embed_content(model="e", contents="one")
    assert plain.embeddings
    assert len(plain.embeddings[0].values or []) == 3072


async def test_tokens_are_counted_and_models_listed(simulator: Simulator) -> None:
    count = await simulator.client.models.count_tokens(model="m", contents="one two three")
    assert count.total_tokens == 3
    names = [model.name async for model in await simulator.client.models.list()]
    assert "models/gemini-3.1-flash-lite" in names
    one = await simulator.client.models.get(model="anything")
    assert (one.name, one.output_token_limit) == ("models/anything", 65_536)


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (400, "INVALID_ARGUMENT", errors.ClientError),
        (429, "RESOURCE_EXHAUSTED", errors.ClientError),
        (500, "INTERNAL", errors.ServerError),
        (503, "UNAVAILABLE", errors.ServerError),
    ],
)
async def test_failures(
    simulator: Simulator, status: int, name: str, kind: type[errors.APIError]
) -> None:
    for act in (simulator.ask, simulator.pieces):
        with pytest.raises(kind) as failure:
            await act(f"[[fail {status}]]")
        assert (failure.value.code, failure.value.status) == (status, name)


async def test_a_stream_that_is_cut_fails_without_a_reason(simulator: Simulator) -> None:
    seen: list[str] = []
    stream = await simulator.client.models.generate_content_stream(
        model="m", contents="[[tokens 9]] [[cut 2]]"
    )
    with pytest.raises(Exception, match=r"(?i)incomplete|payload|closed|peer"):  # noqa: PT012 - the pieces before it count
        async for piece in stream:
            seen.append(piece.text or "")  # noqa: PERF401 - what came before the failure stays
    assert "".join(seen) == "word word"
    call = await simulator.call_that("endedAt")
    assert (call["finished"], call["cancelled"], call["outputTokens"]) == (False, False, 2)


async def test_a_client_that_leaves_is_noticed(simulator: Simulator) -> None:
    stream = await simulator.client.models.generate_content_stream(
        model="m", contents="[[tokens 900]] [[rate 20]]"
    )
    await anext(aiter(stream))
    await cast("Any", stream).aclose()
    call = await simulator.call_that("cancelled")
    assert not call["finished"]
