import msgspec

from headgate.core.chat import ChatRequest, Message, Reasoning, Text, Thinking
from headgate.core.sandbox import plan
from headgate.simulate.thoughts import are_unchanged, thought_of

ASKED = ChatRequest(
    model="m",
    messages=(Message("user", "hi [[usage reasoning=2]]"),),
    reasoning=Reasoning("auto"),
)


def test_only_those_who_ask_see_thoughts() -> None:
    thought = thought_of(ASKED, plan(ASKED))
    assert thought is not None
    assert thought.text == "thought thought"
    for wanted in (None, Reasoning("off")):
        request = msgspec.structs.replace(ASKED, reasoning=wanted)
        assert thought_of(request, plan(request)) is None


def test_a_thought_that_comes_back_changed_is_noticed() -> None:
    given = thought_of(ASKED, plan(ASKED))
    assert given is not None
    for thought, expected in (
        (given, True),
        (msgspec.structs.replace(given, text="other"), False),
        (Thinking("never signed"), True),
    ):
        back = Message("assistant", (thought, Text("hi")))
        assert are_unchanged(msgspec.structs.replace(ASKED, messages=(back,))) is expected
