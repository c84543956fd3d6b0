"""How a tool is declared: an async function whose signature becomes its JSON Schema.

    @tool(timeout_seconds=5)
    async def square(*, number: Annotated[float, Meta(description="Any number.")]) -> float:
        '''Multiply a number by itself.'''
        return number * number

Its name is the function's, its description the first paragraph of the docstring. Arguments are
decoded strictly and named in camelCase outside. A parameter that is a `ToolContext` is given the
context of the call: on whose behalf it works, and the models as that caller may use them.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints

import msgspec

from headgate.core.decoding import invalid_value
from headgate.core.errors import InvalidRequest
from headgate.core.keys import VirtualKey
from headgate.core.tools import Tool, ToolContext, ToolSpec, for_everybody

F = TypeVar("F", bound=Callable[..., Awaitable[Any]])

_MARK = "__headgate_tool__"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Marked:
    timeout_seconds: float
    idempotent: bool
    needs_approval: bool
    most_at_once: int


def tool(
    *,
    timeout_seconds: float = 60.0,
    idempotent: bool = True,
    needs_approval: bool = False,
    most_at_once: int = 100,
) -> Callable[[F], F]:
    """Mark an async function, or a method, as a tool; see `ToolSpec` for what is said of it."""

    def mark(function: F) -> F:
        marked = _Marked(
            timeout_seconds=timeout_seconds,
            idempotent=idempotent,
            needs_approval=needs_approval,
            most_at_once=most_at_once,
        )
        setattr(function, _MARK, marked)
        return function

    return mark


def declared(
    function: Callable[..., Awaitable[Any]], *, is_for: Callable[[VirtualKey], bool] = for_everybody
) -> Tool:
    """The tool that a marked function, or a marked method of an object, is.

    Raises:
        TypeError: it is not marked, not async, or has parameters without types or a description.
    """
    marked = getattr(function, _MARK, None)
    name = getattr(function, "__name__", repr(function))
    if not isinstance(marked, _Marked):
        raise TypeError(f"{name} is no tool: decorate it with @tool()")
    if not inspect.iscoroutinefunction(function):
        raise TypeError(f"the tool {name} must be an async function")
    description = (inspect.getdoc(function) or "").partition("\n\n")[0].replace("\n", " ")
    if not description:
        raise TypeError(f"the tool {name} needs a docstring: models read it")
    arguments, context_name = _arguments(function, name)

    def decoded(given: Mapping[str, Any]) -> msgspec.Struct:
        try:
            return msgspec.convert(dict(given), arguments)
        except msgspec.ValidationError as error:
            raise invalid_value(error) from None
        except RecursionError:
            raise InvalidRequest(f"the arguments of {name} are nested too deeply") from None

    def check(given: Mapping[str, Any]) -> None:
        decoded(given)

    async def run(context: ToolContext, given: Mapping[str, Any]) -> Any:
        found = decoded(given)
        values = {field: getattr(found, field) for field in arguments.__struct_fields__}
        if context_name is not None:
            values[context_name] = context
        return await function(**values)

    spec = ToolSpec(
        name=name,
        description=description,
        parameters=_schema(arguments),
        timeout_seconds=marked.timeout_seconds,
        is_idempotent=marked.idempotent,
        needs_approval=marked.needs_approval,
    )
    return Tool(spec=spec, run=run, check=check, most_at_once=marked.most_at_once, is_for=is_for)


def _arguments(
    function: Callable[..., Awaitable[Any]], name: str
) -> tuple[type[msgspec.Struct], str | None]:
    """What a call is decoded into, and the name of the parameter for the context, if any."""
    hints = get_type_hints(function, include_extras=True)
    context_name: str | None = None
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for parameter in inspect.signature(function).parameters.values():
        hint = hints.get(parameter.name)
        if hint is ToolContext:
            context_name = parameter.name
        elif hint is None or parameter.kind not in {
            parameter.KEYWORD_ONLY,
            parameter.POSITIONAL_OR_KEYWORD,
        }:
            raise TypeError(f"{name}: give the parameter {parameter.name} a name and a type")
        elif parameter.default is parameter.empty:
            fields.append((parameter.name, hint))
        else:
            fields.append((parameter.name, hint, parameter.default))
    struct = msgspec.defstruct(
        name, fields, kw_only=True, frozen=True, rename="camel", forbid_unknown_fields=True
    )
    return struct, context_name


def _schema(arguments: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON Schema of the arguments: an object, with whatever it refers to inside."""
    (_reference,), components = msgspec.json.schema_components(
        [arguments], ref_template="#/$defs/{name}"
    )
    schema = dict(components.pop(arguments.__name__))
    schema.pop("title", None)
    schema.setdefault("properties", {})
    return {**schema, "$defs": components} if components else schema
