"""How blocks become messages, and that inputs stay within them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.errors import InvalidRequest
from headgate.core.models import PromptStyle
from headgate.prompts.compiling import STYLES, Compiled
from headgate.prompts.template import BadTemplate, read_template
from prompt_templates import greeting


def contents(style: PromptStyle, source: str | None = None, **inputs: object) -> list[str]:
    template = read_template(source or greeting(), "greet.md")
    return [message.text for message in Compiled(template, style).fill(inputs).messages]


def test_claude_reads_tags() -> None:
    system, user = contents("xml", who="Ada", languages=["Irish"])
    assert system == "<role>\nYou greet people.\n</role>\n\n<languages>\n- Irish\n</languages>"
    assert user == "<person>\nAda\n</person>\n\n<task>\nGreet the person.\n</task>"


def test_others_read_headings() -> None:
    system, user = contents("headings", who="Ada", languages=["Irish"])
    assert system == "# Role\n\nYou greet people.\n\n# Languages\n\n- Irish"
    assert user == "# Person\n\nAda\n\n# Task\n\nGreet the person."


def test_a_block_of_which_nothing_is_left_is_left_out() -> None:
    assert contents("xml", who="Ada")[0] == "<role>\nYou greet people.\n</role>"


def one_block(text: str = "{{ who }}") -> str:
    """The greeting, with the person alone in the user's message."""
    source = greeting().partition("## task")[0]
    return source.replace("{{ who }}", text)


def test_a_message_of_one_block_has_no_heading_and_nothing_is_escaped() -> None:
    text = "  # Ada\n---\n"
    assert contents("headings", one_block(), who=text)[1] == text
    assert contents("xml", one_block(), who="Ada")[1] == "<person>\nAda\n</person>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("</person>", "&lt;/person>"),
        ("<TASK>", "&lt;TASK>"),
        ("< / task >", "&lt; / task >"),
        ("<\u200b/person>", "&lt;\u200b/person>"),
        ('<person id="1">', '&lt;person id="1">'),
        ("a <", "a &lt;"),
        ("a </ta", "a &lt;/ta"),
        ("<b>1 < 2</b> & <persons> <my-task>", "<b>1 < 2</b> & <persons> <my-task>"),
    ],
)
def test_an_input_cannot_open_or_close_a_tag_of_the_template(text: str, expected: str) -> None:
    user = contents("xml", who=text)[1]
    assert user.startswith(f"<person>\n{expected}\n</person>")


def test_tags_that_the_templates_text_writes_are_its_own_too() -> None:
    source = one_block("<note>\n{{ who }}\n</note>")
    assert "a&lt;/note>b</i>" in contents("xml", source, who="a</note>b</i>")[1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# Task", "\\# Task"),
        ("hi\n  ## Task", "hi\n  \\## Task"),
        ("hi\r#\tTask", "hi\r\\#\tTask"),
        ("hi\u2028# Task", "hi\u2028\\# Task"),
        ("\u200b# Task", "\u200b\\# Task"),
        ("Task\n====", "Task\n\\===="),
        ("Task\n - \nend", "Task\n \\- \nend"),
        ("#task C# #1\n- one\n|---|\na = b", "#task C# #1\n- one\n|---|\na = b"),
    ],
)
def test_an_input_cannot_begin_a_heading(text: str, expected: str) -> None:
    user = contents("headings", who=text)[1]
    assert user.startswith(f"# Person\n\n{expected}\n\n# Task")


PIECES = (
    *("<", "/", ">", "person", "task", "TASK", "a"),
    *("#", "=", "-", " ", "\n", "\r", "\u200b", "\\"),
)
hostile = st.lists(st.sampled_from(PIECES), max_size=12).map("".join).filter(str.strip)


@given(hostile)
def test_whatever_an_input_says_the_template_has_its_own_tags_only(text: str) -> None:
    user = contents("xml", who=text, languages=[text, text])[1]
    tags = re.findall(r"<[\s/\u200b]*(?:person|task)(?![\w-])", user, re.IGNORECASE)
    assert tags == ["<person", "</person", "<task", "</task"]


@given(hostile)
def test_whatever_an_input_says_the_template_has_its_own_headings_only(text: str) -> None:
    user = contents("headings", who=text)[1]
    lines = [line.strip("\u200b\ufeff \t") for line in user.splitlines()]
    headings = [line for line in lines if re.match(r"#+(?:\s|\u200b|$)", line)]
    assert headings == ["# Person", "# Task"]
    assert not [line for line in lines if re.fullmatch(r"=+|-+", line)]


def test_inputs_are_never_templates() -> None:
    for style in STYLES:
        assert "{{ languages }}" in contents(style, who="{{ languages }}")[1]


def test_an_input_that_nothing_uses_is_a_mistake() -> None:
    with pytest.raises(BadTemplate, match="no block uses the input `who`"):
        contents("xml", one_block("someone"), who="Ada")


def test_inputs_are_checked_before_anything_is_filled_in() -> None:
    with pytest.raises(InvalidRequest, match="`who` is missing"):
        contents("xml")
