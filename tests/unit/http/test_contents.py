"""What is asked and answered is told to whoever looks, of requests to models and of no others."""

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest

from conversations import talking
from fakes import FakeProvider
from headgate.bootstrap.telemetry import Telemetry
from headgate.core.contents import Content
from headgate.core.models import ProviderBroke
from multipart import CONTENT_TYPE, multipart
from platform_in_memory import ADMIN, Platform, chat, make_key, platform


class Looked(NamedTuple):
    """A platform, and what is told of its contents."""

    here: Platform
    told: list[Content]


@contextlib.asynccontextmanager
async def looking(*providers: FakeProvider) -> AsyncIterator[Looked]:
    told: list[Content] = []
    async with platform(*providers, telemetry=Telemetry(contents=told.append)) as here:
        yield Looked(here, told)


MESSAGES = {"messages": [{"role": "user", "content": "[[say one two]]"}], "model": "sandbox"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/stream", MESSAGES),
        ("/v1/chat/completions", {**MESSAGES, "stream": True}),
        ("/v1/messages", {**MESSAGES, "stream": True, "max_tokens": 9}),
        (
            "/v1/responses",
            {"input": "[[say one two]]", "model": "sandbox", "stream": True},
        ),
    ],
)
async def test_a_stream_is_told_as_its_text_on_every_route(path: str, body: Any) -> None:
    async with looking() as looked:
        answer = await looked.here.call("POST", path, body)
        (told,) = looked.told
        assert (told.method, told.route, told.key_id) == ("POST", path, "sk-proj-admin")
        assert told.request_id == answer.headers["x-request-id"]
        assert json.loads(told.asked.text) == body
        assert told.answered == ("one two", True)


async def test_a_whole_answer_and_an_error_are_told_as_they_were_sent() -> None:
    async with looking() as looked:
        for fields in ({}, {"model": "nobody"}):
            answer = await looked.here.call("POST", "/v1/complete", chat("hi", **fields))
            assert json.loads(looked.told.pop().answered.text) == answer.json


async def test_what_makes_keys_or_sets_secrets_is_never_looked_at() -> None:
    async with looking() as looked:
        await make_key(looked.here)
        secret = {"apiKey": "sk-vendor-1234567890", "userId": "ada"}
        await looked.here.call("PUT", "/v1/providers/openai/key", secret)
        await looked.here.call("GET", "/v1/documents")
        await looked.here.call("POST", "/nowhere", {"secret": "x"})
        assert looked.told == []


async def test_what_strangers_send_is_not_looked_at() -> None:
    async with looking() as looked:
        for key in (None, "sk-proj-nobody-secret"):
            await looked.here.call("POST", "/v1/complete", chat("hi"), key=key)
        assert looked.told == []


async def test_files_are_not_written_into_a_log() -> None:
    async with looking() as looked:
        body = multipart(("a.txt", b"the words of a file"))
        headers = {"content-type": CONTENT_TYPE, "content-length": str(len(body))}
        answer = await looked.here.call("POST", "/v1/documents", body, headers=headers)
        assert answer.status == 201
        assert looked.told[0].asked == ("(files)", True)


async def test_the_order_for_a_run_is_looked_at() -> None:
    async with looking() as looked:
        order = {"type": "react", "model": "sandbox", "input": "Hi", "waitSeconds": 60}
        await looked.here.call("POST", "/v1/agents/run", order)
        (told,) = looked.told
        assert "You said: Hi" in told.answered.text


async def test_a_socket_is_looked_at_as_http_is() -> None:
    async with looking() as looked, talking(looked.here, ADMIN) as talk:
        await talk.hear("complete", requestId="a", **chat("[[say one two]]"))
        done = (await talk.until_end())[-1]
        await talk.hear("complete", requestId="a", **chat("hi", model="nobody"))
        await talk.said()
        await talk.conversation.aclose()
        answered, refused = looked.told
        assert answered[:4] == (done["callId"], "WS", "/v1/stream", "sk-proj-admin")
        assert json.loads(answered.asked.text)["messages"] == chat("[[say one two]]")["messages"]
        assert answered.answered == ("one two", True)
        assert '"model_not_found"' in refused.answered.text
        assert ADMIN not in str(looked.told)


async def test_what_came_before_an_answer_broke_off_is_told_with_the_reason() -> None:
    vendor = FakeProvider("one", ProviderBroke("it broke"))
    async with looking(vendor) as looked, talking(looked.here) as talk:
        await talk.hear("complete", requestId="a", **chat("hi", model="small"))
        await talk.until_end()
        await looked.here.call("POST", "/v1/stream", chat("hi", model="small"))
        await talk.conversation.aclose()
        assert [told.method for told in looked.told] == ["WS", "POST"]
        assert all('"upstream_error"' in told.answered.text for told in looked.told)
