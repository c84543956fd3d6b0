"""AWS's own client library against the simulator on a real server."""

import asyncio
import contextlib
import importlib
import json
import math
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest

from headgate.simulate import SimulatorOptions, create_app
from servers import serve

MODEL = "eu.anthropic.claude-haiku-4-5-20251001-v1:0"
ARN = f"arn:aws:bedrock:eu-west-1:123456789012:inference-profile/{MODEL}"
TOOLS = {"tools": [{"toolSpec": {"name": "search", "inputSchema": {"json": {"type": "object"}}}}]}


class Bedrock:
    """AWS's client, which blocks, so it works in threads."""

    def __init__(self, address: str) -> None:
        boto3 = importlib.import_module("boto3")
        config = importlib.import_module("botocore.config")
        self.address = address
        self.client: Any = boto3.client(
            "bedrock-runtime",
            endpoint_url=f"{address}/bedrock",
            region_name="eu-west-1",
            aws_access_key_id="any",
            aws_secret_access_key="any",
            config=config.Config(retries={"total_max_attempts": 1}, proxies={}),
        )

    async def converse(self, text: str, **options: Any) -> Any:
        return await self._call(self.client.converse, text, **options)

    async def stream(self, text: str, **options: Any) -> list[dict[str, Any]]:
        answer = await self._call(self.client.converse_stream, text, **options)
        with contextlib.closing(answer["stream"]) as events:
            return await asyncio.to_thread(lambda: list(events))

    async def invoke(self, model: str, body: Any) -> Any:
        answer = await asyncio.to_thread(
            self.client.invoke_model, modelId=model, body=json.dumps(body)
        )
        with contextlib.closing(answer["body"]) as read:
            return json.loads(await asyncio.to_thread(read.read))

    async def calls(self) -> list[dict[str, Any]]:
        async with httpx2.AsyncClient(trust_env=False) as client:
            found: list[dict[str, Any]] = (
                await client.get(f"{self.address}/_simulate/calls")
            ).json()
        return found

    async def _call(self, function: Callable[..., Any], text: str, **options: Any) -> Any:
        wanted = {"modelId": MODEL, "messages": says(text)} | options
        return await asyncio.to_thread(function, **wanted)


def says(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"text": text}]}]


@pytest.fixture
async def bedrock() -> AsyncIterator[Bedrock]:
    async with serve(create_app(SimulatorOptions(vendor="bedrock"))) as address:
        running = Bedrock(address)
        yield running
        running.client.close()


@pytest.mark.parametrize("model", [MODEL, ARN])
async def test_a_conversation(bedrock: Bedrock, model: str) -> None:
    answer = await bedrock.converse(
        "hello there [[usage cached=1]]", modelId=model, system=[{"text": "be brief"}]
    )
    assert answer["output"]["message"] == {
        "role": "assistant",
        "content": [{"text": "You said: hello there"}],
    }
    assert answer["stopReason"] == "end_turn"
    usage = answer["usage"]
    assert (usage["inputTokens"], usage["cacheReadInputTokens"], usage["outputTokens"]) == (3, 1, 4)
    (call,) = await bedrock.calls()
    assert (call["vendor"], call["model"], call["stream"]) == ("bedrock", model, False)
    assert (call["inputTokens"], call["outputTokens"], call["finished"]) == (4, 4, True)


async def test_a_streamed_conversation_with_every_event(bedrock: Bedrock) -> None:
    events = await bedrock.stream("[[say one  two\nthree]]")
    assert [next(iter(event)) for event in events] == [
        "messageStart",
        *["contentBlockDelta"] * 3,
        "contentBlockStop",
        "messageStop",
        "metadata",
    ]
    texts = [e["contentBlockDelta"]["delta"]["text"] for e in events if "contentBlockDelta" in e]
    assert "".join(texts) == "one  two\nthree"
    assert events[-1]["metadata"]["usage"]["outputTokens"] == 3


async def test_parallel_tools_streamed_and_their_results(bedrock: Bedrock) -> None:
    asked = '[[call search {"q": "a"}]] [[call search {"q": []}]]'
    events = await bedrock.stream(asked, toolConfig=TOOLS)
    starts = [
        e["contentBlockStart"]["start"]["toolUse"] for e in events if "contentBlockStart" in e
    ]
    pieces: dict[int, str] = {}
    for event in events:
        if (delta := event.get("contentBlockDelta")) is not None:
            index = delta["contentBlockIndex"]
            pieces[index] = pieces.get(index, "") + delta["delta"]["toolUse"]["input"]
    assert [json.loads(text) for text in pieces.values()] == [{"q": "a"}, {"q": []}]
    whole = await bedrock.converse(asked, toolConfig=TOOLS)
    assert whole["stopReason"] == "tool_use"
    inputs = [block["toolUse"]["input"] for block in whole["output"]["message"]["content"]]
    assert inputs == [{"q": "a"}, {"q": []}]
    results = [
        {
            "toolResult": {
                "toolUseId": start["toolUseId"],
                "content": [{"text": f"found {number}"}],
                "status": "success",
            }
        }
        for number, start in enumerate(starts)
    ]
    final = await bedrock.converse(
        "",
        toolConfig=TOOLS,
        messages=[
            *says(asked),
            whole["output"]["message"],
            {"role": "user", "content": results},
        ],
    )
    assert final["output"]["message"]["content"] == [{"text": "Results: found 0 found 1"}]


async def test_an_image_and_a_document_arrive(bedrock: Bedrock) -> None:
    content = [
        {"text": "look"},
        {"image": {"format": "png", "source": {"bytes": b"\x89PNG"}}},
        {"document": {"format": "pdf", "name": "bill", "source": {"bytes": b"%PDF"}}},
    ]
    answer = await bedrock.converse("", messages=[{"role": "user", "content": content}])
    assert answer["output"]["message"]["content"] == [{"text": "You said: look"}]


async def test_an_answer_that_is_cut_or_stopped_says_so(bedrock: Bedrock) -> None:
    cut = await bedrock.converse("[[tokens 9]]", inferenceConfig={"maxTokens": 3})
    assert cut["stopReason"] == "max_tokens"
    stopped = await bedrock.converse(
        "[[say one END two]]",
        inferenceConfig={"stopSequences": ["END"]},
        additionalModelResponseFieldPaths=["/stop_sequence"],
    )
    assert stopped["stopReason"] == "stop_sequence"
    assert stopped["additionalModelResponseFields"] == {"stop_sequence": "END"}


async def test_thoughts_come_signed_and_go_back_unchanged(bedrock: Bedrock) -> None:
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    options = {"additionalModelRequestFields": thinking}
    first = await bedrock.converse("hi [[usage reasoning=2]]", **options)
    thought, _ = first["output"]["message"]["content"]
    text = thought["reasoningContent"]["reasoningText"]
    assert text["text"] == "thought thought"
    messages = [*says("hi"), first["output"]["message"], *says("go on")]
    again = await bedrock.converse("", messages=messages, **options)
    assert again["stopReason"] == "end_turn"
    text["text"] = "something else"
    with pytest.raises(bedrock.client.exceptions.ValidationException):
        await bedrock.converse("", messages=messages, **options)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "ValidationException"),
        (403, "AccessDeniedException"),
        (404, "ResourceNotFoundException"),
        (429, "ThrottlingException"),
        (500, "InternalServerException"),
        (503, "ServiceUnavailableException"),
    ],
)
async def test_failures_are_the_clients_own(bedrock: Bedrock, status: int, kind: str) -> None:
    failure = getattr(bedrock.client.exceptions, kind)
    with pytest.raises(failure) as raised:
        await bedrock.converse(f"[[fail {status}]]")
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    with pytest.raises(failure):
        await bedrock.stream(f"[[fail {status}]]")


async def test_a_failure_in_the_middle_of_a_stream_is_raised(bedrock: Bedrock) -> None:
    eventstream = importlib.import_module("botocore.exceptions")
    with pytest.raises(eventstream.EventStreamError) as raised:
        await bedrock.stream("[[tokens 9]] [[cut 2]] [[fail 429]]")
    assert raised.value.response["Error"]["Code"] == "throttlingException"


async def test_vectors_of_length_one(bedrock: Bedrock) -> None:
    titan = await bedrock.invoke("amazon.titan-embed-text-v2:0", {"inputText": "one two"})
    assert math.isclose(math.fsum(x * x for x in titan["embedding"]), 1, abs_tol=1e-5)
    assert titan["inputTextTokenCount"] == 2
    wanted = {"texts": ["one two"], "input_type": "search_document"}
    cohere = await bedrock.invoke("cohere.embed-english-v3", wanted)
    assert cohere["embeddings"]["float"] == [titan["embedding"]]
