"""A request survives its way through another vendor's words.

What comes back differs only where `policies.md` says so: hints, and what a protocol can say in one
way only. Everything else would be a wish that was dropped in silence.
"""

from typing import Any

import msgspec

from headgate.core.chat import ChatRequest, Message, Reasoning, Text, Thinking
from headgate.core.protocols import anthropic, openai
from headgate.providers import anthropic_requests, openai_requests

PNG = "iVBORw0KGgo="
TOOL = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}
MODEL = "claude-opus-4-6"

ANTHROPIC_BODY: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 4_096,
    "system": [{"type": "text", "text": "be brief"}, {"type": "text", "text": "be kind"}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "look"},
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": PNG},
                },
                {"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}},
                {
                    "type": "document",
                    "title": "bill.pdf",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": PNG},
                },
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I will search"},
                {"type": "tool_use", "id": "t1", "name": "search", "input": {"q": "a"}},
                {"type": "tool_use", "id": "t2", "name": "search", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "t1",
                    "content": [{"type": "text", "text": "one"}],
                },
                {
                    "type": "tool_result",
                    "tool_use_id": "t2",
                    "content": [{"type": "text", "text": "two"}, {"type": "text", "text": "2"}],
                },
                {"type": "text", "text": "and now?"},
            ],
        },
    ],
    "tools": [
        {"name": "search", "description": "Looks.", "input_schema": TOOL, "strict": True},
        {"name": "stop", "input_schema": {"type": "object"}},
    ],
    "tool_choice": {"type": "tool", "name": "search", "disable_parallel_tool_use": True},
    "thinking": {"type": "adaptive"},
    "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": TOOL}},
    "stop_sequences": ["END", "STOP"],
    "temperature": 0.5,
    "top_p": 0.9,
    "metadata": {"user_id": "u1"},
    "stream": True,
}


def of_anthropic(fields: Any) -> ChatRequest:
    body = msgspec.json.encode(fields)
    request = anthropic.chat_request(
        msgspec.json.decode(body, type=anthropic.MessagesRequest), body
    )
    assert request.native == ()
    return plain(request)


def of_openai(fields: Any) -> ChatRequest:
    body = msgspec.json.encode(fields)
    wanted = msgspec.json.decode(body, type=openai.ChatCompletionRequest)
    request = openai.chat_request(wanted, body).request
    assert request.native == ()
    return plain(request)


def plain(request: ChatRequest) -> ChatRequest:
    """Without the body, and with every text of one part as a text."""
    messages = tuple(map(_plain, request.messages))
    return msgspec.structs.replace(request, messages=messages, wire=None)


def _plain(message: Message) -> Message:
    content = message.content
    if not isinstance(content, str) and len(content) == 1 and isinstance(content[0], Text):
        return msgspec.structs.replace(message, content=content[0].text)
    return message


def to_openai(request: ChatRequest) -> Any:
    fields = openai_requests.translated(request, "max_completion_tokens")
    return fields | {"model": request.model, "stream": request.stream}


def to_anthropic(request: ChatRequest) -> Any:
    fields = anthropic_requests.translated(request, request.max_tokens or 4_096)
    return fields | {"model": request.model, "stream": request.stream}


def test_anthropics_words_mean_the_same_when_they_are_written_again() -> None:
    request = of_anthropic(ANTHROPIC_BODY)
    assert of_anthropic(to_anthropic(request)) == request


def test_a_request_of_anthropics_survives_openais_words() -> None:
    request = of_anthropic(ANTHROPIC_BODY)
    through = of_openai(to_openai(request))
    # The form of the answer gets a name there, which no other protocol has.
    form = through.response_format
    assert form is not None
    assert (form.name, form.strict) == ("answer", False)
    through = msgspec.structs.replace(through, response_format=request.response_format)
    assert through == request
    assert of_anthropic(to_anthropic(through)) == request


def test_a_request_of_openais_survives_anthropics_words() -> None:
    body = {
        "model": MODEL,
        "max_completion_tokens": 4_096,
        "messages": [
            {"role": "developer", "content": "be brief"},
            {"role": "user", "content": "look"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "search", "arguments": '{"q":"a"}'},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "found"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "and this?"},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                ],
            },
        ],
        "tools": [{"type": "function", "function": {"name": "search", "parameters": TOOL}}],
        "tool_choice": "required",
        "parallel_tool_calls": False,
        "reasoning_effort": "low",
        "stop": ["END"],
        "top_p": 0.9,
        "user": "u1",
    }
    request = of_openai(body)
    assert of_anthropic(to_anthropic(request)) == request


def test_thoughts_survive_the_words_of_openais_clients() -> None:
    """They are handed back in the assistant's message, as it was given."""
    thoughts = (Thinking("hm", "sig"), Thinking(sealed="x"))
    request = ChatRequest(
        model=MODEL,
        messages=(Message("assistant", (*thoughts, Text("hi"))), Message("user", "go on")),
        max_tokens=4_096,
        reasoning=Reasoning("auto", "low"),
    )
    handed_back = [
        {
            "role": "assistant",
            "content": "hi",
            "thinking_blocks": [
                {"type": "thinking", "thinking": "hm", "signature": "sig"},
                {"type": "redacted_thinking", "data": "x"},
            ],
        },
        {"role": "user", "content": "go on"},
    ]
    fields = {
        "model": MODEL,
        "max_tokens": 4_096,
        "messages": handed_back,
        "reasoning_effort": "low",
    }
    assert of_openai(fields) == request
    assert of_anthropic(to_anthropic(request)) == request
