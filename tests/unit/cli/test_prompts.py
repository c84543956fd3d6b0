"""`headgate prompts`."""

import json
from pathlib import Path

import pytest

from fake_installation import FakeInstallation, answering, invoke, refusal, reply
from headgate.cli.findings import CheckedPrompt, PromptCheck

ITEM = {"name": "summarize", "version": 2, "origin": "own", "description": "A summary."}
RENDERED = {
    "name": "summarize",
    "messages": [
        {"role": "system", "content": "Be brief.\x1b[2J"},
        {"role": "user", "content": "A text."},
    ],
}


def test_templates_are_a_table() -> None:
    result = invoke(answering(reply({"data": [ITEM]})), "prompts", "list")
    assert result.exit_code == 0
    for word in ("summarize", "2", "own", "A summary."):
        assert word in result.stdout


def test_a_template_is_shown_as_its_file_and_can_be_saved_as_one() -> None:
    installation = answering(reply({"template": "+++\nname = 1\n+++\n"}))
    result = invoke(installation, "prompts", "show", "a/b", "--version", "3")
    assert result.stdout == "+++\nname = 1\n+++\n"
    asked = installation.connection.asked[0]
    assert (asked.path, asked.query) == ("/v1/prompts/a%2Fb", [("version", "3")])


def test_inputs_are_texts_files_and_json(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Ada")
    installation = answering(reply(RENDERED))
    result = invoke(
        installation,
        *("prompts", "render", "summarize", "--model", "gpt-4o"),
        *("-i", f"text=@{tmp_path / 'letter.txt'}", "-i", "words:=50", "-i", "focus=a=b"),
    )
    assert result.stdout == "--- system ---\nBe brief.[2J\n--- user ---\nA text.\n"
    asked = installation.connection.asked[0]
    assert (asked.method, asked.path) == ("POST", "/v1/prompts/summarize/render")
    assert asked.body == {
        "model": "gpt-4o",
        "inputs": {"text": "Dear Ada", "words": 50, "focus": "a=b"},
    }


def test_the_example_is_a_beginning_and_a_draft_is_sent(tmp_path: Path) -> None:
    draft = tmp_path / "summarize.md"
    draft.write_text("+++")
    installation = answering(reply({"example": {"a": 1.5, "b": 2}}), reply(RENDERED))
    result = invoke(
        installation,
        *("prompts", "render", "summarize", "--example", "-i", "b=x", "--file", str(draft)),
        *("--style", "xml", "--json"),
    )
    assert json.loads(result.stdout) == RENDERED
    assert installation.connection.asked[1].body == {
        "style": "xml",
        "template": "+++",
        "inputs": {"a": 1.5, "b": "x"},
    }


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ("text", 2, "'text' is no input: write NAME=TEXT or NAME:=JSON."),
        ("words:=many", 2, "words: 'many' is not JSON"),
        ("text=@nowhere.txt", 1, "nowhere.txt cannot be read"),
    ],
)
def test_a_wrong_input_is_told(given: str, code: int, said: str) -> None:
    result = invoke(FakeInstallation(), "prompts", "render", "summarize", "-i", given)
    assert (result.exit_code, said in result.stderr) == (code, True)


def test_what_the_platform_says_of_a_draft_is_told() -> None:
    said = "draft:3: block `task`: it is empty"
    result = invoke(
        answering(refusal(400, "invalid_request", said)), "prompts", "render", "summarize"
    )
    assert (result.exit_code, said in result.stderr) == (1, True)


def test_versions_are_compared() -> None:
    installation = answering(reply({"unified": "--- a@1\n+++ a@2\n"}), reply({"unified": ""}))
    assert "+++ a@2" in invoke(installation, "prompts", "diff", "a", "--from", "1").stdout
    assert installation.connection.asked[0].query == [("from", "1")]
    assert "They are the same." in invoke(installation, "prompts", "diff", "a", "--to", "2").stdout


def test_a_check_lists_what_is_new_and_passes() -> None:
    templates = (
        CheckedPrompt("a", 2, "new", ("block task",), 1),
        CheckedPrompt("b", 1, "new"),
        CheckedPrompt("c", 1, "unchanged"),
    )
    checks = [PromptCheck("here", templates, (), is_recorded=False)]
    installation = FakeInstallation(prompt_checks=checks)
    result = invoke(installation, "prompts", "check")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "here: 3 templates",
        "  a 2 is new; since version 1 changed: block task",
        "  b 1 is new",
        "  Changes are not noticed without a fingerprints.json: --write makes it.",
    ]
    assert installation.served == [(None, False)]


def test_a_check_with_problems_fails(tmp_path: Path) -> None:
    checks = [PromptCheck("here", (), ("a.md:1: it is wrong",), is_recorded=True)]
    installation = FakeInstallation(prompt_checks=checks)
    result = invoke(installation, "prompts", "check", str(tmp_path), "--write")
    assert result.exit_code == 1
    assert "a.md:1: it is wrong" in result.stdout
    assert "not in order" in result.stderr
    assert installation.served == [(tmp_path, True)]
    as_json = json.loads(invoke(installation, "prompts", "check", "--json").stdout)
    assert as_json[0]["problems"] == ["a.md:1: it is wrong"]
