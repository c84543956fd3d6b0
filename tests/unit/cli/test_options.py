from pathlib import Path

from fake_installation import answering, invoke, reply
from headgate.cli.options import example

BUDGET = {"scope": "key", "id": "a"}


def test_connection_options_may_stand_before_or_behind_the_command(tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.touch()
    before = answering(reply(BUDGET))
    invoke(before, "--url", "http://a", "--key-file", str(key_file), "budget", "show")
    behind = answering(reply(BUDGET))
    invoke(behind, "budget", "show", "--url", "http://a", "--key-file", str(key_file))
    assert before.targets == behind.targets
    assert (behind.targets[0].url, behind.targets[0].key_file) == ("http://a", key_file)


def test_the_nearer_option_counts() -> None:
    installation = answering(reply(BUDGET))
    invoke(installation, "--url", "http://a", "budget", "show", "--url", "http://b")
    assert installation.targets[0].url == "http://b"


def test_a_key_file_that_is_not_there_is_exit_code_2() -> None:
    result = invoke(answering(), "budget", "show", "--key-file", "gone")
    assert (result.exit_code, "does not exist" in result.stderr) == (2, True)


def test_an_example_keeps_its_lines() -> None:
    assert example("one", "two") == "\b\nExample:\n  one\n  two"
