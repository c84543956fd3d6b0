"""Writes the client that waits from the one that does not: `headgate_sdk/_sync` from `_async`.

There is one source. It is read token by token, so that nothing in texts and comments changes but
what `IN_TEXTS` names.
"""

import io
import subprocess
import sys
import tokenize
from pathlib import Path

PACKAGE = Path(__file__).parent / "src" / "headgate_sdk"
SOURCE = PACKAGE / "_async"
TARGET = PACKAGE / "_sync"

LEFT_OUT = {"async", "await"}
NAMES = {
    "AsyncClient": "Client",
    "AsyncHeadgate": "Headgate",
    "AsyncIterator": "Iterator",
    "StopAsyncIteration": "StopIteration",
    "_async": "_sync",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "aclose": "close",
    "aiter_lines": "iter_lines",
    "aread": "read",
    "asyncio": "time",
}
HEAD = "# Written by write_sync.py from {name}: change that, and write this anew.\n"


def waiting(source: str, name: str) -> str:
    """A module of the client that waits.

    Args:
        name: the module's name, which its first line says.
    """
    pieces: list[str] = [HEAD.format(name=f"_async/{name}")]
    row, column = 1, 0
    lines = source.splitlines(keepends=True)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        pieces.append(_between(lines, (row, column), token.start))
        row, column = token.end
        if token.type == tokenize.NAME and token.string in LEFT_OUT:
            # The blank behind it goes too.
            column += 1
        elif token.type == tokenize.NAME:
            pieces.append(NAMES.get(token.string, token.string))
        else:
            pieces.append(token.string)
    return formatted("".join(pieces))


def _between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    """What stands between two tokens."""
    (row, column), (last, stop) = start, end
    if row == last:
        return lines[row - 1][column:stop] if row <= len(lines) else ""
    middle = "".join(lines[row : last - 1])
    return lines[row - 1][column:] + middle + (lines[last - 1][:stop] if last <= len(lines) else "")


def formatted(text: str) -> str:
    """As the repository's formatter writes it, with imports in their new order."""
    for command in (["check", "--select=I", "--fix-only", "--quiet"], ["format", "--quiet"]):
        ended = subprocess.run(  # noqa: S603 - a program of this environment
            [
                str(Path(sys.executable).with_name("ruff")),
                *command,
                f"--stdin-filename={TARGET / 'module.py'}",
                "-",
            ],
            input=text,
            capture_output=True,
            text=True,
            check=True,
        )
        text = ended.stdout
    return text


def modules() -> dict[str, str]:
    """All modules of the client that waits, by their names."""
    return {path.name: waiting(path.read_text(), path.name) for path in sorted(SOURCE.glob("*.py"))}


if __name__ == "__main__":
    TARGET.mkdir(exist_ok=True)
    for name, text in modules().items():
        (TARGET / name).write_text(text)
