"""Gemini's pieces of answers."""

import pytest

from headgate.core.chat import ChatDelta, ChatRequest, Message, Reasoning, Thinking
from headgate.core.models import ProviderBroke
from headgate.providers.gemini_pieces import PieceReader
from headgate.providers.gemini_shapes import Answer, Call, Candidate, Content, Part

HELLO = (Message("user", "hello"),)
PLAIN = ChatRequest(model="m", messages=HELLO)
THINKS = ChatRequest(model="m", messages=HELLO, reasoning=Reasoning("auto"))


def answer(*parts: Part, finish: str | None = None) -> Answer:
    return Answer(candidates=[Candidate(content=Content(list(parts)), finish_reason=finish)])


def test_the_signature_of_a_text_is_for_those_who_asked_for_thoughts() -> None:
    """Most clients expect a plain text where they did not ask; the vendor can do without it."""
    signed = answer(Part(text="one", thought_signature="s"))
    text = ChatDelta(text="one")
    assert list(PieceReader(PLAIN).deltas(signed)) == [text]
    thought = ChatDelta(thinking=Thinking(signature="gemini::s"))
    assert list(PieceReader(THINKS).deltas(signed)) == [thought, text]


def test_the_signature_of_a_call_is_for_everybody_and_says_which_call() -> None:
    reader = PieceReader(PLAIN)
    call = Part(function_call=Call("f", "id"), thought_signature="s")
    for number in (0, 1):
        first, *_ = reader.deltas(answer(call))
        assert first == ChatDelta(thinking=Thinking(signature=f"gemini:{number}:s"))


def test_an_answer_has_ended_when_its_reason_came() -> None:
    reader = PieceReader(PLAIN)
    assert list(reader.deltas(answer(Part(text="one")))) == [ChatDelta(text="one")]
    assert reader.finish_reason is None
    assert list(reader.deltas(Answer())) == []
    (end,) = reader.deltas(answer(finish="MAX_TOKENS"))
    assert end.finish_reason == reader.finish_reason == "length"


def test_a_call_that_the_vendor_could_not_read_breaks_the_answer() -> None:
    with pytest.raises(ProviderBroke):
        list(PieceReader(PLAIN).deltas(answer(finish="MALFORMED_FUNCTION_CALL")))
