import pytest

from headgate.dotenv import parse

SOURCE = ".env"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("export A=b", "b"),
        ("  A = b  ", "b"),
        ("A=b # a comment", "b"),
        ("A=b#c", "b#c"),
        ("A=", ""),
        ("A= # only a comment", ""),
        ("A='b # $c \\n'  # a comment", "b # $c \\n"),
        ('A="b # c"', "b # c"),
        (
            r'A="two\nlines and a \"quote\" and \\ and \x"',
            'two\nlines and a "quote" and \\ and \\x',
        ),
        ("A=b=c", "b=c"),
        ("\ufeffA=b", "b"),
    ],
)
def test_a_line_sets_a_variable(line: str, value: str) -> None:
    assert parse(line, source=SOURCE) == {"A": value}


def test_blank_lines_and_comments_set_nothing_and_the_last_of_two_counts() -> None:
    assert parse("\n# A=1\r\nA=2\r\n\nA=3\n", source=SOURCE) == {"A": "3"}


@pytest.mark.parametrize("line", ["nonsense hunter2", "1A=hunter2", "A='hunter2", 'A="hunter2" x'])
def test_a_mistake_names_its_line_and_keeps_the_value_to_itself(line: str) -> None:
    with pytest.raises(ValueError, match=r"\.env, line 2: ") as caught:
        parse(f"B=1\n{line}", source=SOURCE)
    assert "hunter2" not in str(caught.value)
