r"""Reads `.env` files: one `NAME=value` a line, with comments, quotes and a leading `export`.

A value is literal inside single quotes; inside double quotes `\n`, `\t`, `\"` and `\\` are
escapes; without quotes it ends at ` #` or at the line's end. Nothing is interpolated. An error
names the file and the line and never repeats the value, which may be a secret.
"""

import re

_LINE = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<rest>.*)", re.DOTALL)
_QUOTED = {
    "'": re.compile(r"'(?P<value>[^']*)'\s*(?:#.*)?"),
    '"': re.compile(r'"(?P<value>(?:[^"\\]|\\.)*)"\s*(?:#.*)?'),
}
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", "$": "$"}
_COMMENT = re.compile(r"(?:^|\s+)#.*")


def parse(text: str, *, source: str) -> dict[str, str]:
    """The variables that `text` sets; where a name stands twice, the last one counts.

    Raises:
        ValueError: a line is no assignment; the message says which, in `source`.
    """
    variables: dict[str, str] = {}
    for number, raw in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"{source}, line {number}: expected NAME=value")
        variables[match["name"]] = _value(match["rest"], where=f"{source}, line {number}")
    return variables


def _value(rest: str, *, where: str) -> str:
    quote = rest[:1]
    if quote not in _QUOTED:
        return _COMMENT.sub("", rest, count=1).rstrip()
    match = _QUOTED[quote].fullmatch(rest)
    if match is None:
        raise ValueError(f"{where}: the quote {quote} is not closed, or text follows it")
    if quote == "'":
        return match["value"]
    return _ESCAPE.sub(lambda escape: _ESCAPED.get(escape[1], escape[0]), match["value"])
