import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.chat import (
    ChatRequest,
    Message,
    ResponseFormat,
    Text,
    Tool,
    ToolChoice,
)
from headgate.core.embeddings import EmbeddingRequest
from headgate.core.errors import InvalidRequest
from headgate.core.sandbox import Plan, embed, input_tokens, plan, plan_embedding, split

SEARCH = Tool(
    "search",
    parameters={"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]},
)
FETCH = Tool("fetch")


def ask(*texts: str, **options: Any) -> ChatRequest:
    messages = options.pop("messages", ())
    said = tuple(Message("user", text) for text in texts)
    return ChatRequest(model="sandbox", messages=said + tuple(messages), **options)


def text_of(planned: Plan) -> str:
    return "".join(piece.delta.text for piece in planned.pieces())


def arguments_of(planned: Plan) -> list[str]:
    whole = [""] * len(planned.tool_calls)
    for piece in planned.pieces():
        for call in piece.delta.tool_calls:
            whole[call.index] += call.arguments
    return whole


def test_it_repeats_the_last_user_text_exactly() -> None:
    planned = plan(ask("before", " a  b\n"))
    assert planned.content == "You said:  a  b\n"
    assert planned.finish_reason == "stop"


def test_all_messages_count_as_input_but_directives_do_not() -> None:
    request = ChatRequest(
        model="sandbox",
        messages=(
            Message("system", "be  very brief"),
            Message("user", "old [[say this is not counted]] text"),
            Message("assistant", "yes"),
            Message("user", (Text("two words"), Text("[[tokens 7]] more"))),
        ),
    )
    assert input_tokens(request) == 3 + 2 + 1 + 3
    assert plan(request).usage.input_tokens == 9
    assert plan(request).usage.output_tokens == 7


def test_directives_of_earlier_messages_do_nothing() -> None:
    assert plan(ask("[[fail 500]] [[tokens x]]", "hi")).content == "You said: hi"


def test_say_answers_exactly() -> None:
    assert plan(ask("ignored [[say  two\n words ]]")).content == " two\n words "


def test_tokens_answers_so_many_words() -> None:
    planned = plan(ask("[[tokens 1000]]"))
    assert planned.usage.output_tokens == len(planned.content.split()) == 1000


def test_json_answers_with_the_smallest_value_under_the_schema() -> None:
    wanted = ResponseFormat("json_schema", SEARCH.parameters)
    assert plan(ask("[[json]]", response_format=wanted)).content == '{"q":""}'
    assert plan(ask("[[json]]")).content == "{}"


def test_offered_tools_are_called_in_parallel() -> None:
    asked = '[[call search {"q": "a b"}]] [[call gone {}]] [[call search {"q": ""}]]'
    planned = plan(ask(asked, tools=(SEARCH,)))
    assert [call.arguments for call in planned.tool_calls] == ['{"q": "a b"}', '{"q": ""}']
    assert (planned.content, planned.finish_reason) == ("", "tool_calls")
    assert planned.usage.output_tokens == 5
    assert arguments_of(planned) == [call.arguments for call in planned.tool_calls]


def test_call_ids_are_the_same_for_the_same_request_and_differ_along_a_conversation() -> None:
    def ids(*texts: str) -> list[str]:
        return [call.id for call in plan(ask(*texts, tools=(FETCH,))).tool_calls]

    first = ids("[[call fetch]] [[call fetch]]")
    assert first == ids("[[call fetch]] [[call fetch]]")
    assert len({*first, *ids("more", "[[call fetch]] [[call fetch]]")}) == 4


def test_a_text_may_stand_beside_a_call() -> None:
    planned = plan(ask("[[say One moment.]] [[call fetch {}]]", tools=(FETCH,)))
    assert planned.content == "One moment."
    assert len(planned.tool_calls) == 1


def test_one_call_at_a_time_where_the_caller_wants_it() -> None:
    asked = ask("[[call fetch]] [[call fetch]]", tools=(FETCH,), parallel_tool_calls=False)
    assert len(plan(asked).tool_calls) == 1


def test_results_are_repeated_once_they_are_there() -> None:
    results = (Message("tool", "four", tool_call_id="1"), Message("tool", "5", tool_call_id="2"))
    planned = plan(ask("[[call fetch {}]]", messages=results, tools=(FETCH,)))
    assert (planned.content, planned.finish_reason) == ("Results: four 5", "stop")


def test_results_of_an_earlier_question_do_not_answer_a_new_one() -> None:
    history = (Message("tool", "old", tool_call_id="1"), Message("user", "[[call fetch {}]]"))
    assert plan(ask("[[call fetch {}]]", messages=history, tools=(FETCH,))).tool_calls


@pytest.mark.parametrize(
    ("text", "choice", "called"),
    [
        ("[[call search {}]]", ToolChoice("none"), []),
        ("hi", ToolChoice("auto"), []),
        ("hi", ToolChoice("required"), ["search"]),
        ("[[call fetch {}]]", ToolChoice("required"), ["fetch"]),
        ("hi", ToolChoice("tool", "fetch"), ["fetch"]),
        ("[[call search {}]]", ToolChoice("tool", "fetch"), ["fetch"]),
    ],
)
def test_tool_choice_is_honoured(text: str, choice: ToolChoice, called: list[str]) -> None:
    planned = plan(ask(text, tools=(SEARCH, FETCH), tool_choice=choice))
    assert [call.name for call in planned.tool_calls] == called


def test_a_required_call_has_the_smallest_arguments_and_ends_with_its_result() -> None:
    options: dict[str, Any] = {"tools": (SEARCH,), "tool_choice": ToolChoice("required")}
    assert plan(ask("hi", **options)).tool_calls[0].arguments == '{"q":""}'
    result = (Message("tool", "found", tool_call_id="1"),)
    assert plan(ask("hi", messages=result, **options)).content == "Results: found"


@pytest.mark.parametrize("choice", [ToolChoice("required"), ToolChoice("tool", "other")])
def test_a_required_tool_that_is_not_offered_is_refused(choice: ToolChoice) -> None:
    tools = (SEARCH,) if choice.mode == "tool" else ()
    with pytest.raises(InvalidRequest) as caught:
        plan(ask("hi", tools=tools, tool_choice=choice))
    assert caught.value.param == "tool_choice"


@pytest.mark.parametrize(("option", "value"), [("n", 2), ("logprobs", True)])
def test_what_it_cannot_do_is_refused_by_name(option: str, value: object) -> None:
    with pytest.raises(InvalidRequest, match=option) as caught:
        plan(ask("hi", **{option: value}))
    assert caught.value.param == option


def test_max_tokens_shortens_without_a_trailing_blank() -> None:
    planned = plan(ask("one two three", max_tokens=4))
    assert planned.content == "You said: one two"
    assert (planned.finish_reason, planned.usage.output_tokens) == ("length", 4)


def test_an_answer_of_just_max_tokens_is_whole() -> None:
    assert plan(ask("one", max_tokens=3)).finish_reason == "stop"


def test_max_tokens_shortens_arguments_and_drops_calls() -> None:
    asked = '[[say a b]] [[call fetch {"x": 1}]] [[call fetch {}]]'
    planned = plan(ask(asked, tools=(FETCH,), max_tokens=3))
    assert [call.arguments for call in planned.tool_calls] == ['{"x":']
    assert planned.finish_reason == "length"


def test_an_answer_ends_before_the_first_stop() -> None:
    planned = plan(ask("[[say a END b STOP c]] [[call fetch]]", tools=(FETCH,), stop=("STOP", "E")))
    assert (planned.content, planned.finish_reason, planned.tool_calls) == ("a ", "stop", ())


def test_usage_reports_cached_and_reasoning_tokens() -> None:
    usage = plan(ask("one two [[usage cached=5 reasoning=7]]")).usage
    assert (usage.input_tokens, usage.cached_input_tokens) == (2, 2)
    assert (usage.output_tokens, usage.reasoning_tokens) == (4 + 7, 7)


def test_reasoning_is_within_max_tokens() -> None:
    planned = plan(ask("one two [[usage reasoning=8]]", max_tokens=10))
    assert (planned.usage.output_tokens, planned.content) == (10, "You said:")
    assert plan(ask("one [[usage reasoning=99]]", max_tokens=10)).usage.output_tokens == 10


def test_pieces_keep_the_pace() -> None:
    planned = plan(ask("[[tokens 3]] [[delay 500]] [[rate 4]]"))
    assert [piece.due for piece in planned.pieces()] == [0.5, 0.75, 1.0, 1.0]
    assert planned.seconds == 1.0


def test_a_cut_answer_has_no_end() -> None:
    pieces = list(plan(ask("[[tokens 5]] [[cut 2]]")).pieces())
    assert [piece.delta.text for piece in pieces] == ["word", " word"]
    assert plan(ask("[[tokens 2]] [[cut 2]]")).is_cut
    assert list(plan(ask("[[cut 0]]")).pieces()) == []


def test_an_answer_shorter_than_its_cut_arrives_whole() -> None:
    planned = plan(ask("[[tokens 5]] [[cut 6]]"))
    assert not planned.is_cut
    assert len(list(planned.pieces())) == 6


def test_a_cut_counts_the_words_of_arguments() -> None:
    asked = '[[say hi]] [[call fetch {"x": 1}]] [[cut 2]]'
    planned = plan(ask(asked, tools=(FETCH,)))
    assert arguments_of(planned) == ['{"x":']


@given(st.text())
def test_pieces_joined_are_the_whole_answer(text: str) -> None:
    assert "".join(split(text)) == text
    planned = plan(ask(text))
    assert text_of(planned) == planned.content
    assert sum(piece.tokens for piece in planned.pieces()) == len(planned.content.split())


@given(st.text(), st.integers(min_value=1, max_value=9))
def test_a_shortened_answer_is_a_beginning_of_the_whole_one(text: str, most: int) -> None:
    whole, short = plan(ask(text)), plan(ask(text, max_tokens=most))
    assert whole.content.startswith(short.content)
    assert short.usage.output_tokens <= most


@given(st.text(), st.integers(min_value=1, max_value=300))
def test_every_vector_has_length_one(text: str, dimensions: int) -> None:
    vector = embed(text, dimensions)
    assert len(vector) == dimensions
    assert math.isclose(math.hypot(*vector), 1, abs_tol=1e-6)
    assert vector == embed(text, dimensions)


@pytest.mark.parametrize("dimensions", [256, 1536])
def test_texts_that_share_words_lie_nearer(dimensions: int) -> None:
    def nearness(one: str, other: str) -> float:
        pairs = zip(embed(one, dimensions), embed(other, dimensions), strict=True)
        return sum(a * b for a, b in pairs)

    text = "The cat sleeps on the warm roof"
    assert nearness(text, "a warm CAT sleeps") > nearness(text, "a dog barks") + 0.2
    assert nearness(text, "the cat sleeps on the warm roof!") > 0.999


def test_embedding_counts_words_and_tokens_and_takes_directives_out() -> None:
    planned = plan_embedding(
        EmbeddingRequest(model="sandbox", input=("one two [[fail 503]]", "[[delay 100]]"))
    )
    assert planned.usage.input_tokens == 2
    assert (planned.fail_status, planned.delay_seconds) == (503, 0.1)
    assert planned.vectors[0] == embed("one two")
    tokens = EmbeddingRequest(model="sandbox", input=((5, 6, 7), (8,)), dimensions=8)
    assert plan_embedding(tokens).usage.input_tokens == 4
    assert [len(vector) for vector in plan_embedding(tokens).vectors] == [8, 8]


def test_absurd_dimensions_are_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        embed("text", 65_536)
    assert caught.value.param == "dimensions"
