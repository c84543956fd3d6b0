"""That no template changes without a new version, and what changed with one."""

from pathlib import Path

import pytest

from headgate.prompts.history import (
    RECORD,
    Change,
    Reviewed,
    changes,
    read_record,
    review,
    unified,
    write_record,
)
from headgate.prompts.template import BadTemplate, read_template
from prompt_templates import directory_of, greeting


def test_a_recorded_template_is_unchanged(tmp_path: Path) -> None:
    directory = directory_of(tmp_path, greet=greeting())
    assert review(directory) == ((Reviewed("greet", 1, "new"),), (), False)
    write_record(directory)
    assert review(directory) == ((Reviewed("greet", 1, "unchanged"),), (), True)


def test_a_changed_template_needs_a_new_version(tmp_path: Path) -> None:
    directory = directory_of(tmp_path, greet=greeting())
    write_record(directory)
    directory_of(tmp_path, greet=greeting(1, " warmly"))
    found = review(directory)
    assert found.templates == (Reviewed("greet", 1, "changed", ("block role",), 1),)
    (problem,) = found.problems
    assert problem.startswith(f"{directory / 'greet.md'}:1: `block role` changed")
    assert "raise it to 2" in problem


def test_a_new_version_says_what_changed_though_the_earlier_file_is_gone(tmp_path: Path) -> None:
    directory = directory_of(tmp_path, greet=greeting())
    write_record(directory)
    directory_of(tmp_path, greet=greeting(2, " warmly"))
    assert review(directory).templates == (Reviewed("greet", 2, "new", ("block role",), 1),)
    write_record(directory)
    assert set((read_record(directory) or {})["greet"]) == {1, 2}
    assert review(directory).problems == ()


def test_a_recorded_version_is_never_overwritten(tmp_path: Path) -> None:
    directory = directory_of(tmp_path, greet=greeting())
    write_record(directory)
    before = (directory / RECORD).read_bytes()
    directory_of(tmp_path, greet=greeting(1, " warmly"))
    write_record(directory)
    assert (directory / RECORD).read_bytes() == before


def test_a_version_below_a_recorded_one_is_a_problem(tmp_path: Path) -> None:
    directory = directory_of(tmp_path, greet=greeting(3))
    write_record(directory)
    directory_of(tmp_path, greet=greeting(2))
    (problem,) = review(directory).problems
    assert "version 2 is new, but version 3 was there before it" in problem


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ("A greeting.", "A warm greeting.", ()),
        ('who = "Ada"', 'who = "Bo"', ()),
        ("required = false", 'required = false\ndefault = ["Irish"]', ("inputs",)),
        ("[inputs.who]", "[model]\ntemperature = 0\n\n[inputs.who]", ("model",)),
        ("## person", "## name", ("order", "block name", "block person")),
    ],
)
def test_what_a_model_is_asked_counts_and_what_people_read_does_not(
    tmp_path: Path, before: str, after: str, changed: tuple[str, ...]
) -> None:
    directory = directory_of(tmp_path, greet=greeting())
    write_record(directory)
    directory_of(tmp_path, greet=greeting().replace(before, after))
    (found,) = review(directory).templates
    assert found.changes == changed


def test_all_mistakes_of_a_directory_are_told_at_once(tmp_path: Path) -> None:
    bad = greeting().replace("{{ who }}", "{{ whom }}")
    directory = directory_of(tmp_path, greet=bad, Other=greeting(), part="")
    found = review(directory)
    assert found.templates == ()
    assert len(found.problems) == 3


def test_a_record_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    directory = directory_of(tmp_path, greet=greeting())
    (directory / RECORD).write_text("[]")
    (problem,) = review(directory).problems
    assert problem.startswith(f"{directory / RECORD}:1: it cannot be read")
    with pytest.raises(BadTemplate):
        write_record(directory)


def test_versions_are_compared_block_by_block() -> None:
    before = read_template(greeting(), "a.md")
    after = read_template(greeting(2).replace("## task", "## wish"), "b.md")
    found = {change.part: change for change in changes(before, after)}
    assert list(found) == ["front matter", "wish", "task"]
    assert found["wish"] == Change("wish", None, "Greet the person.")
    assert found["task"] == Change("task", "Greet the person.", None)
    text = unified(before, after)
    assert text.startswith("--- greet@1\n+++ greet@2\n")
    assert "\n-## task\n+## wish" in text
    assert (changes(before, before), unified(before, before)) == ([], "")
