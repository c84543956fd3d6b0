"""Where caller and vendor speak the same protocol, what the vendor writes is what the caller gets.

The vendor is a server that gives prepared bytes, in pieces that end anywhere; the platform is the
real one. `tests/wire` has the bytes of OpenAI's protocol and says what they mean.
"""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from headgate_server import Headgate, running
from servers import serve
from wire.openai_bodies import ANSWERS, DONE, STREAMS, Streamed, Whole

pytestmark = pytest.mark.asyncio(loop_scope="module")

GPT, CLAUDE = "gpt-4o-mini", "claude-haiku-4-5"
MESSAGE = (
    b'{\n  "id": "msg_1", "type":"message", "role":"assistant","model":"claude-haiku-4-5",'
    b'"content":[ {"type":"text","text":"Gr\\u00fc\xc3\x9fe"},{"type":"of_tomorrow","x":1.50} ],'
    b'"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":3,'
    b'"cache_read_input_tokens":0,"output_tokens":2,"of_tomorrow":null}}\n'
)


def event(name: str, data: str) -> bytes:
    return f"event: {name}\ndata: {data}\n\n".encode()


EVENTS = b"".join(
    (
        event(
            "message_start",
            '{"type":"message_start", "message":{"id":"msg_1","type":"message","role":"assistant",'
            '"content":[],"model":"claude-haiku-4-5","stop_reason":null,"usage":{"input_tokens":3,'
            '"output_tokens":1}} }',
        ),
        event(
            "content_block_start",
            '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
        ),
        event("ping", '{"type": "ping"}'),
        event(
            "content_block_delta",
            '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Grüße"}}',
        ),
        event("of_tomorrow", '{"type":"of_tomorrow","index":0,"number":1.50}'),
        event("content_block_stop", '{"type":"content_block_stop","index":0   }'),
        event(
            "message_delta",
            '{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},'
            '"usage":{"output_tokens":2}, "of_tomorrow":[]}',
        ),
        event("message_stop", '{"type":"message_stop"}'),
    )
)


@dataclass
class Vendor:
    """Answers every call with `body`, and keeps what it was asked."""

    body: bytes = b""
    asked: list[bytes] = field(default_factory=list)
    headers: dict[bytes, bytes] = field(default_factory=dict)
    chance: random.Random = field(default_factory=lambda: random.Random(20_261_123))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await send({"type": "lifespan.startup.complete"})
            return
        self.headers = dict(scope["headers"])
        received, more = b"", True
        while more:
            message = await receive()
            received += message.get("body", b"")
            more = message.get("more_body", False)
        self.asked.append(received)
        kind = b"text/event-stream" if b'"stream":true' in received else b"application/json"
        head = [(b"content-type", kind)]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        left = self.body
        while left:
            size = self.chance.randint(1, 200)
            piece, left = left[:size], left[size:]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


@dataclass
class Pair:
    """The platform and the vendor that it calls."""

    platform: Headgate
    vendor: Vendor

    async def answer(self, path: str, asked: bytes, given: bytes) -> bytes:
        """What a caller gets of the vendor's `given`."""
        self.vendor.body = given
        headers = {"content-type": "application/json", "anthropic-beta": "of-tomorrow-2026"}
        async with self.platform.caller() as caller:
            answer = await caller.http.post(path, content=asked, headers=headers)
        assert answer.status_code == 200, answer.content
        return answer.content


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pair]:
    vendor = Vendor()
    async with serve(vendor) as url:
        environment = {
            "OPENAI_API_KEY": "sk-vendor-secret",
            "OPENAI_BASE_URL": f"{url}/v1",
            "ANTHROPIC_API_KEY": "sk-ant-vendor-secret",
            "ANTHROPIC_BASE_URL": url,
        }
        with running(tmp_path_factory.mktemp("platform"), environment=environment) as platform:
            yield Pair(platform, vendor)


def openai_body(**fields: Any) -> bytes:
    return msgspec.json.encode(
        {"model": GPT, "messages": [{"role": "user", "content": "hello"}], **fields}
    )


def anthropic_body(**fields: Any) -> bytes:
    messages = [{"role": "user", "content": "hello"}]
    return msgspec.json.encode({"model": CLAUDE, "max_tokens": 9, "messages": messages, **fields})


@pytest.mark.parametrize("case", ANSWERS, ids=lambda case: case.vendor)
async def test_a_whole_answer_of_openais_protocol_is_the_vendors_own(
    pair: Pair, case: Whole
) -> None:
    assert await pair.answer("/v1/chat/completions", openai_body(), case.body) == case.body


@pytest.mark.parametrize("case", STREAMS, ids=lambda case: case.vendor)
async def test_a_stream_of_openais_protocol_is_the_vendors_own(pair: Pair, case: Streamed) -> None:
    """All but the usage, for those who did not ask for it."""
    path = "/v1/chat/completions"
    plain = await pair.answer(path, openai_body(stream=True), case.body)
    assert plain == case.forwarded + DONE
    counted = openai_body(stream=True, stream_options={"include_usage": True})
    told = await pair.answer(path, counted, case.body)
    if case.usage is not None:
        assert told == case.forwarded + case.ending + DONE
    else:
        assert told.startswith(case.forwarded)
        assert told.endswith(DONE)


async def test_a_message_of_anthropics_is_the_vendors_own(pair: Pair) -> None:
    assert await pair.answer("/v1/messages", anthropic_body(), MESSAGE) == MESSAGE


async def test_events_of_anthropics_are_the_vendors_own(pair: Pair) -> None:
    """Those included that nobody knows today."""
    assert await pair.answer("/v1/messages", anthropic_body(stream=True), EVENTS) == EVENTS


@pytest.mark.parametrize(
    ("path", "given", "body"),
    [
        ("/v1/chat/completions", ANSWERS[0].body, openai_body(max_completion_tokens=9)),
        ("/v1/messages", MESSAGE, anthropic_body()),
    ],
)
async def test_what_the_caller_asks_reaches_the_vendor_as_it_was_written(
    pair: Pair, path: str, given: bytes, body: bytes
) -> None:
    """Every field in its very form, those included that nobody knows today."""
    asked = body[:-1] + b',"temperature":1.0,"of_tomorrow":{"a" : [1e3,0.10,"\\u00fc"]}}'
    await pair.answer(path, asked, given)
    fields = msgspec.json.decode(asked, type=dict[str, msgspec.Raw])
    sent = msgspec.json.decode(pair.vendor.asked[-1], type=dict[str, msgspec.Raw])
    assert {name: bytes(value) for name, value in sent.items()} == {
        name: bytes(value) for name, value in fields.items()
    }
    if path == "/v1/messages":
        assert pair.vendor.headers[b"anthropic-beta"] == b"of-tomorrow-2026"


async def test_a_qualified_name_is_the_vendors_own_name_there(pair: Pair) -> None:
    """Only the name differs, which the vendor could not know."""
    asked = openai_body().replace(GPT.encode(), f"openai/{GPT}".encode())
    await pair.answer("/v1/chat/completions", asked, ANSWERS[0].body)
    assert pair.vendor.asked[-1] == openai_body()


async def test_what_is_forwarded_is_billed_by_the_vendors_count(pair: Pair) -> None:
    case = ANSWERS[0]
    assert case.usage is not None
    async with pair.platform.caller() as admin:
        pair.vendor.body = case.body
        answer = await admin.post("/v1/chat/completions", msgspec.json.decode(openai_body()))
        event = await admin.event_of(answer.headers["x-request-id"])
    assert (event["inputTokens"], event["cachedInputTokens"], event["outputTokens"]) == (
        case.usage.input_tokens,
        case.usage.cached_input_tokens,
        case.usage.output_tokens,
    )
