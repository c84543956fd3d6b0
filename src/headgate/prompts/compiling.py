"""A template as a model reads it: blocks between XML tags, or below headings.

What an input says stays within its block. Between tags, whatever could open or close one of the
template's own tags loses its `<`; below headings, whatever could be read as a heading is escaped as
Markdown does it. Nothing else of an input is touched, so that code, pages and quotations stay what
they are. A message of one block has nothing to keep apart: as headed text it is the block alone.
"""

import re
import string
from collections.abc import Callable, Mapping
from typing import Any

from headgate.core.chat import Message, PromptVersion
from headgate.core.models import PromptStyle
from headgate.core.prompts import Prompt
from headgate.prompts.inputs import filled
from headgate.prompts.template import BadTemplate, Block, MessageRole, Template

STYLES: tuple[PromptStyle, ...] = ("xml", "headings")
_ROLES: tuple[MessageRole, ...] = ("system", "user")

# What a model may read as nothing, besides spaces.
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\ufeff"
_BLANK = string.whitespace + "\x1c\x1d\x1e\x1f\x85\xa0\u2028\u2029\u3000" + _INVISIBLE
_TAG = re.compile(r"<\s*/?\s*([a-zA-Z][\w-]*)")
_ANY_TAG = re.compile(rf"<([\s/{_INVISIBLE}]*)([\w-]*)")


class Compiled:
    """A template that has been read and checked for one style, to be filled in many times."""

    def __init__(self, template: Template, style: PromptStyle) -> None:
        """Compile each block.

        Raises:
            BadTemplate: a block cannot be compiled, or an input is declared for nothing.
        """
        # Jinja2 takes long to load, and many processes never fill in a template.
        from headgate.prompts.expressions import Expressions

        self._template = template
        self._style: PromptStyle = style
        self._version = PromptVersion(template.name, template.version)
        self._messages: list[tuple[MessageRole, bool, list[tuple[str, _Fill]]]] = []
        used: set[str] = set()
        for role in _ROLES:
            blocks = [block for block in template.blocks if block.message == role]
            if not blocks:
                continue
            is_bare = style == "headings" and len(blocks) == 1
            escape = _verbatim if is_bare else _escaping(template, style)
            expressions = Expressions(template.front.inputs, escape)
            fills = [(block.name, expressions.compiled(block, template.file)) for block in blocks]
            used |= expressions.used(blocks)
            self._messages.append((role, is_bare, fills))
        unused = [name for name in template.front.inputs if name not in used]
        if unused:
            raise BadTemplate(f"no block uses the input `{unused[0]}`", file=template.file)

    def fill(self, inputs: Mapping[str, Any]) -> Prompt:
        """The prompt for these inputs; a block of which nothing is left is left out.

        Raises:
            InvalidRequest: an input is missing, unknown, or of another type; names it.
        """
        template = self._template
        values = filled(template.front.inputs, inputs)
        messages = []
        for role, is_bare, fills in self._messages:
            texts = [(name, fill(values)) for name, fill in fills]
            if not is_bare:
                texts = [(name, text.strip("\n")) for name, text in texts if text.strip()]
            write = _WRITERS[self._style]
            content = "\n\n".join(text if is_bare else write(name, text) for name, text in texts)
            if content:
                messages.append(Message(role, content))
        return Prompt(
            version=self._version,
            style=self._style,
            messages=tuple(messages),
            use_case=template.use_case,
            policy=template.front.model,
            output_schema=template.output_schema,
        )


_Fill = Callable[[Mapping[str, Any]], str]


def title(name: str) -> str:
    """A block's name as a heading: `output_format` is `Output format`."""
    return name.replace("_", " ").capitalize()


_WRITERS: Mapping[PromptStyle, Callable[[str, str], str]] = {
    "xml": lambda name, text: f"<{name}>\n{text}\n</{name}>",
    "headings": lambda name, text: f"# {title(name)}\n\n{text}",
}


def _escaping(template: Template, style: PromptStyle) -> Callable[[str], str]:
    """What keeps an input within its block."""
    return _within_headings if style == "headings" else _within_tags(template.blocks)


def _within_tags(blocks: tuple[Block, ...]) -> Callable[[str], str]:
    """Escapes the tags of a template: its blocks' names, and those that its own text writes."""
    names = {block.name for block in blocks}
    names.update(match[1].lower() for block in blocks for match in _TAG.finditer(block.text))

    def escaped(tag: re.Match[str]) -> str:
        # A value may be cut where the next begins, so the beginning of a tag at its end counts too.
        is_ours = tag[2].lower() in names or tag.end() == len(tag.string)
        return f"&lt;{tag[0][1:]}" if is_ours else tag[0]

    def escape(value: str) -> str:
        return _ANY_TAG.sub(escaped, value) if "<" in value else value

    return escape


def _within_headings(value: str) -> str:
    """Escapes the lines that Markdown would read as a heading, or as what makes one of a line."""
    return "".join(map(_no_heading, value.splitlines(keepends=True)))


def _no_heading(line: str) -> str:
    bare = line.strip(_BLANK)
    if not bare or bare[0] not in "#=-":
        return line
    rest = bare.lstrip(bare[0])
    if rest and not (bare[0] == "#" and rest[0] in _BLANK):
        return line
    return line.replace(bare, f"\\{bare}", 1)


def _verbatim(value: str) -> str:
    return value
