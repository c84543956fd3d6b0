"""The part of Jinja2 that templates may use: inputs, filters, conditions, and loops of one level.

There are no calls, no arithmetic, no macros and no other files. So a template can do nothing but
write its inputs down, and it is stopped where that takes too long or becomes too much: a draft from
anybody can be tried out in the server.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from headgate.core.errors import InvalidRequest
from headgate.prompts.template import BadTemplate, Block

MOST_OUTPUT = 8_000_000
"""The longest prompt in characters, well beyond what any model reads."""

MOST_SECONDS = 2.0
"""The most that filling in one block may keep a processor busy."""

_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For,
    nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem, nodes.Filter, nodes.Test,
    nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.CondExpr,
)  # fmt: skip
_TESTS = frozenset({"none", "true", "false", "boolean", "string", "number", "mapping"})
_OF_LOOPS = frozenset({"index", "index0", "first", "last", "length"})


def _json(value: Any) -> str:
    """A value as indented JSON; a text or a number stays on its line."""
    written = msgspec.json.encode(value)
    return _sized(msgspec.json.format(written, indent=2).decode())


def _quoted(value: Any) -> str:
    return _sized("\n".join(f"> {line}".rstrip() for line in str(value).splitlines()))


def _join(values: Iterable[Any], separator: str = "") -> str:
    texts = [str(value) for value in values]
    if len(separator) * len(texts) > MOST_OUTPUT:
        raise _too_long()
    return separator.join(texts)


def _sized(text: str) -> str:
    """A text that a filter has made longer, unless it is too long: filters can follow filters."""
    if len(text) > MOST_OUTPUT:
        raise _too_long()
    return text


class _Paced(list[Any]):
    """The items of a loop, which end with an error when the time is up."""

    until = 0.0

    def __iter__(self) -> Iterator[Any]:
        for item in super().__iter__():
            _keep_time(self.until)
            yield item


@pass_context
def _paced(context: Context, values: Iterable[Any]) -> _Paced:
    paced = _Paced(values)
    paced.until = context[_UNTIL]
    return paced


# Names that no template can write.
_UNTIL, _PACED = "until when", "paced loop"


# What `line` and `quoted` write cannot be mistaken for the next item of a list of the template's.
_FILTERS: Mapping[str, Callable[..., Any]] = {
    "json": _json,
    "line": lambda value: " ".join(str(value).split()),
    "quoted": _quoted,
    "join": _join,
    "length": len,
    "lower": str.lower,
    "upper": str.upper,
    "trim": str.strip,
    "first": lambda values: values[0] if values else "",
    "last": lambda values: values[-1] if values else "",
    _PACED: _paced,
}


class _Environment(ImmutableSandboxedEnvironment):
    """Jinja2 without methods: what stands behind a dot is a field of an input, or of a loop."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        if isinstance(obj, LoopContext) and attribute in _OF_LOOPS:
            return super().getattr(obj, attribute)
        return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Mapping | Sequence):
            try:
                return obj[argument]
            except (LookupError, TypeError):
                pass
        return self.undefined(obj=obj, name=argument)


class Expressions:
    """Compiles the blocks of one template; `escape` is applied to each value that is written."""

    def __init__(self, inputs: Iterable[str], escape: Callable[[str], str]) -> None:
        def write(value: Any) -> Any:
            return escape(value if isinstance(value, str) else _plain(value))

        self._inputs = frozenset(inputs)
        self._environment = _Environment(
            undefined=StrictUndefined,
            autoescape=False,  # no HTML: `escape` keeps values within their blocks
            finalize=write,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=False,
            extensions=(),
            cache_size=0,
        )
        self._environment.filters = dict(_FILTERS)
        self._environment.tests = {
            name: test for name, test in self._environment.tests.items() if name in _TESTS
        }
        self._environment.globals = {}

    def compiled(self, block: Block, file: str) -> Callable[[Mapping[str, Any]], str]:
        """What fills in a block.

        Raises:
            BadTemplate: the block is not written in this part of Jinja2, or names no input.
        """
        try:
            tree = self._environment.parse(block.text)
            _Reader(block, file, self._inputs).read(tree, self._inputs)
            self._pace(tree)
            template = self._environment.from_string(tree)
        except TemplateSyntaxError as error:
            line = block.line + error.lineno - 1
            message = error.message or "it is not valid"
            raise BadTemplate(message, file=file, line=line, block=block.name) from None
        except (RecursionError, SyntaxError, MemoryError):
            message = "it is nested too deeply"
            raise BadTemplate(message, file=file, line=block.line, block=block.name) from None
        if all(_is_plain(node) for node in tree.body):
            text = template.render()
            return lambda _values: text

        def fill(values: Mapping[str, Any]) -> str:
            try:
                until = time.thread_time() + MOST_SECONDS
                return "".join(_bounded(template.generate({**values, _UNTIL: until})))
            except (UndefinedError, SecurityError, TypeError, ValueError) as error:
                # A filter was given what it cannot take; with checked inputs that is the template.
                raise BadTemplate(
                    str(error), file=file, line=block.line, block=block.name
                ) from None

        return fill

    def _pace(self, tree: nodes.Template) -> None:
        """See that every loop keeps the time."""
        for loop in tree.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, _PACED, [], [], None, None, lineno=loop.lineno)
        tree.set_environment(self._environment)

    def used(self, blocks: Iterable[Block]) -> set[str]:
        """The inputs that some block names."""
        return {
            node.name
            for block in blocks
            for node in self._environment.parse(block.text).find_all(nodes.Name)
        } & self._inputs


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads a block's tree, and says where it goes beyond what templates may use."""

    block: Block
    file: str
    inputs: frozenset[str]

    def read(self, node: nodes.Node, known: frozenset[str], *, in_loop: bool = False) -> None:
        """Check a piece and all that it is made of; `known` are the names that mean something."""
        if not isinstance(node, _ALLOWED):
            raise self._bad(
                node,
                f"{type(node).__name__.lower()!r} cannot be used here: templates have inputs,"
                " filters, conditions and loops, and no more",
            )
        if isinstance(node, nodes.Name) and node.name not in known:
            names = ", ".join(f"`{name}`" for name in sorted(self.inputs)) or "none"
            message = f"there is no input `{node.name}`; the front matter has {names}"
            raise self._bad(node, message)
        if isinstance(node, nodes.For):
            self._read_loop(node, known, in_loop=in_loop)
            return
        for child in node.iter_child_nodes():
            self.read(child, known, in_loop=in_loop)

    def _read_loop(self, node: nodes.For, known: frozenset[str], *, in_loop: bool) -> None:
        if in_loop:
            raise self._bad(node, "a loop stands within a loop; give the template a flat list")
        if node.recursive or not isinstance(node.target, nodes.Name):
            raise self._bad(node, "write a loop as `{% for item in items %}`")
        self.read(node.iter, known)
        inner = known | {node.target.name, "loop"}
        for child in (*node.body, *([node.test] if node.test else ())):
            self.read(child, inner, in_loop=True)
        for child in node.else_:
            self.read(child, known)

    def _bad(self, node: nodes.Node, message: str) -> BadTemplate:
        line = self.block.line + node.lineno - 1
        return BadTemplate(message, file=self.file, line=line, block=self.block.name)


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else _json(value)


def _is_plain(node: nodes.Node) -> bool:
    """Whether a piece of a block is the same for all inputs."""
    return isinstance(node, nodes.Output) and all(
        isinstance(part, nodes.TemplateData) for part in node.nodes
    )


def _bounded(pieces: Iterator[str]) -> Iterator[str]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MOST_OUTPUT:
            raise _too_long()
        yield piece


def _keep_time(until: float) -> None:
    if time.thread_time() > until:
        raise InvalidRequest(
            f"filling in the template took more than {MOST_SECONDS:g} seconds", param="inputs"
        )


def _too_long() -> InvalidRequest:
    return InvalidRequest(
        f"the prompt would be longer than {MOST_OUTPUT:,} characters", param="inputs"
    )
