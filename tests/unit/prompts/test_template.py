"""How a template is written, and what is said of one that is written wrongly."""

import pytest

from headgate.prompts.template import MOST_CHARACTERS, BadTemplate, read_template
from prompt_templates import greeting


def test_a_template_is_front_matter_and_blocks_in_their_order() -> None:
    template = read_template(greeting(version=3), "greet.md")
    assert (template.name, template.version, template.use_case) == ("greet", 3, "greet")
    assert [(block.message, block.name) for block in template.blocks] == [
        ("system", "role"),
        ("system", "languages"),
        ("user", "person"),
        ("user", "task"),
    ]
    assert template.blocks[0].text == "You greet people."
    assert list(template.front.inputs) == ["who", "languages"]


def test_a_block_knows_the_line_where_its_text_begins() -> None:
    source = greeting()
    for block in read_template(source, "greet.md").blocks:
        assert source.splitlines()[block.line - 1] == block.text.splitlines()[0]


def test_lines_may_end_as_windows_ends_them() -> None:
    unix, windows = greeting(), greeting().replace("\n", "\r\n")
    assert read_template(windows, "greet.md").blocks == read_template(unix, "greet.md").blocks


def test_deeper_headings_are_a_blocks_own_text() -> None:
    source = greeting().replace("Greet the person.", "### Now\n\nGreet the person.")
    assert read_template(source, "greet.md").blocks[-1].text == "### Now\n\nGreet the person."


def changed(before: str, after: str) -> str:
    assert before in greeting()
    return greeting().replace(before, after, 1)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("Hello", "greet.md:1: a template begins with front matter between lines of +++"),
        ("+++\nname = 1", "greet.md:1: the front matter is not closed by a line of +++"),
        (changed("version = 1", "version ="), "greet.md:3: the front matter is not valid TOML"),
        (changed("version = 1", "versoin = 1"), "greet.md:3: the front matter is wrong"),
        (changed("version = 1", 'version = "1"'), "greet.md:3: the front matter is wrong"),
        (changed("version = 1", "version = 0"), "greet.md:3: versions begin at 1"),
        (changed('"greet"', '"Greet"'), "greet.md:2: a name is of small letters"),
        (changed('type = "strings"', 'type = "list"'), "greet.md:11: the front matter is wrong"),
        (
            changed("[example]", "[model]\ntemprature = 0\n[example]"),
            "greet.md:16: the front matter is wrong",
        ),
        (
            changed("version = 1", "version = 1\noutput_schema = '[]'"),
            "greet.md:4: output_schema is not a JSON object",
        ),
        (
            changed("version = 1", f"version = 1\ndeep = {'[' * 4_000}{']' * 4_000}"),
            "greet.md:1: the front matter is nested too deeply",
        ),
        (
            changed("version = 1", f"version = 1\noutput_schema = '{'[' * 9_000}'"),
            "greet.md:4: output_schema is not a JSON object",
        ),
        (
            changed("version = 1", "version = 1\n" + "a" * 10_000),
            "greet.md:1: the front matter is longer than 10,000 characters",
        ),
        (changed("## role\n", ""), "greet.md:23: text stands outside of a block"),
        (changed("# system", "## start"), "greet.md:20: a block stands below `# system`"),
        (changed("# system", "# System"), "greet.md:20: a heading with one # names a message"),
        (changed("# user", "# system"), "greet.md:32: a heading with one # names a message"),
        (changed("## task", "## The task"), "greet.md:38: 'The task' is no name for a block"),
        (changed("## task", "## role"), "greet.md:38: block `role`: there are two blocks of"),
        (changed("Greet the person.", ""), "greet.md:38: block `task`: it is empty"),
        (greeting().partition("# system")[0], "greet.md:1: there are no blocks"),
        ("+++\n" + "x" * MOST_CHARACTERS, "greet.md:1: it is longer than 64,000 characters"),
    ],
)
def test_a_mistake_is_told_with_its_file_its_line_and_its_block(source: str, said: str) -> None:
    with pytest.raises(BadTemplate) as caught:
        read_template(source, "greet.md")
    assert caught.value.message.startswith(said)
