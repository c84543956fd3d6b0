"""The templates that there are: the platform's, and those of a company's own directory.

A directory has each template as `name.md`, its latest version, and any earlier ones that somebody
still asks for as `name@1.md`. A company's template takes the place of the platform's of that name
with all its versions, so that a name and a version always mean one text.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from headgate.core.errors import InvalidRequest, NotFound
from headgate.core.models import PromptStyle
from headgate.core.prompts import Prompt
from headgate.prompts.compiling import STYLES, Compiled
from headgate.prompts.template import NAME, BadTemplate, Template, read_template

Origin: TypeAlias = Literal["platform", "own"]

BUILT_IN = Path(__file__).parent / "templates"
_FILE = re.compile(rf"({NAME.pattern})(?:@([1-9]\d{{0,8}}))?\.md")
_IGNORED = frozenset({"README.md"})


def read_file(path: Path) -> Template:
    """The template in a file, whose name says the template's, and its version unless it is latest.

    Raises:
        BadTemplate: there is none.
    """
    file = str(path)
    named = _FILE.fullmatch(path.name)
    if named is None:
        raise BadTemplate("a template's file is called `name.md` or `name@1.md`", file=file)
    try:
        source = path.read_bytes().decode()
    except OSError as error:
        raise BadTemplate(f"it cannot be read: {error.strerror}", file=file) from None
    except UnicodeDecodeError:
        raise BadTemplate("it is not UTF-8", file=file) from None
    template = read_template(source, file)
    if template.name != named[1]:
        raise BadTemplate(
            f"the file's name says {named[1]!r}, its front matter {template.name!r}", file=file
        )
    if named[2] is not None and template.version != int(named[2]):
        raise BadTemplate(
            f"the file's name says version {named[2]}, its front matter {template.version}",
            file=file,
        )
    return template


def template_files(directory: Path) -> Iterator[Path]:
    """The files of a directory that are meant to be templates."""
    paths = directory.glob("*.md") if directory.is_dir() else ()
    yield from sorted(path for path in paths if path.name not in _IGNORED)


def by_name(templates: Sequence[Template]) -> dict[str, list[Template]]:
    """The versions of each template of one directory, the latest first.

    Raises:
        BadTemplate: the file without a version in its name is missing, or is not the latest.
    """
    found: dict[str, list[Template]] = {}
    for template in templates:
        found.setdefault(template.name, []).append(template)
    for name, versions in found.items():
        versions.sort(key=lambda one: (one.version, "@" not in Path(one.file).name), reverse=True)
        latest = versions[0]
        if "@" in Path(latest.file).name:
            raise BadTemplate(f"the latest version of a template is in {name}.md", file=latest.file)
        if len({one.version for one in versions}) < len(versions):
            message = f"version {latest.version} is there twice; raise the one in {name}.md"
            raise BadTemplate(message, file=latest.file)
    return found


@dataclass(frozen=True, slots=True)
class Shelf:
    """All versions of one template, the latest first."""

    origin: Origin
    versions: Sequence[Template]

    @property
    def latest(self) -> Template:
        """The version that is used where none is named."""
        return self.versions[0]

    def version(self, number: int | None) -> Template:
        """One of them.

        Raises:
            NotFound: there is no such version.
        """
        if number is None:
            return self.latest
        for template in self.versions:
            if template.version == number:
                return template
        there = ", ".join(str(template.version) for template in self.versions)
        raise NotFound(
            f"the template {self.latest.name!r} has no version {number}; there is {there}",
            param="version",
        )


@dataclass(frozen=True, slots=True)
class Library:
    """Finds templates and fills them in. Each is compiled once, when it is first asked for.

    Attributes:
        drafting: held while a draft is tried, so that drafts together take one thread at most.
    """

    shelves: Mapping[str, Shelf]
    drafting: asyncio.Lock = field(default_factory=asyncio.Lock)
    _compiled: dict[tuple[str, int, PromptStyle], Compiled] = field(default_factory=dict)

    def shelf(self, name: str) -> Shelf:
        """The versions of a template.

        Raises:
            NotFound: there is no such template.
        """
        found = self.shelves.get(name)
        if found is None:
            raise NotFound(
                f"there is no prompt template {name[:64]!r}; GET /v1/prompts lists them",
                param="name",
            )
        return found

    def render(
        self,
        name: str,
        inputs: Mapping[str, Any],
        *,
        style: PromptStyle,
        version: int | None = None,
    ) -> Prompt:
        """Fill in a template, in its latest version where none is named.

        Raises:
            NotFound: there is no such template, or not in that version.
            InvalidRequest: an input is missing, unknown, or of another type; names it.
        """
        template = self.shelf(name).version(version)
        key = (name, template.version, style)
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = self._compiled[key] = Compiled(template, style)
        return compiled.fill(inputs)


def open_library(own: Path | None = None, built_in: Path = BUILT_IN) -> Library:
    """The platform's templates, and those in the directory `own` where it is there.

    Raises:
        BadTemplate: one of them cannot be used.
    """
    shelves = {
        name: Shelf("platform", versions)
        for name, versions in by_name(list(map(read_file, template_files(built_in)))).items()
    }
    if own is not None:
        for name, versions in by_name(list(map(read_file, template_files(own)))).items():
            for template in versions:
                check_use(template)
            if name in shelves:
                check_stands_in(versions[0], shelves[name].latest)
            shelves[name] = Shelf("own", versions)
    return Library(dict(sorted(shelves.items())))


def check_use(template: Template) -> None:
    """See that a template can be filled in, with its own example.

    Raises:
        BadTemplate: it cannot.
    """
    for style in STYLES:
        compiled = Compiled(template, style)
        try:
            prompt = compiled.fill(template.front.example)
        except BadTemplate:
            raise
        except InvalidRequest as error:
            raise BadTemplate(f"its example: {error.message}", file=template.file) from None
        if not prompt.messages:
            raise BadTemplate("nothing is left of it with its example", file=template.file)


def check_stands_in(own: Template, platform: Template) -> None:
    """See that a company's template can be used where the platform uses its own.

    Raises:
        BadTemplate: it takes other inputs, or asks for another answer.
    """
    for name, wanted in platform.front.inputs.items():
        found = own.front.inputs.get(name)
        if found is None or found.type != wanted.type or found.fields != wanted.fields:
            raise BadTemplate(
                f"it stands in for the platform's template of this name, which takes `{name}`:"
                f" declare that input with the type {wanted.type!r} too",
                file=own.file,
            )
    for name, found in own.front.inputs.items():
        given = platform.front.inputs.get(name)
        if found.required and (given is None or not given.required):
            raise BadTemplate(
                f"it stands in for the platform's template of this name, which may be used without"
                f" `{name}`: say `required = false`",
                file=own.file,
            )
    if own.output_schema != platform.output_schema:
        raise BadTemplate(
            "it stands in for the platform's template of this name, whose answers the platform"
            " reads: its output_schema must be the same",
            file=own.file,
        )
