import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.directives import Directive, read, take_out
from headgate.core.errors import InvalidRequest


def test_a_text_without_directives_stays_as_it_is() -> None:
    text = "  a [[wiki link]] and [[1, 2]]\n\n[[sayings]] "
    assert take_out(text) == (text, ())


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("hello [[delay 5]]", "hello"),
        ("[[delay 5]] hello", "hello"),
        ("one [[delay 5]] two", "one two"),
        ("one\n[[delay 5]] [[rate 9]]\ntwo", "one\ntwo"),
        ("glued[[delay 5]] on", "glued on"),
        ("[[delay 5]]", ""),
    ],
)
def test_a_directive_goes_together_with_one_side_of_its_white_space(text: str, rest: str) -> None:
    assert take_out(text)[0] == rest


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[say hello]]", "hello"),
        ("[[say  two  blanks ]]", " two  blanks "),
        ("[[say two\nlines]]", "two\nlines"),
        ("[[say array[0]]]", "array[0]"),
        ('[[say {"a": [[1], [2]]}]]', '{"a": [[1], [2]]}'),
        ("[[say a ] b]]", "a ] b"),
        ("[[say :[ ]]", ":[ "),
        ("[[say]]", ""),
    ],
)
def test_brackets_inside_a_directive_are_part_of_it(text: str, said: str) -> None:
    rest, (directive,) = take_out(text)
    assert (directive.name, directive.argument[1:], rest) == ("say", said, "")


def test_a_calls_json_may_hold_brackets_braces_and_the_end_mark() -> None:
    arguments = '{"query": "a ]] b } [[", "deep": {"list": [[1], {"x": "\\"]]"}]}}'
    rest, directives = take_out(f"go [[call find {arguments}]] now")
    assert rest == "go now"
    assert read(directives).calls == [("find", arguments)]


def test_several_calls_stand_in_their_order_and_may_lack_arguments() -> None:
    _, directives = take_out('[[call b {"x": 1}]] [[call a-1]] [[call b {}]]')
    assert read(directives).calls == [("b", '{"x": 1}'), ("a-1", "{}"), ("b", "{}")]


def test_an_open_directive_is_text() -> None:
    assert take_out("a [[say b") == ("a [[say b", ())


def test_all_numbers_are_read() -> None:
    _, directives = take_out("[[delay 250]][[rate 2.5]][[fail 503]][[cut 0]][[usage reasoning=7]]")
    wanted = read(directives)
    assert (wanted.delay_seconds, wanted.rate, wanted.fail_status) == (0.25, 2.5, 503)
    assert (wanted.cut_after, wanted.cached, wanted.reasoning) == (0, 0, 7)


def test_the_last_of_contradicting_directives_holds() -> None:
    _, directives = take_out("[[say a]] [[tokens 3]] [[fail 400]] [[fail 500]]")
    wanted = read(directives)
    assert wanted.answer == Directive("tokens", " 3")
    assert wanted.fail_status == 500


@pytest.mark.parametrize(
    "text",
    [
        "[[tokens many]]",
        "[[tokens -1]]",
        "[[tokens 1000001]]",
        "[[tokens 99999999999999999999]]",
        "[[tokens]]",
        "[[rate 0]]",
        "[[rate 1e9]]",
        "[[delay 86400001]]",
        "[[fail 200]]",
        "[[fail 600]]",
        "[[cut x]]",
        "[[usage cached=x]]",
        "[[usage reasoning=1000001]]",
        "[[call]]",
        "[[call f {broken}]]",
        "[[call f [1]]]",
        '[[call f {"a": NaN}]]',
    ],
)
def test_an_argument_that_cannot_be_followed_is_refused_with_the_right_form(text: str) -> None:
    _, directives = take_out(text)
    with pytest.raises(InvalidRequest, match=rf"write \[\[{directives[0].name}"):
        read(directives)


def test_json_that_is_nested_too_deep_is_refused_like_other_broken_json() -> None:
    _, directives = take_out('[[call f {"a":' + "[" * 100_000 + "]]")
    with pytest.raises(InvalidRequest):
        read(directives)


@pytest.mark.parametrize(
    "unit", ["[[say [", "[[say [x]]", '[[call a {"', '[[call a {"b":', "[[say x", "[[", "[[json]]"]
)
def test_a_hostile_text_is_read_in_a_time_that_grows_with_its_length_only(unit: str) -> None:
    """Twice quadratic work on this much text would keep the test busy for hours."""
    take_out(unit * 100_000)
    take_out(unit * 100_000 + "]]")


@given(st.text(alphabet='[]{} \nsaytokenc5"x'))
def test_any_text_can_be_parted(text: str) -> None:
    rest, directives = take_out(text)
    assert len(rest) + 4 * len(directives) <= len(text)


@given(st.text(alphabet=st.characters(exclude_characters="[]")))
def test_say_gives_its_text_back_exactly(text: str) -> None:
    _, (directive,) = take_out(f"[[say {text}]]")
    assert directive.argument[1:] == text
