"""Tools on a real server: called by models through every vendor's protocol, abused, and counted.

Models call what `GET /v1/tools` lists, a client library runs the call at `POST /v1/tools`, and the
model gets its result; nobody translates a schema by hand.
"""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Mapping
from typing import Any

import openai
import pytest
from anthropic import AsyncAnthropic
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from headgate_server import Caller, Headgate, Simulator, eventually, http_client

ONCE = {"idempotency-key": "tools-1"}
MODELS = ["sandbox", "gpt-4o-mini", "claude-haiku-4-5"]
CALLS = [
    ("calculator", {"expression": "6 * 7"}, "42"),
    ("summarize", {"text": "The sea rose. The town built a wall."}, "town"),
    ("classify", {"text": "goal in the last minute", "labels": ["sport", "tax"]}, "label"),
    ("extract", {"text": "Call +44 113 496 0123."}, "+44 113 496 0123"),
]


@pytest.fixture(scope="module")
def environment(vendors: Simulator) -> Mapping[str, str]:
    return vendors.environment


@pytest.fixture(scope="module")
def configuration() -> str:
    # What these tools ask is not what is shown here.
    return """
        [tools]
        model = "local"
        run_code = true
        [workspaces.default]
        files = "files"
        database = "sales.db"
    """


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def caller(headgate: Headgate) -> AsyncIterator[Caller]:
    async with headgate.caller() as caller:
        yield caller


async def listed(caller: Caller) -> dict[str, dict[str, Any]]:
    return {tool["name"]: tool for tool in (await caller.get("/v1/tools"))["data"]}


@pytest.mark.parametrize("made", CALLS, ids=lambda made: made[0])
async def test_a_model_calls_a_tool_in_openais_words(
    headgate: Headgate, caller: Caller, model: str, made: tuple[str, Any, str]
) -> None:
    name, arguments, said = made
    offered: Any = [
        {
            "type": "function",
            "function": {
                "name": tool["name"],
                "description": tool["description"],
                "parameters": tool["parameters"],
            },
        }
        for tool in (await listed(caller)).values()
    ]
    messages: Any = [{"role": "user", "content": f"[[call {name} {json.dumps(arguments)}]]"}]
    async with openai.AsyncOpenAI(
        base_url=f"{headgate.url}/v1", api_key=headgate.admin_key, http_client=http_client()
    ) as client:
        asked = await client.chat.completions.create(model=model, messages=messages, tools=offered)
        calls = asked.choices[0].message.tool_calls
        assert calls is not None
        (call,) = calls
        assert call.type == "function"
        answer = await caller.post(
            f"/v1/tools/{call.function.name}", json.loads(call.function.arguments)
        )
        assert answer.status == 200, answer.json
        result = json.dumps(answer.json["result"], default=float)
        assert said in result
        messages += [
            asked.choices[0].message,
            {"role": "tool", "tool_call_id": call.id, "content": result},
        ]
        answered = await client.chat.completions.create(
            model=model, messages=messages, tools=offered
        )
    assert said in (answered.choices[0].message.content or "")


@pytest.mark.parametrize("made", CALLS, ids=lambda made: made[0])
async def test_a_model_calls_a_tool_in_anthropics_words(
    headgate: Headgate, caller: Caller, model: str, made: tuple[str, Any, str]
) -> None:
    name, arguments, said = made
    offered: Any = [
        {
            "name": tool["name"],
            "description": tool["description"],
            "input_schema": tool["parameters"],
        }
        for tool in (await listed(caller)).values()
    ]
    messages: Any = [{"role": "user", "content": f"[[call {name} {json.dumps(arguments)}]]"}]
    async with AsyncAnthropic(
        base_url=headgate.url, api_key=headgate.admin_key, http_client=http_client()
    ) as client:
        asked = await client.messages.create(
            model=model, max_tokens=999, messages=messages, tools=offered
        )
        (call,) = [block for block in asked.content if block.type == "tool_use"]
        answer = await caller.post(f"/v1/tools/{call.name}", call.input)
        assert answer.status == 200, answer.json
        result = json.dumps(answer.json["result"], default=float)
        messages += [
            {"role": "assistant", "content": asked.content},
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": call.id, "content": result}],
            },
        ]
        answered = await client.messages.create(
            model=model, max_tokens=999, messages=messages, tools=offered
        )
    assert said in "".join(block.text for block in answered.content if block.type == "text")


async def test_an_mcp_client_has_the_same_tools(headgate: Headgate, caller: Caller) -> None:
    headers = {"authorization": f"Bearer {headgate.admin_key}"}
    async with (
        http_client(headers=headers) as http,
        Client(streamable_http_client(f"{headgate.url}/mcp", http_client=http)) as client,
    ):
        found = {tool.name: tool.input_schema for tool in (await client.list_tools()).tools}
        answer = await client.call_tool("calculator", {"expression": "2 ^ 10"})
    assert found == {name: tool["parameters"] for name, tool in (await listed(caller)).items()}
    assert answer.structured_content == {"result": 1024}


ABUSE: list[tuple[str, object, int]] = [
    ("calculator", {"expression": "__import__('os').system('id')"}, 400),
    ("calculator", {"expression": "9^9^9^9"}, 400),
    ("calculator", {"expression": "(" * 900}, 400),
    ("calculator", {"expression": "1" * 5000}, 400),
    ("calculator", {"expression": ["1"]}, 400),
    ("calculator", [], 400),
    ("http_request", {"url": "http://127.0.0.1:1/"}, 400),
    ("http_request", {"url": "http://localhost/"}, 400),
    ("http_request", {"url": "http://[::1]/"}, 400),
    ("http_request", {"url": "http://[::ffff:127.0.0.1]/"}, 400),
    ("http_request", {"url": "http://[64:ff9b::7f00:1]/"}, 400),
    ("http_request", {"url": "http://2130706433/"}, 400),
    ("http_request", {"url": "http://0x7f.1/"}, 400),
    ("http_request", {"url": "http://169.254.169.254/latest/meta-data/"}, 400),
    ("http_request", {"url": "http://10.0.0.1/"}, 400),
    ("http_request", {"url": "file:///etc/passwd"}, 400),
    ("http_request", {"url": "http://a:b@example.com/"}, 400),
    ("http_request", {"url": "http://nowhere.invalid/"}, 502),
    ("files_read", {"path": "../sales.db"}, 400),
    ("files_read", {"path": "/etc/passwd"}, 400),
    ("files_read", {"path": "..%2fsales.db"}, 404),
    ("files_write", {"path": "../x", "text": "x"}, 400),
    ("database_query", {"query": "DELETE FROM sales"}, 400),
    ("database_query", {"query": "SELECT 1; DROP TABLE sales"}, 400),
    ("extract", {"text": "a", "schema": {"type": "array"}}, 400),
    ("classify", {"text": "a", "labels": []}, 400),
    ("nothing", {}, 404),
    ("%2e%2e/health", {}, 404),
]


async def test_abuse_is_refused_and_the_server_is_well_afterwards(
    headgate: Headgate, caller: Caller
) -> None:
    connection = sqlite3.connect(headgate.data / "sales.db")
    connection.execute("CREATE TABLE IF NOT EXISTS sales (item TEXT)")
    connection.execute("INSERT INTO sales VALUES ('tea')")
    connection.commit()
    connection.close()
    answers = await asyncio.gather(
        *(caller.post(f"/v1/tools/{name}", body) for name, body, _ in ABUSE)
    )
    found = [(name, answer.status) for (name, _, _), answer in zip(ABUSE, answers, strict=True)]
    assert found == [(name, status) for name, _, status in ABUSE]
    for answer in answers:
        assert set(answer.json) == {"error"}
        assert "Traceback" not in str(answer.json)
    escaped = await caller.post("/v1/tools/run_code", {"code": "print(open('/etc/passwd').read())"})
    assert escaped.status == 400 or escaped.json["result"]["output"] == ""
    asked = await caller.post("/v1/tools/database_query", {"query": "SELECT item FROM sales"})
    assert asked.json["result"]["rows"] == [["tea"]]
    assert (await caller.get("/health"))["status"] == "ok"


async def test_a_hundred_calls_at_once_are_answered_and_counted(
    headgate: Headgate, caller: Caller
) -> None:
    answers = await asyncio.gather(
        *(caller.post("/v1/tools/calculator", {"expression": f"{n} + 1"}) for n in range(100))
    )
    assert [answer.json["result"] for answer in answers] == list(range(1, 101))

    async def metrics() -> str:
        async with http_client(headgate.url) as client:
            return (await client.get("/metrics")).text

    told = ('outcome="ok",tool="calculator"', 'headgate_tool_queue_depth{tool="calculator"} 0.0')
    await eventually(metrics, lambda text: all(words in text for words in told))


async def test_a_call_under_an_idempotency_key_is_billed_once_over_a_death(
    headgate: Headgate,
) -> None:
    """The answer is there again after the process that gave it has died."""
    body = {"text": "The sea rose. The town built a wall of stone."}
    async with headgate.caller() as caller:
        first = await caller.post("/v1/tools/summarize", body, **ONCE)
    headgate.kill()
    headgate.start()
    async with headgate.caller() as caller:
        again = await caller.post("/v1/tools/summarize", body, **ONCE)
        events = await caller.events()
    assert first.status == again.status == 200
    assert first.json == again.json
    assert again.headers["idempotency-replayed"] == "true"
    request_id = first.headers["x-request-id"]
    assert len([event for event in events if event["requestId"] == request_id]) == 1
