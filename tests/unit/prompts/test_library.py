"""Which templates there are, and the platform's own ones."""

import json
from pathlib import Path

import pytest

from headgate.core.chat import PromptVersion
from headgate.core.errors import NotFound
from headgate.core.models import PromptStyle
from headgate.core.prompts import Prompts
from headgate.prompts import history
from headgate.prompts.compiling import STYLES
from headgate.prompts.library import BUILT_IN, open_library
from headgate.prompts.template import BadTemplate
from prompt_templates import directory_of, greeting

GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(open_library().shelves)


def test_there_is_a_template_for_each_use_case() -> None:
    assert NAMES == [
        "agent",
        "answer",
        "classify",
        "extract",
        "judge",
        "merge",
        "plan",
        "remember",
        "report",
        "rewrite",
        "route",
        "summarize",
        "tag",
        "translate",
        "write",
    ]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", NAMES)
def test_each_gives_what_was_reviewed(name: str, style: PromptStyle) -> None:
    """`headgate prompts render NAME --example --style STYLE` writes these files."""
    library = open_library()
    example = library.shelf(name).latest.front.example
    prompt = library.render(name, example, style=style)
    text = "".join(f"--- {message.role} ---\n{message.text}\n" for message in prompt.messages)
    assert text == (GOLDEN / f"{name}.{style}.txt").read_text()


def test_no_golden_file_is_left_over() -> None:
    assert {path.name.partition(".")[0] for path in GOLDEN.iterdir()} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_schema_is_as_strict_as_vendors_want_it(name: str) -> None:
    """Every object is closed and all that it has is required."""
    schema = open_library().shelf(name).latest.output_schema

    def walk(part: object) -> None:
        if isinstance(part, dict):
            if "properties" in part:
                assert part["additionalProperties"] is False
                assert part["required"] == list(part["properties"])
            for inner in part.values():
                walk(inner)

    walk(schema)
    assert schema is None or "JSON" in json.dumps(schema) + open_library().shelf(name).latest.source


def test_no_template_changed_without_a_new_version() -> None:
    """What changed is listed; raise the version, then `headgate prompts check --write`."""
    found = history.review(BUILT_IN)
    assert found.problems == ()
    assert {one.status for one in found.templates} == {"unchanged"}


def test_the_latest_version_is_used_unless_another_is_asked_for(tmp_path: Path) -> None:
    own = directory_of(tmp_path, greet=greeting(10), greet_at_9=greeting(9, " warmly"))
    library: Prompts = open_library(own)
    latest = library.render("greet", {"who": "Ada"}, style="xml")
    earlier = library.render("greet", {"who": "Ada"}, style="xml", version=9)
    assert (latest.version, earlier.version) == (
        PromptVersion("greet", 10),
        PromptVersion("greet", 9),
    )
    assert "warmly" in earlier.messages[0].text
    with pytest.raises(NotFound, match="no version 1; there is 10, 9"):
        library.render("greet", {"who": "Ada"}, style="xml", version=1)
    with pytest.raises(NotFound, match="no prompt template 'great'"):
        library.render("great", {}, style="xml")


def test_a_companys_template_takes_the_place_of_the_platforms(tmp_path: Path) -> None:
    ours = (BUILT_IN / "summarize.md").read_text()
    own = directory_of(tmp_path, summarize=ours.replace("You are an editor.", "You are a lawyer."))
    (own / "README.md").write_text("What these are for.")
    library = open_library(own)
    assert library.shelf("summarize").origin == "own"
    assert library.shelf("classify").origin == "platform"
    prompt = library.render("summarize", {"text": "a"}, style="headings")
    assert "lawyer" in prompt.messages[0].text


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("[inputs.max_words]", "[inputs.most_words]", "which takes `max_words`"),
        (
            "[inputs.focus]",
            '[inputs.tone]\ntype = "string"\ndescription = "How."\n\n[inputs.focus]',
            "used without `tone`: say `required = false`",
        ),
        (
            'use_case = "summarization"',
            'use_case = "summarization"\noutput_schema = \'{"type": "object"}\'',
            "its output_schema must be the same",
        ),
    ],
)
def test_it_must_take_what_the_platforms_takes(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    ours = (BUILT_IN / "summarize.md").read_text()
    ours = ours.replace("max_words = 40", "").replace("{{ max_words }}", "100 {{ tone }}")
    if "most_words" in after:
        ours = ours.replace("{{ tone }}", "{{ most_words }}")
    elif "tone" in after:
        ours = ours.replace("{{ tone }}", "{{ max_words }} {{ tone }}")
        ours = ours.replace("[example]", '[example]\ntone = "dry"')
    else:
        ours = ours.replace("{{ tone }}", "{{ max_words }}")
    own = directory_of(tmp_path, summarize=ours.replace(before, after, 1))
    with pytest.raises(BadTemplate, match=said):
        open_library(own)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"Greet": greeting()}, "a template's file is called `name.md` or `name@1.md`"),
        ({"hello": greeting()}, "the file's name says 'hello', its front matter 'greet'"),
        ({"greet_at_2": greeting(3)}, "the file's name says version 2, its front matter 3"),
        ({"greet_at_2": greeting(2)}, "the latest version of a template is in greet.md"),
        ({"greet": greeting(1), "greet_at_2": greeting(2)}, "the latest version of a template"),
        ({"greet": greeting(2), "greet_at_2": greeting(2)}, "version 2 is there twice"),
        ({"greet": greeting().replace('who = "Ada"', "")}, "its example: the input `who` is"),
    ],
)
def test_a_directory_in_disorder_is_told_with_the_file(
    tmp_path: Path, files: dict[str, str], said: str
) -> None:
    with pytest.raises(BadTemplate, match=said) as caught:
        open_library(directory_of(tmp_path, **files))
    assert caught.value.message.startswith(str(tmp_path))


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "greet.md").write_bytes(b"+++\xff")
    with pytest.raises(BadTemplate, match=r"greet\.md:1: it is not UTF-8"):
        open_library(tmp_path)


def test_a_directory_that_is_not_there_has_no_templates(tmp_path: Path) -> None:
    assert sorted(open_library(tmp_path / "none").shelves) == NAMES
