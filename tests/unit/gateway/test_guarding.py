"""Vendors behind guardrails, through the whole gateway."""

import dataclasses

import msgspec
import pytest

from fakes import USAGE, FakeProvider, words
from gateway_desk import CALLER, Desk, asks
from headgate.core.chat import (
    ChatDelta,
    ChatRequest,
    ChatResponse,
    Message,
    Text,
    Thinking,
    ToolCall,
    ToolCallDelta,
    Wire,
)
from headgate.core.embeddings import EmbeddingRequest
from headgate.core.errors import InvalidRequest
from headgate.core.guardrails import Guardrails, named, of_kinds
from headgate.gateway.guarding import STOPPED

MAIL = "ada@example.org"
RULES = (*of_kinds(["email"], "redact"), *named(["ZEUS"], "block"))
BOTH = Guardrails(RULES, RULES)


class Says(FakeProvider):
    """A vendor that answers with one text, and calls a tool with it."""

    def __init__(self, text: str) -> None:
        call = ToolCallDelta(0, "call-1", "send", f'{{"to":"{text}')
        super().__init__(
            "one",
            [
                ChatDelta(thinking=Thinking(text)),
                *(ChatDelta(text=letter) for letter in text),
                ChatDelta(tool_calls=(call,)),
                ChatDelta(tool_calls=(ToolCallDelta(0, arguments='"}'),)),
                USAGE,
                ChatDelta(finish_reason="tool_calls"),
            ],
        )
        self.text = text

    async def complete(self, request: ChatRequest, *, idempotency_key: str) -> ChatResponse:
        self.chats.append(request)
        return ChatResponse(
            id="1",
            model="small",
            content=self.text,
            finish_reason="stop",
            usage=USAGE,
            tool_calls=(ToolCall("call-1", "send", f'{{"to":"{self.text}"}}'),),
            thinking=(Thinking(self.text),),
            wire=Wire("openai", b"{}"),
        )


def guarded(vendor: FakeProvider, guards: Guardrails = BOTH) -> Desk:
    """A gateway with guardrails for the caller's workspace and no other."""
    desk = Desk(vendor)
    desk.gateway = dataclasses.replace(
        desk.gateway, guards=lambda workspace: guards if workspace == "acme" else None
    )
    return desk


async def streamed(desk: Desk, request: ChatRequest) -> list[ChatDelta]:
    answer = await desk.gateway.stream(CALLER, request)
    pieces = [piece async for piece in answer]
    assert all(isinstance(piece, ChatDelta) for piece in pieces)
    return [piece for piece in pieces if isinstance(piece, ChatDelta)]


async def test_what_is_taken_out_does_not_reach_the_vendor() -> None:
    vendor = FakeProvider("one")
    messages = (
        Message("system", f"from {MAIL}"),
        Message("user", (Text(f"to {MAIL}"),)),
        Message("assistant", "", (ToolCall("1", "send", f'{{"to":"{MAIL}"}}'),)),
        Message("tool", f"sent to {MAIL}", tool_call_id="1"),
    )
    wire = Wire("openai", f'{{"a":"{MAIL}"}}'.encode())
    desk = guarded(vendor)
    await desk.gateway.complete(CALLER, asks(messages=messages, wire=wire))
    (seen,) = vendor.chats
    assert MAIL not in repr(seen)
    assert repr(seen).count("[email]") == 4
    assert seen.wire is None
    await desk.rest()


async def test_a_blocked_question_is_refused_and_costs_nothing() -> None:
    vendor = FakeProvider("one")
    desk = guarded(vendor)
    request = asks(messages=(Message("user", "tell ZEUS"),))
    with pytest.raises(InvalidRequest, match="guardrail `blocked`"):
        await desk.gateway.complete(CALLER, request)
    with pytest.raises(InvalidRequest, match="guardrail `blocked`"):
        await desk.gateway.stream(CALLER, request)
    embedding = EmbeddingRequest(model="small", input=("ZEUS",))
    with pytest.raises(InvalidRequest, match="guardrail `blocked`"):
        await desk.gateway.embed(CALLER, embedding)
    assert not vendor.chats
    assert not vendor.embeddings
    assert {event.billed for event in desk.events} == {0}
    await desk.rest()


async def test_texts_to_embed_are_judged_too() -> None:
    vendor = FakeProvider("one")
    desk = guarded(vendor)
    await desk.gateway.embed(CALLER, EmbeddingRequest(model="small", input=(MAIL, "plain")))
    assert vendor.embeddings[0].input == ("[email]", "plain")
    await desk.rest()


async def test_an_answer_comes_without_what_is_taken_out() -> None:
    desk = guarded(Says(f"write to {MAIL}"))
    answer = (await desk.gateway.complete(CALLER, asks())).response
    assert answer.content == "write to [email]"
    assert answer.tool_calls[0].arguments == '{"to":"write to [email]"}'
    assert (answer.thinking, answer.wire) == ((), None)
    await desk.rest()


async def test_a_blocked_answer_says_so_and_is_billed() -> None:
    desk = guarded(Says("I am ZEUS"))
    answer = (await desk.gateway.complete(CALLER, asks())).response
    assert (answer.content, answer.refusal) == ("", STOPPED)
    assert (answer.finish_reason, answer.tool_calls) == ("content_filter", ())
    assert desk.event.billed == 20
    await desk.rest()


async def test_a_stream_comes_without_what_is_taken_out_letter_by_letter() -> None:
    desk = guarded(Says(f"write to {MAIL} " + "soon " * 100))
    pieces = await streamed(desk, asks())
    assert "".join(piece.text for piece in pieces) == "write to [email] " + "soon " * 100
    assert len(pieces) > 5
    assert all(piece.thinking is None for piece in pieces)
    (call,) = pieces[-1].tool_calls
    assert (call.id, call.name) == ("call-1", "send")
    assert msgspec.json.decode(call.arguments)["to"].startswith("write to [email]")
    assert pieces[-1].finish_reason == "tool_calls"
    assert desk.event.output_tokens == 5
    await desk.rest()


async def test_a_blocked_stream_ends_and_stops_the_vendor() -> None:
    vendor = Says("all is well. " * 50 + "I am ZEUS")
    desk = guarded(vendor)
    pieces = await streamed(desk, asks())
    assert "ZEUS" not in "".join(piece.text for piece in pieces)
    assert pieces[-2].refusal == STOPPED
    assert pieces[-1].finish_reason == "content_filter"
    assert vendor.streams[0].is_closed
    assert desk.event.billed > 0
    await desk.rest()


async def test_a_call_of_a_tool_that_must_not_be_made_is_not_told() -> None:
    vendor = FakeProvider(
        "one",
        [
            ChatDelta(text="fine"),
            ChatDelta(tool_calls=(ToolCallDelta(0, "1", "run", '{"code":"ZE'),)),
            ChatDelta(tool_calls=(ToolCallDelta(0, arguments='US"}'),)),
            ChatDelta(finish_reason="tool_calls"),
        ],
    )
    desk = guarded(vendor)
    pieces = await streamed(desk, asks())
    assert not any(piece.tool_calls for piece in pieces)
    assert pieces[-1].finish_reason == "content_filter"
    await desk.rest()


async def test_rules_for_one_direction_leave_the_other_alone() -> None:
    vendor = Says(MAIL)
    desk = guarded(vendor, Guardrails(input=RULES))
    answer = await desk.gateway.complete(CALLER, asks(messages=(Message("user", MAIL),)))
    assert answer.response.content == MAIL
    assert vendor.chats[0].last_user_text == "[email]"
    await desk.rest()


async def test_another_workspace_has_other_rules() -> None:
    vendor = FakeProvider("one", words(MAIL))
    desk = guarded(vendor)
    other = msgspec.structs.replace(CALLER.key, workspace_id="other", key_id="sk-proj-two")
    caller = msgspec.structs.replace(CALLER, key=other)
    await desk.gateway.complete(caller, asks(messages=(Message("user", MAIL),)))
    assert vendor.chats[0].last_user_text == MAIL


async def test_what_a_vendor_is_asked_besides_is_its_own_answer() -> None:
    """All of the port goes through, so that prices and limits are those of the vendor."""
    vendor = FakeProvider("one")
    desk = guarded(vendor)
    (route,) = await desk.gateway.routes("small", CALLER.key)
    provider = route.provider
    assert (provider.provider, list(provider.models())) == ("one", ["small"])
    assert provider.serves("small")
    request, embedding = asks(), EmbeddingRequest(model="small", input=("a",))
    assert (provider.input_ceiling(request), provider.input_estimate(request)) == (20, 10)
    assert (provider.output_ceiling(request), provider.embedding_ceiling(embedding)) == (100, 20)
    assert await provider.count_tokens(request) == 12
    await provider.refresh()
    assert vendor.refreshes == 1
