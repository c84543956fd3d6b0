"""Guardrails on a real server: whatever the protocol, the vendor and the stream.

A vendor's own frames are forwarded as they come where nothing is judged; here they must not be.
"""

from collections.abc import Mapping

import openai
import pytest
from anthropic import AsyncAnthropic

from headgate_server import Headgate, Simulator, http_client

MODELS = ["sandbox", "gpt-4o-mini", "claude-haiku-4-5"]
MAIL = "ada@example.org"
SAID = f"[[say Write to {MAIL} soon]]"
STOPPED = "[[say All is well, said ZEUS and left]]"


@pytest.fixture(scope="module")
def environment(vendors: Simulator) -> Mapping[str, str]:
    return vendors.environment


@pytest.fixture(scope="module")
def configuration() -> str:
    """Only answers are judged: the questions here hold what the vendor is to answer."""
    return """
        [guardrails]
        redact = ["email"]
        blocked_patterns = ["ZEUS"]
        input = false
        [workspaces.strict.guardrails]
        redact = ["email"]
        blocked_patterns = ["ZEUS"]
    """


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_openais_clients_get_answers_without_what_is_taken_out(
    headgate: Headgate, model: str
) -> None:
    async with openai.AsyncOpenAI(
        base_url=f"{headgate.url}/v1", api_key=headgate.admin_key, http_client=http_client()
    ) as client:
        whole = await client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": SAID}]
        )
        stream = await client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": SAID}], stream=True
        )
        pieces = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
        stopped = await client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": STOPPED}]
        )
        stopping = await client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": STOPPED}], stream=True
        )
        chunks = [chunk.choices[0] async for chunk in stopping if chunk.choices]
    assert whole.choices[0].message.content == "Write to [email] soon"
    assert "".join(pieces) == "Write to [email] soon"
    assert stopped.choices[0].finish_reason == chunks[-1].finish_reason == "content_filter"
    assert "ZEUS" not in stopped.model_dump_json()
    assert not any("ZEUS" in chunk.model_dump_json() for chunk in chunks)


async def test_anthropics_clients_get_answers_without_what_is_taken_out(
    headgate: Headgate, model: str
) -> None:
    async with AsyncAnthropic(
        base_url=headgate.url, api_key=headgate.admin_key, http_client=http_client()
    ) as client:
        whole = await client.messages.create(
            model=model, max_tokens=99, messages=[{"role": "user", "content": SAID}]
        )
        async with client.messages.stream(
            model=model, max_tokens=99, messages=[{"role": "user", "content": SAID}]
        ) as stream:
            text = "".join([piece async for piece in stream.text_stream])
    assert "".join(block.text for block in whole.content if block.type == "text") == text
    assert text == "Write to [email] soon"


async def test_a_workspace_with_rules_for_questions_keeps_them_from_the_vendor(
    headgate: Headgate, model: str
) -> None:
    async with (
        headgate.caller() as admin,
        admin.newcomer("ai:complete", workspaceId="strict") as caller,
    ):
        told = await caller.ask(f"I am {MAIL}", model=model)
        refused = await caller.ask("I am ZEUS", model=model)
    assert told.json["content"] == "You said: I am [email]"
    assert (refused.status, refused.error["code"]) == (400, "invalid_request")
    assert "ZEUS" not in refused.error["message"]
