"""The directives by which a text tells the `sandbox` model and the simulator what to do.

`[[say TEXT]]`, `[[tokens N]]` and their like stand in a message and are taken out of it before
anything reads or counts it. What is no directive (`[[a wiki link]]`) is text; a directive whose
argument cannot be read is refused, so that a test with a typing error does not pass by accident.
"""

import json
import re
from typing import NamedTuple, NoReturn

import msgspec

from headgate.core.errors import InvalidRequest

MAX_TOKENS = 1_000_000
MAX_DELAY_MS = 24 * 3600 * 1000
MAX_RATE = 1_000_000

_FORMS = {
    "say": "[[say TEXT]]",
    "tokens": f"[[tokens N]] with N from 0 to {MAX_TOKENS}",
    "call": '[[call NAME {"json":"arguments"}]]',
    "json": "[[json]]",
    "delay": f"[[delay MS]] with MS from 0 to {MAX_DELAY_MS}",
    "rate": f"[[rate N]] with N above 0 and at most {MAX_RATE}",
    "fail": "[[fail STATUS]] with STATUS from 400 to 599",
    "cut": f"[[cut N]] with N from 0 to {MAX_TOKENS}",
    "usage": f"[[usage cached=N reasoning=N]] with N from 0 to {MAX_TOKENS}",
}
_OPENING = re.compile(rf"\[\[({'|'.join(_FORMS)})(?=\s|\]\])")
_BRACKET = re.compile(r"[\[\]]")
_CALL = re.compile(r"\s+([^\s{}\[\]]+)\s*")
_END = re.compile(r"\s*\]\]")
_SPACE = re.compile(r"\s*")
_WHOLE = re.compile(r"[0-9]{1,9}")
_DECIMAL = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,6})?")
_USAGE = re.compile(r"(cached|reasoning)=([0-9]{1,9})")


class Directive(NamedTuple):
    """A directive as it stands in a text; `argument` is all between its name and its end."""

    name: str
    argument: str


class Wanted(msgspec.Struct, kw_only=True):
    """What directives ask for; of those that contradict each other the last holds.

    Attributes:
        answer: the `say`, `tokens` or `json` that makes the text.
        calls: names and arguments, as they were written, of the tools to call.
        rate: tokens per second.
        fail_status: the HTTP status to fail with.
        cut_after: the number of tokens after which the connection breaks.
    """

    answer: Directive | None = None
    calls: list[tuple[str, str]] = []
    delay_seconds: float = 0.0
    rate: float | None = None
    fail_status: int | None = None
    cut_after: int | None = None
    cached: int = 0
    reasoning: int = 0


def take_out(text: str) -> tuple[str, tuple[Directive, ...]]:
    """Part a text from its directives, in time linear in its length.

    Without directives the text stays as it is. A directive takes the white space behind it along
    where white space, or nothing, stands before it; then the rest is stripped.
    """
    if "[[" not in text:
        return text, ()
    kept: list[str] = []
    found: list[Directive] = []
    at, may_nest, is_after_space = 0, True, True
    while opening := _OPENING.search(text, at):
        start = opening.end()
        end = _closing(text, opening[1], start) if may_nest else None
        if end is None:
            # Looking for the partner of a bracket that has none reads to the text's end. Once is
            # enough: from there on a directive ends where it first can.
            may_nest = False
            end = text.find("]]", start)
            if end < 0:
                break
        found.append(Directive(opening[1], text[start:end]))
        if opening.start() > at:
            kept.append(text[at : opening.start()])
            is_after_space = text[opening.start() - 1].isspace()
        at = end + 2
        space = _SPACE.match(text, at) if is_after_space else None
        at = space.end() if space else at
    kept.append(text[at:])
    return ("".join(kept).strip() if found else text), tuple(found)


def read(directives: tuple[Directive, ...]) -> Wanted:
    """What the directives of a text ask for.

    Raises:
        InvalidRequest: an argument cannot be read; says how the directive is written.
    """
    wanted = Wanted()
    for directive in directives:
        match directive.name:
            case "say" | "json":
                wanted.answer = directive
            case "tokens":
                _whole(directive, most=MAX_TOKENS)
                wanted.answer = directive
            case "call":
                wanted.calls.append(_call(directive))
            case "delay":
                wanted.delay_seconds = _decimal(directive, most=MAX_DELAY_MS) / 1000
            case "rate":
                wanted.rate = _decimal(directive, most=MAX_RATE) or _refuse(directive)
            case "fail":
                wanted.fail_status = _whole(directive, least=400, most=599)
            case "cut":
                wanted.cut_after = _whole(directive, most=MAX_TOKENS)
            case _:
                _read_usage(directive, wanted)
    return wanted


def _closing(text: str, name: str, start: int) -> int | None:
    """Where a directive's `]]` stands: behind its JSON, or where as many `[` as `]` came before."""
    head = _CALL.match(text, start) if name == "call" else None
    if head and text.startswith("{", head.end()):
        try:
            _, after = _JSON.raw_decode(text, head.end())
        except (ValueError, RecursionError):  # Broken JSON, or nested deeper than Python reads.
            return None
        end = _END.match(text, after)
        return end.end() - 2 if end else None
    depth = 0
    for bracket in _BRACKET.finditer(text, start):
        if bracket[0] == "[":
            depth += 1
        elif depth:
            depth -= 1
        elif text.startswith("]]", bracket.start()):
            return bracket.start()
    return None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_JSON = json.JSONDecoder(parse_constant=_no_number)


def _call(directive: Directive) -> tuple[str, str]:
    """The tool's name and its arguments as they were written; none are `{}`."""
    head = _CALL.match(directive.argument) or _refuse(directive)
    arguments = directive.argument[head.end() :].strip() or "{}"
    try:
        value = _JSON.decode(arguments)
    except (ValueError, RecursionError):
        _refuse(directive)
    return (head[1], arguments) if isinstance(value, dict) else _refuse(directive)


def _read_usage(directive: Directive, wanted: Wanted) -> None:
    for word in directive.argument.split():
        pair = _USAGE.fullmatch(word) or _refuse(directive)
        number = int(pair[2])
        if number > MAX_TOKENS:
            _refuse(directive)
        if pair[1] == "cached":
            wanted.cached = number
        else:
            wanted.reasoning = number


def _whole(directive: Directive, *, least: int = 0, most: int) -> int:
    number = directive.argument.strip()
    if not _WHOLE.fullmatch(number) or not least <= int(number) <= most:
        _refuse(directive)
    return int(number)


def _decimal(directive: Directive, *, most: int) -> float:
    number = directive.argument.strip()
    if not _DECIMAL.fullmatch(number) or float(number) > most:
        _refuse(directive)
    return float(number)


def _refuse(directive: Directive) -> NoReturn:
    raise InvalidRequest(
        f"a sandbox directive cannot be followed; write {_FORMS[directive.name]}",
        param="messages",
    )
