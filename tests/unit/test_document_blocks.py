"""What the documents tell their readers to type can be typed: commands, paths, files."""

import ast
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from headgate.agents.type_files import read_types
from headgate.cli.main import headgate
from headgate.configuration import Configuration
from headgate.http.routes import RouteTable
from headgate.http.table import routes
from headgate.strict_toml import read_sections

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TABLE = RouteTable(routes())

_FENCE = re.compile(
    r"^ *```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^ *```$", re.DOTALL | re.MULTILINE
)
_INLINE = re.compile(r"`(?P<code>headgate\s[^`]+)`")
_COMMENT = re.compile(r"(?:^|(?<=\s))#\s.*$", re.MULTILINE)
_SEPARATORS = ";|&()<>\n"
_URL = re.compile(
    r"(?:\$\{?HEADGATE_URL\}?|(?:http://)?(?:localhost|127\.0\.0\.1|HOST):\d+)(?P<path>/[^?]*)"
)


class Block(NamedTuple):
    """Code of a page that names its language."""

    language: str
    code: str


def blocks(page: str, *languages: str) -> Iterator[Block]:
    for match in _FENCE.finditer(page):
        if match["language"] in languages:
            yield Block(match["language"], match["code"])


def commands(code: str, program: str) -> Iterator[list[str]]:
    """The arguments of each call of a program in a shell's code."""
    plain = _COMMENT.sub("", code.replace("\\\n", " "))
    words = shlex.shlex(plain, posix=True, punctuation_chars=_SEPARATORS)
    words.whitespace, words.commenters = " \t", ""
    words.whitespace_split = True
    found: list[str] | None = None
    for word in words:
        if set(word) <= set(_SEPARATORS):
            if found is not None:
                yield found
            found = None
        elif found is not None:
            found.append(word)
        elif word.rpartition("/")[2] == program:
            found = []
    if found is not None:
        yield found


def parse(arguments: Sequence[str], *, is_whole: bool) -> None:
    """Read a command line as `headgate` does, without doing anything.

    Raises:
        click.UsageError: there is no such command, option or choice, or something is missing.
    """
    context, rest = click.Context(headgate, info_name="headgate"), list(arguments)
    while True:
        command = context.command
        values, rest, _ = command.make_parser(context).parse_args(rest)
        for parameter in command.params:
            check(parameter, values.get(parameter.name or ""), context, is_whole=is_whole)
        if not isinstance(command, click.Group):
            break
        if not rest:
            return
        name, *rest = rest
        below = command.get_command(context, name)
        if below is None:
            raise click.UsageError(f"there is no {name}", context)
        context = click.Context(below, parent=context, info_name=name)
    if rest:
        raise click.UsageError(f"{rest} is too much", context)


def check(
    parameter: click.Parameter, value: object, context: click.Context, *, is_whole: bool
) -> None:
    """Compare what was given for a parameter with what it takes.

    Raises:
        click.UsageError: it is none of its choices, or missing.
    """
    if isinstance(parameter.type, click.Choice):
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str):
                parameter.type.convert(one, parameter, context)
    if is_whole and parameter.required and not isinstance(value, (str, list, tuple)):
        raise click.UsageError(f"{parameter.name} is missing", context)


def requests(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The methods and paths that a call of curl asks this platform for."""
    has_body = any(re.match(r"-[a-zA-Z]*[dF]$|--data|--form", word) for word in arguments)
    method = "POST" if has_body else "GET"
    for number, word in enumerate(arguments):
        if re.fullmatch(r"-[a-zA-Z]*X", word):
            method = arguments[number + 1]
        if re.fullmatch(r"-[a-zA-Z]*I", word):
            method = "HEAD"
    for word in arguments:
        if url := _URL.match(word):
            yield method, url["path"]


def wrong_commands(page: str) -> Iterator[str]:
    """What is written for `headgate` and cannot be typed."""
    written = [
        (arguments, True)
        for block in blocks(page, "sh", "bash")
        for arguments in commands(block.code, "headgate")
    ]
    for match in _INLINE.finditer(page):
        code = " ".join(match["code"].split())
        # How a command is used in general is no command.
        if "[OPTIONS]" not in code:
            written += [(arguments, False) for arguments in commands(code, "headgate")]
    for arguments, is_whole in written:
        try:
            parse(arguments, is_whole=is_whole)
        except click.BadOptionUsage as error:
            # A sentence may name an option without a value.
            if is_whole:
                yield f"headgate {shlex.join(arguments)}: {error.format_message()}"
        except click.UsageError as error:
            yield f"headgate {shlex.join(arguments)}: {error.format_message()}"


@pytest.fixture(params=PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def page(request: pytest.FixtureRequest) -> str:
    path: Path = request.param
    return path.read_text()


def test_every_command_of_headgate_can_be_typed_as_it_is_written(page: str) -> None:
    assert not list(wrong_commands(page))


def test_every_path_that_curl_is_given_is_in_the_route_table(page: str) -> None:
    for block in blocks(page, "sh", "bash"):
        for arguments in commands(block.code, "curl"):
            for method, path in requests(arguments):
                TABLE.match(method, path)


def test_every_block_for_a_shell_and_for_python_is_in_its_language(page: str) -> None:
    for block in blocks(page, "sh", "bash", "python"):
        if block.language == "python":
            ast.parse(block.code)
        else:
            bash = [shutil.which("bash") or "bash", "-n"]
            read = subprocess.run(
                bash, input=block.code, text=True, capture_output=True, check=False
            )
            assert read.returncode == 0, f"{block.code}\n{read.stderr}"


def test_every_block_of_toml_is_a_configuration_or_a_type_of_runs(
    page: str, tmp_path: Path
) -> None:
    for number, block in enumerate(blocks(page, "toml")):
        found = tomllib.loads(block.code)
        if "project" in found:
            continue  # the reader's own package
        if "pattern" in found:
            types = tmp_path / f"types-{number}"
            types.mkdir()
            (types / "type.toml").write_text(block.code)
            assert read_types(types)
        else:
            file = tmp_path / f"{number}.toml"
            file.write_text(block.code)
            read_sections(Configuration, file)


@pytest.mark.parametrize(
    "wrong",
    [
        "headgate brew",
        "headgate serve --port",
        "headgate serve --prot 3000",
        "headgate keys create --scope tea --name me",
        "headgate keys create",
        "headgate docs search one two",
        "echo x | headgate complete --modle x",
        "if true; then key=$(headgate keys mint); fi",
    ],
)
def test_a_command_that_cannot_be_typed_is_found(wrong: str) -> None:
    assert list(wrong_commands(f"```sh\n{wrong} # as it is\n```\n"))


def test_commands_are_told_from_what_stands_around_them() -> None:
    code = (
        "A=1 x/headgate a 'b c' \\\n  --d | headgate e\n# headgate f\nuntil headgate g; do h; done"
    )
    found = [["a", "b c", "--d"], ["e"], ["g"]]
    assert list(commands(code, "headgate")) == found


def test_a_request_of_curl_has_its_method_and_path() -> None:
    code = "curl -s -X PUT \"$HEADGATE_URL/v1/a?b=c\" -d '{}'; curl localhost:3000/d -F file=@e"
    found = [list(requests(arguments)) for arguments in commands(code, "curl")]
    assert found == [[("PUT", "/v1/a")], [("POST", "/d")]]
