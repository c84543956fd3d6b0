"""Cohere's events; `test_cohere.py` reads whole streams of them."""

import pytest

from headgate.core.chat import ChatRequest, Message, Reasoning
from headgate.core.models import ProviderBroke, ProviderTimedOut
from headgate.providers.cohere_events import (
    EventReader,
    finish_reason,
    stop_sequence,
    wants_thoughts,
)
from headgate.providers.cohere_shapes import Event

PLAIN = ChatRequest(model="m", messages=(Message("user", "hello"),), stop=("x",))


@pytest.mark.parametrize(
    ("reasoning", "wants"),
    [(None, False), (Reasoning("off"), False), (Reasoning("auto"), True)],
)
def test_who_wants_to_see_thoughts(reasoning: Reasoning | None, wants: bool) -> None:
    request = ChatRequest(model="m", messages=PLAIN.messages, reasoning=reasoning)
    assert wants_thoughts(request) == wants


def test_an_answer_that_the_vendor_gave_up_has_no_reason() -> None:
    assert finish_reason(None) == "stop"
    with pytest.raises(ProviderBroke):
        finish_reason("ERROR")
    with pytest.raises(ProviderTimedOut):
        finish_reason("TIMEOUT")


def test_a_stop_is_known_where_there_is_one() -> None:
    assert stop_sequence(PLAIN, "STOP_SEQUENCE") == "x"
    assert stop_sequence(PLAIN, "COMPLETE") is None


def test_an_event_that_nobody_knows_is_no_piece() -> None:
    assert EventReader(PLAIN).delta(Event("something-new", 3)) is None
