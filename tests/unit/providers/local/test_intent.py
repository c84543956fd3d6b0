import pytest

from headgate.core.chat import ChatRequest, Message
from headgate.providers.local.intent import Intent, intent

BODY = "The mill on the river burned down last night. Nobody was hurt. It will be rebuilt."


def of(*messages: tuple[str, str], use_case: str | None = None) -> Intent:
    said = tuple(Message(role, text) for role, text in messages)  # type: ignore[arg-type]
    return intent(ChatRequest(model="local", messages=said, use_case=use_case))


def test_an_instruction_and_its_text() -> None:
    asked = of(("user", f"Summarise in two sentences:\n\n{BODY}"))
    assert (asked.abilities, asked.material, asked.shape.sentences) == (("summary",), BODY, 2)


@pytest.mark.parametrize(
    ("system", "use_case", "ability"),
    [
        ("Summarise what the user sends.", None, "summary"),
        ("", "summarization", "summary"),
        ("", "text-classification", "classification"),
        ("You extract names from messages.", None, "extraction"),
    ],
)
def test_a_standing_order_makes_each_message_material(
    system: str, use_case: str | None, ability: str
) -> None:
    asked = of(("system", system), ("user", f"{BODY} Can you help?"), use_case=use_case)
    assert asked.abilities == (ability,)
    assert asked.material == f"{BODY} Can you help?"


def test_the_users_own_order_goes_before_the_standing_one() -> None:
    asked = of(("system", "You summarise texts."), ("user", f"Extract all dates:\n\n{BODY}"))
    assert asked.abilities == ("extraction",)


def test_a_question_is_asked_of_what_was_said_before() -> None:
    asked = of(
        ("user", f"Summarise:\n\n{BODY}"), ("assistant", "It burned."), ("user", "Who was hurt?")
    )
    assert asked.abilities == ("answer",)
    assert asked.material == BODY


def test_a_question_is_asked_of_the_systems_context() -> None:
    asked = of(
        ("system", f"Answer questions from this context only.\n\n{BODY}"), ("user", "Who was hurt?")
    )
    assert asked.abilities == ("answer",)
    assert BODY in asked.material


def test_what_tools_returned_is_material() -> None:
    asked = of(("user", "What is the weather?"), ("tool", "Rain in Oslo."))
    assert asked.material == asked.results == "Rain in Oslo."
    assert asked.abilities == ("answer",)


def test_results_of_an_earlier_question_are_not_this_ones() -> None:
    assert of(("user", "Weather?"), ("tool", "Rain."), ("user", "And now?")).results == ""


def test_what_is_beyond_is_named_beside_what_is_not() -> None:
    asked = of(("user", f"Summarise and translate into French:\n\n{BODY}"))
    assert asked.abilities == ("summary",)
    assert asked.beyond == ("translate",)


def test_a_texts_own_language_needs_no_translation() -> None:
    german = "Die Mühle ist in der Nacht abgebrannt. Das war nicht gut, und sie wird neu gebaut."
    assert of(("user", f"Summarise in German:\n\n{german}")).beyond == ()
    assert of(("user", f"Summarise in German:\n\n{BODY}")).beyond == ("translate",)


def test_a_long_text_without_a_word_is_guessed_to_want_a_summary(article: str) -> None:
    asked = of(("user", article))
    assert asked.guessed
    assert asked.abilities == ("summary",)


@pytest.mark.parametrize("text", ["Write a poem", "Hello", "What is love?", ""])
def test_nothing_is_possible_without_a_text(text: str) -> None:
    asked = of(("user", text))
    assert (asked.abilities, asked.material) == ((), "")


def test_a_standing_summary_does_not_swallow_an_order_for_something_else() -> None:
    asked = of(("system", "You summarise texts."), ("user", "Write a poem about the sea"))
    assert asked.beyond == ("write new text",)
    assert asked.material == ""


def test_quoted_material_is_read_without_its_marks() -> None:
    """Prompt templates quote the lines of texts that strangers wrote."""
    text = "# Sources\n\nSource 1: Post\n> The ferry\n> leaves at nine.\n\n# Question\n\nWhen?"
    request = ChatRequest(
        model="local", messages=(Message("user", text),), use_case="question-answering"
    )
    assert "The ferry\nleaves at nine." in intent(request).material
