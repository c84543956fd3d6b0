"""What templates may do, and that they can do no more."""

from typing import Any

import pytest

from headgate.core.errors import InvalidRequest
from headgate.prompts.expressions import Expressions
from headgate.prompts.template import BadTemplate, Block

INPUTS = ("text", "items", "number", "flag", "record")


def written(source: str, **values: Any) -> str:
    expressions = Expressions(INPUTS, lambda value: value)
    fill = expressions.compiled(Block("task", "system", source, 10), "a.md")
    return fill(dict.fromkeys(INPUTS) | values)


@pytest.mark.parametrize(
    ("source", "values", "expected"),
    [
        ("Plain { text }", {}, "Plain { text }"),
        ("{{ text }}", {"text": "<b> {{ number }}"}, "<b> {{ number }}"),
        ("{{ number }} {{ flag }} {{ text }}", {"number": 3, "flag": True}, "3 true "),
        ("{{ record.name }} {{ record['name'] }}", {"record": {"name": "x"}}, "x x"),
        ("{{ items[0] }}", {"items": ["a"]}, "a"),
        ("{{ items }}", {"items": ["a"]}, '[\n  "a"\n]'),
        ("{{ items | join(', ') }}", {"items": ["a", "b"]}, "a, b"),
        ("{{ items | length }}", {"items": ["a", "b"]}, "2"),
        ("{{ items | first }}{{ items | last }}", {"items": ["a", "b"]}, "ab"),
        ("{{ text | upper | trim }}", {"text": " a "}, "A"),
        ("{{ text | json }}", {"text": 'a\n"b"<c>'}, r'"a\n\"b\"<c>"'),
        ("{{ text | line }}", {"text": "a\n\n  b"}, "a b"),
        ("{{ text | quoted }}", {"text": "a\n\nb"}, "> a\n>\n> b"),
        ("{{ 'yes' if flag else 'no' }}", {"flag": False}, "no"),
        ("{% if number > 2 and flag %}a{% elif text is none %}b{% endif %}", {"number": 1}, "b"),
        ("{% for item in items %}{{ loop.index }}{{ item }}{% else %}none{% endfor %}",
         {"items": ["a", "b"]}, "1a2b"),
        ("{% for a in items if a != 'a' %}{{ a }}{% endfor %}", {"items": ["a", "b"]}, "b"),
        ("{# a remark #}{{ text }}!", {"text": "a"}, "a!"),
    ],
)  # fmt: skip
def test_templates_have_inputs_filters_conditions_and_loops(
    source: str, values: dict[str, Any], expected: str
) -> None:
    assert written(source, **values) == expected


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("a\n{{ txet }}", "a.md:11: block `task`: there is no input `txet`; the front matter has"),
        ("{{ item }}", "a.md:10: block `task`: there is no input `item`"),
        ("a\n\n{% if text %}", "a.md:12: block `task`: Unexpected end of template."),
        ("{{ text | shout }}", "a.md:10: block `task`: No filter named 'shout'."),
        ("{{ text is even }}", "a.md:10: block `task`: No test named 'even'."),
        ("{{ text.upper() }}", "a.md:10: block `task`: 'call' cannot be used here"),
        ("{{ range(9) }}", "a.md:10: block `task`: 'call' cannot be used here"),
        ("{{ number * 2 }}", "a.md:10: block `task`: 'mul' cannot be used here"),
        ("{{ text ~ text }}", "a.md:10: block `task`: 'concat' cannot be used here"),
        ("{% set a = 1 %}", "a.md:10: block `task`: 'assign' cannot be used here"),
        ("{% include 'b' %}", "a.md:10: block `task`: 'include' cannot be used here"),
        ("{% macro m() %}{% endmacro %}", "a.md:10: block `task`: 'macro' cannot be used here"),
        (
            "{% for a in items %}\n{% for b in items %}{% endfor %}{% endfor %}",
            "a.md:11: block `task`: a loop stands within a loop",
        ),
        ("{% for a, b in items %}{% endfor %}", "a.md:10: block `task`: write a loop as"),
        ("{{ " + "not " * 5_000 + "flag }}", "a.md:10: block `task`: it is nested too deeply"),
        (
            "{% if flag %}" * 200 + "{% endif %}" * 200,
            "a.md:10: block `task`: it is nested too deeply",
        ),
    ],
)
def test_whatever_else_is_written_is_told_with_its_line(source: str, said: str) -> None:
    with pytest.raises(BadTemplate) as caught:
        written(source)
    assert caught.value.message.startswith(said)


@pytest.mark.parametrize(
    "source",
    [
        "{{ record.__class__ }}",
        "{{ text.__class__ }}",
        "{{ text['__class__'] }}",
        "{{ text.format }}",
        "{{ record.keys }}",
        "{{ record.missing }}",
        "{% for item in items %}{{ loop.cycle }}{% endfor %}",
    ],
)
def test_nothing_stands_behind_a_dot_but_what_an_input_has(source: str) -> None:
    with pytest.raises(BadTemplate, match="block `task`"):
        written(source, text="a", record={"a": 1}, items=[1])


def test_a_prompt_cannot_grow_beyond_what_any_model_reads() -> None:
    items = ["a"] * 10_000
    with pytest.raises(InvalidRequest, match="longer than"):
        written("{% for item in items %}{{ text }}{% endfor %}", items=items, text="b" * 10_000)
    with pytest.raises(InvalidRequest, match="longer than"):
        written("{{ items | join(text) }}", items=items, text="b" * 10_000)
    with pytest.raises(InvalidRequest, match="longer than"):
        written("{{ text" + " | json" * 40 + " }}", text='"')
    with pytest.raises(InvalidRequest, match="longer than"):
        written("{{ text" + " | quoted" * 90 + " }}", text="\n" * 100_000)


def test_the_inputs_that_blocks_use_are_known() -> None:
    expressions = Expressions(INPUTS, str)
    blocks = [Block("a", "user", "{% if flag %}{{ text }}{% endif %}", 1)]
    assert expressions.used(blocks) == {"flag", "text"}


def test_what_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each turn of the loop looks at everything, and writes nothing."""
    monkeypatch.setattr("headgate.prompts.expressions.MOST_SECONDS", 0.01)
    with pytest.raises(InvalidRequest, match="took more than"):
        written(
            "{% for a in items %}{% if items | join == text %}x{% endif %}{% endfor %}",
            items=["aaaa"] * 10_000,
            text="b",
        )


def test_a_loop_knows_where_it_is() -> None:
    source = (
        "{% for a in items %}{{ loop.index }}/{{ loop.length }}"
        "{% if not loop.last %} {% endif %}{% endfor %}"
    )
    assert written(source, items=["a", "b"]) == "1/2 2/2"
