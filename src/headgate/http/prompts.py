"""Prompt templates over HTTP: listed, read as blocks, filled in and compared."""

import asyncio
from typing import Annotated, Any

import msgspec

from headgate.core.chat import Role
from headgate.core.errors import InvalidRequest, NotFound
from headgate.core.models import PromptStyle
from headgate.core.prompts import Prompt
from headgate.http.calls import Call, Reply
from headgate.prompts.compiling import Compiled
from headgate.prompts.history import changes, unified
from headgate.prompts.inputs import FieldKind, InputKind
from headgate.prompts.library import Origin, Shelf
from headgate.prompts.template import BadTemplate, MessageRole, Template, read_template

MOST_DRAFT_CHARACTERS = 32_000
MOST_DRAFT_BYTES = 256 * 1024
"""The largest request with a draft, its inputs included: its work is bounded by its size."""

SMALL_BYTES = 64 * 1024
"""Requests up to this size are filled in on the event loop; more work goes to a thread."""


class VersionQuery(msgspec.Struct, frozen=True):
    """The query of `GET /v1/prompts/{name}`."""

    version: int | None = None


class DiffQuery(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """The query of `GET /v1/prompts/{name}/diff`: by default, the latest two versions."""

    from_: int | None = None
    to: int | None = None


class InputItem(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What a template is filled in with; `fields` are those of each of its `objects`."""

    name: str
    type: InputKind
    description: str
    required: bool
    default: Any
    fields: dict[str, FieldKind] | None


class PromptItem(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A template in its latest version; `origin` is `own` where it is the company's."""

    name: str
    version: int
    versions: list[int]
    origin: Origin
    description: str
    use_case: str
    inputs: list[InputItem]


class PromptList(msgspec.Struct, frozen=True, rename="camel"):
    """All templates, by name."""

    data: list[PromptItem]
    next_cursor: str | None = None


class BlockItem(msgspec.Struct, frozen=True):
    """A block as it is written, and the line of the file where its text begins."""

    name: str
    message: MessageRole
    text: str
    line: int


class PolicyItem(msgspec.Struct, frozen=True, rename="camel"):
    """How a template's prompts are to be asked; null leaves it to the caller."""

    model: str | None
    temperature: float | None
    max_tokens: int | None


class PromptDetail(PromptItem, frozen=True, rename="camel", kw_only=True):
    """One version of a template. `template` is the whole file, `frontMatter` its beginning."""

    blocks: list[BlockItem]
    example: dict[str, Any]
    policy: PolicyItem
    output_schema: dict[str, Any] | None
    front_matter: str
    template: str


class RenderRequest(msgspec.Struct, frozen=True):
    """The body of `POST /v1/prompts/{name}/render`.

    The style is `style`, else the one for `model`. `template` is the text of a draft, to be tried
    in place of what is there.
    """

    inputs: dict[str, Any] = {}
    version: int | None = None
    model: Annotated[str, msgspec.Meta(min_length=1, max_length=256)] | None = None
    style: PromptStyle | None = None
    template: Annotated[str, msgspec.Meta(max_length=MOST_DRAFT_CHARACTERS)] | None = None


class RenderedMessage(msgspec.Struct, frozen=True):
    """A message as a model reads it."""

    role: Role
    content: str


class RenderedPrompt(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The answer of `POST /v1/prompts/{name}/render`."""

    name: str
    version: int
    style: PromptStyle
    messages: list[RenderedMessage]
    policy: PolicyItem
    output_schema: dict[str, Any] | None


class ChangeItem(msgspec.Struct, frozen=True):
    """A block, or the front matter, that differs; null where one version does not have it."""

    part: str
    before: str | None
    after: str | None


class PromptDiff(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """What changed between two versions; `unified` is the whole file as a unified diff."""

    name: str
    from_: int
    to: int
    changes: list[ChangeItem]
    unified: str


async def prompts(call: Call[None]) -> Reply:
    """`GET /v1/prompts`."""
    shelves = call.services.prompts.shelves.values()
    return Reply(PromptList([PromptItem(**_summary(shelf, shelf.latest)) for shelf in shelves]))


async def prompt(call: Call[None]) -> Reply:
    """`GET /v1/prompts/{name}`."""
    query: VersionQuery = call.query
    shelf = call.services.prompts.shelf(call.params["name"])
    template = shelf.version(query.version)
    return Reply(
        PromptDetail(
            **_summary(shelf, template),
            blocks=[
                BlockItem(block.name, block.message, block.text, block.line)
                for block in template.blocks
            ],
            example=template.front.example,
            policy=PolicyItem(*msgspec.structs.astuple(template.front.model)),
            output_schema=template.output_schema,
            front_matter=template.head,
            template=template.source,
        )
    )


async def render(call: Call[RenderRequest]) -> Reply:
    """`POST /v1/prompts/{name}/render`."""
    body, name = call.body, call.params["name"]
    style = body.style
    library = call.services.prompts
    if style is None:
        own = None
        if body.template is None:
            own = library.shelf(name).version(body.version).front.model.model
        model = body.model or own or call.services.default_model
        style = call.services.gateway.catalog.style(model, call.key)
    if body.template is None:

        def work() -> Prompt:
            return library.render(name, body.inputs, style=style, version=body.version)

        is_small = len(call.raw) <= SMALL_BYTES
        return Reply(_rendered(work() if is_small else await asyncio.to_thread(work)))
    if len(call.raw) > MOST_DRAFT_BYTES:
        message = f"a draft and its inputs are at most {MOST_DRAFT_BYTES // 1024} KiB together"
        raise InvalidRequest(message, param="inputs")
    async with library.drafting:
        filled = await asyncio.to_thread(_draft, body.template, name, body.inputs, style)
    return Reply(_rendered(filled))


async def diff(call: Call[None]) -> Reply:
    """`GET /v1/prompts/{name}/diff`."""
    query: DiffQuery = call.query
    shelf = call.services.prompts.shelf(call.params["name"])
    after = shelf.version(query.to)
    if query.from_ is not None:
        before = shelf.version(query.from_)
    else:
        earlier = [one for one in shelf.versions if one.version < after.version]
        if not earlier:
            raise NotFound(
                f"no version of {after.name!r} before {after.version} is here to compare it with",
                param="from",
            )
        before = earlier[0]
    listed = [ChangeItem(*change) for change in changes(before, after)]
    whole = unified(before, after)
    return Reply(PromptDiff(after.name, before.version, after.version, listed, whole))


def _draft(text: str, name: str, inputs: dict[str, Any], style: PromptStyle) -> Prompt:
    """A draft filled in; it is compiled for this once."""
    template = read_template(text, "draft")
    if template.name != name:
        raise BadTemplate(
            f"the path says {name[:64]!r}, the front matter {template.name!r}", file="draft"
        )
    return Compiled(template, style).fill(inputs)


def _summary(shelf: Shelf, template: Template) -> dict[str, Any]:
    return {
        "name": template.name,
        "version": template.version,
        "versions": [one.version for one in shelf.versions],
        "origin": shelf.origin,
        "description": template.front.description,
        "use_case": template.use_case,
        "inputs": [
            InputItem(
                name=name,
                type=declared.type,
                description=declared.description,
                required=declared.required,
                default=declared.default,
                fields=declared.fields,
            )
            for name, declared in template.front.inputs.items()
        ],
    }


def _rendered(filled: Prompt) -> RenderedPrompt:
    return RenderedPrompt(
        name=filled.version.name,
        version=filled.version.version,
        style=filled.style,
        messages=[RenderedMessage(message.role, message.text) for message in filled.messages],
        policy=PolicyItem(*msgspec.structs.astuple(filled.policy)),
        output_schema=filled.output_schema,
    )
