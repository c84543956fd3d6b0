from decimal import Decimal

import pytest

from headgate.cli.connection import Reply
from headgate.cli.output import cell_text, dollars, print_reply, print_table, printable


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (1234567, "1,234,567"),
        (True, "True"),
        (Decimal("1E-9"), "0.000000001"),
        (["a", "b"], "a, b"),
        ("red\x1b[31m", "red[31m"),
    ],
)
def test_a_value_as_it_stands_in_a_table(value: object, text: str) -> None:
    assert cell_text(value) == text


def test_money_is_written_out() -> None:
    assert (dollars(Decimal("1.4E-8")), dollars(0), dollars(None)) == ("$0.000000014", "$0", "-")


def test_text_of_others_cannot_steer_the_terminal() -> None:
    assert printable("a\x1b]0;x\x07\x9b1m\r\tb\n") == "a]0;x1m\tb\n"


def test_a_table_in_a_pipe_cuts_nothing_and_obeys_no_markup(
    capsys: pytest.CaptureFixture[str],
) -> None:
    long = "sk-proj-" + "x" * 200
    print_table(("key", "name"), [(long, "[bold]n[/bold]")])
    printed = capsys.readouterr().out
    assert long in printed
    assert "[bold]n[/bold]" in printed


def test_a_table_in_a_narrow_terminal_breaks_no_word(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    key = "sk-proj-samplereportwriter"
    print_table(
        ("key", "name", "scopes"), [(key, "sample report-writer", ["ai:complete", "admin"])]
    )
    words = capsys.readouterr().out.split()
    assert {key, "report-writer", "ai:complete,", "admin"} <= set(words)


def test_an_answer_is_indented_and_keeps_its_digits(capsys: pytest.CaptureFixture[str]) -> None:
    print_reply(Reply(200, {}, b'{"cost":0.100000000000000000001}'))
    assert capsys.readouterr().out == '{\n  "cost": 0.100000000000000000001\n}\n'
