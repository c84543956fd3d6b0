"""A prompt template as it is written: front matter, then the blocks of one or two messages.

    +++
    name = "summarize"
    version = 1
    …
    +++
    # system
    ## role
    You are an editor.
    # user
    ## text
    {{ text }}

The file is Markdown, so that it is read and reviewed like any other page; the front matter is TOML.
"""

import re
import tomllib
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec

from headgate.core.errors import InvalidRequest
from headgate.core.prompts import ModelPolicy
from headgate.prompts.inputs import Input

MessageRole: TypeAlias = Literal["system", "user"]

MOST_CHARACTERS = 64_000
"""The longest template; what is longer is no longer reviewed."""

MOST_HEAD_CHARACTERS = 10_000
"""The longest front matter: reading TOML can take time that grows with the square of its length."""

NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_FENCE = "+++"
_HEADING = re.compile(r"(#{1,2})(?:\s+(.*?))?\s*")
_BLOCK_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TOML_LINE = re.compile(r"\(at line (\d+), column \d+\)")
_TOML_END = re.compile(r" ?\(at (?:line \d+, column \d+|end of document)\)")


class BadTemplate(InvalidRequest):
    """A template cannot be used; the message begins with the file, the line and the block."""

    def __init__(self, message: str, *, file: str, line: int = 1, block: str | None = None) -> None:
        place = f"{file}:{line}: " + (f"block `{block}`: " if block else "")
        super().__init__(place + message, param="template")
        self.file = file
        self.line = line
        self.block = block


class Block(NamedTuple):
    """A named piece of a message, as it is written.

    Attributes:
        line: where its text begins in the file, from 1.
    """

    name: str
    message: MessageRole
    text: str
    line: int


class FrontMatter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands above the blocks.

    Attributes:
        use_case: how calls are labelled in the ledger; the template's name where it is not said.
        example: inputs to try the template with; every template shows how it is meant to be used.
        output_schema: JSON Schema of the answer, as JSON text.
    """

    name: str
    version: int
    description: str
    inputs: dict[str, Input]
    example: dict[str, Any]
    use_case: str | None = None
    model: ModelPolicy = ModelPolicy()
    output_schema: str | None = None


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a template.

    Attributes:
        file: where it was read.
        source: the file's whole text.
        head: the front matter's text, with its fences.
    """

    file: str
    source: str
    head: str
    front: FrontMatter
    output_schema: dict[str, Any] | None
    blocks: tuple[Block, ...]

    @property
    def name(self) -> str:
        """What it is asked for by."""
        return self.front.name

    @property
    def version(self) -> int:
        """Which one it is of those with its name."""
        return self.front.version

    @property
    def use_case(self) -> str:
        """How calls with it are labelled."""
        return self.front.use_case or self.front.name

    @property
    def parts(self) -> Mapping[str, str]:
        """Everything that a reader compares: the front matter, and each block by its name."""
        return {"front matter": self.head, **{block.name: block.text for block in self.blocks}}


def read_template(source: str, file: str) -> Template:
    """The template that `source` writes; `file` is its name in errors.

    Raises:
        BadTemplate: it is none; names the line, and the block.
    """
    if len(source) > MOST_CHARACTERS:
        raise BadTemplate(f"it is longer than {MOST_CHARACTERS:,} characters", file=file)
    lines = source.replace("\r\n", "\n").split("\n")
    end = _end_of_head(lines, file)
    front = _front_matter(lines[1:end], file)
    return Template(
        file=file,
        source=source,
        head="\n".join(lines[: end + 1]),
        front=front,
        output_schema=_schema(front.output_schema, lines, file),
        blocks=_blocks(lines, end + 1, file),
    )


def _end_of_head(lines: list[str], file: str) -> int:
    """The index of the fence that closes the front matter."""
    if lines[0].rstrip() != _FENCE:
        raise BadTemplate(
            f"a template begins with front matter between lines of {_FENCE}", file=file
        )
    for index, line in enumerate(lines[1:], 1):
        if line.rstrip() == _FENCE:
            return index
    raise BadTemplate(f"the front matter is not closed by a line of {_FENCE}", file=file)


def _front_matter(lines: list[str], file: str) -> FrontMatter:
    text = "\n".join(lines)
    if len(text) > MOST_HEAD_CHARACTERS:
        message = f"the front matter is longer than {MOST_HEAD_CHARACTERS:,} characters"
        raise BadTemplate(message, file=file)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _TOML_LINE.search(str(error))
        line = int(found[1]) + 1 if found else len(lines) + 1
        reason = _TOML_END.sub("", str(error))
        raise BadTemplate(
            f"the front matter is not valid TOML: {reason}", file=file, line=line
        ) from None
    except RecursionError:
        raise BadTemplate("the front matter is nested too deeply", file=file) from None
    try:
        front = msgspec.convert(table, FrontMatter)
    except msgspec.ValidationError as error:
        message = _naming_input(str(error), table)
        line = _line_of(lines, message)
        raise BadTemplate(f"the front matter is wrong: {message}", file=file, line=line) from None
    if not NAME.fullmatch(front.name) or len(front.name) > 64:
        message = "a name is of small letters and digits, with single hyphens between, at most 64"
        raise BadTemplate(message, file=file, line=_line_of(lines, "`$.name`"))
    if front.version < 1:
        raise BadTemplate("versions begin at 1", file=file, line=_line_of(lines, "`$.version`"))
    return front


def _naming_input(message: str, table: dict[str, Any]) -> str:
    """An error of the front matter that says which input it is about."""
    if "$.inputs[...]" not in message:
        return message
    for name, declared in table["inputs"].items():
        try:
            msgspec.convert(declared, Input)
        except msgspec.ValidationError:
            return message.replace("inputs[...]", f"inputs.{name}")
    return message


def _line_of(lines: list[str], message: str) -> int:
    """The line of the file that an error of the front matter is about, as nearly as it tells."""
    path = re.search(r"`\$\.?([^`]*)`", message)
    named = re.search(r"field `(\w+)`", message)
    section, _, key = (path[1] if path else "").rpartition(".")
    if named:
        section, key = (path[1] if path else ""), named[1]
    starts = [index for index, line in enumerate(lines) if line.strip() == f"[{section}]"]
    first = starts[0] if starts else 0
    for wanted in (
        rf"\s*{re.escape(key)}\s*=",
        rf"\[{re.escape(f'{section}.{key}'.strip('.'))}[\].]",
    ):
        for index in range(first, len(lines)):
            if re.match(wanted, lines[index]):
                return index + 2
    return first + 2 if starts else 1


def _schema(text: str | None, lines: list[str], file: str) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError) as error:
        line = _line_of(lines[1:], "`$.output_schema`")
        message = f"output_schema is not a JSON object: {error}"
        raise BadTemplate(message, file=file, line=line) from None


def _blocks(lines: list[str], start: int, file: str) -> tuple[Block, ...]:
    """The blocks from the line with the index `start` to the end."""
    blocks: list[Block] = []
    message: MessageRole | None = None
    opened: tuple[str, int] | None = None
    seen: set[str] = set()

    def close(end: int) -> None:
        if message is None or opened is None:
            return
        name, first = opened
        body = lines[first:end]
        blank = next((index for index, line in enumerate(body) if line.strip()), None)
        if blank is None:
            raise BadTemplate("it is empty", file=file, line=first, block=name)
        text = "\n".join(body[blank:]).rstrip()
        blocks.append(Block(name, message, text, first + blank + 1))

    for index in range(start, len(lines)):
        found = _HEADING.fullmatch(lines[index])
        if found is None:
            if opened is None and lines[index].strip():
                raise BadTemplate("text stands outside of a block", file=file, line=index + 1)
            continue
        close(index)
        if len(found[1]) == 1:
            message, opened = _message(found[2], blocks, file, index + 1), None
        else:
            opened = _block_name(found[2], message, seen, file, index + 1), index + 1
            seen.add(opened[0])
    close(len(lines))
    if not blocks:
        raise BadTemplate("there are no blocks; begin with `# system` and `## role`", file=file)
    return tuple(blocks)


def _message(title: str | None, before: list[Block], file: str, line: int) -> MessageRole:
    if title == "system" and not before:
        return "system"
    if title == "user" and not any(block.message == "user" for block in before):
        return "user"
    raise BadTemplate(
        "a heading with one # names a message, `# system` and then `# user`, each once at most;"
        " headings inside of blocks begin with ###",
        file=file,
        line=line,
    )


def _block_name(
    title: str | None, message: MessageRole | None, seen: set[str], file: str, line: int
) -> str:
    name = title or ""
    if message is None:
        raise BadTemplate("a block stands below `# system` or `# user`", file=file, line=line)
    if not _BLOCK_NAME.fullmatch(name) or len(name) > 40:
        raise BadTemplate(
            f"{name[:80]!r} is no name for a block: use small letters, digits and _; headings"
            " inside of blocks begin with ###",
            file=file,
            line=line,
        )
    if name in seen:
        raise BadTemplate("there are two blocks of this name", file=file, line=line, block=name)
    return name
