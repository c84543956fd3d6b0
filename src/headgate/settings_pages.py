"""The pages about settings, written from the settings themselves.

`.env.example` and `docs/reference/settings.md`, which `reference_pages.py` writes.
"""

import inspect
import re
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

import msgspec

from headgate.aws_settings import AWS
from headgate.configuration import Configuration
from headgate.settings import (
    AGENTS,
    ALERTS,
    CLIENT,
    MODELS,
    OBSERVING,
    PLATFORM,
    SECURITY,
    VARIABLES,
    Settings,
)
from headgate.strict_toml import Section
from headgate.variables import Variable, describe, without_none

GROUPS = (PLATFORM, SECURITY, MODELS, AWS, AGENTS, ALERTS, OBSERVING, CLIENT)

_CLASSES = {"str": "text", "int": "whole number", "float": "number", "Decimal": "decimal"}


def env_example() -> str:
    """`.env.example`: every variable, commented out, with its default and meaning."""
    lines = [
        "# Every setting of Headgate that the environment holds. Copy this file to `.env` and take",
        "# the `#` away in front of what you set; the real environment wins over the file.",
    ]
    for group, fields in _groups():
        lines += ["", f"# --- {group} ---"]
        for field, variable, kind in fields:
            lines += ["", f"# {_help(variable)} ({describe(kind).replace('`', '')})"]
            lines.append(f"# {variable.name}={_default(field)}")
    return "\n".join(lines) + "\n"


def reference() -> str:
    """`docs/reference/settings.md`: the variables and the keys of the configuration file."""
    lines = [
        "# Settings",
        "",
        "Headgate reads the environment, a `.env` file in the working directory (the real",
        "environment wins) and the configuration file. This page is generated from the program.",
        "",
        "## Environment",
    ]
    for group, fields in _groups():
        lines += ["", f"### {group}", "", "| variable | value | default | meaning |"]
        lines.append("|---|---|---|---|")
        for field, variable, kind in fields:
            default = _default(field)
            shown = f"`{default}`" if default else ""
            lines.append(f"| `{variable.name}` | {describe(kind)} | {shown} | {_help(variable)} |")
    lines += [
        "",
        "## Configuration file",
        "",
        "`headgate.toml` in the data directory, or the file that `HEADGATE_CONFIG` names. Every",
        "section may be left out; an unknown key is refused.",
    ]
    for title, kind in _sections():
        lines += ["", *_section(title, kind)]
    return "\n".join(lines) + "\n"


def _groups() -> Iterator[tuple[str, list[tuple[str, Variable, Any]]]]:
    groups: dict[str, list[tuple[str, Variable, Any]]] = {name: [] for name in GROUPS}
    for field, (variable, kind) in VARIABLES.items():
        groups[variable.group].append((field, variable, kind))
    yield from groups.items()


def _help(variable: Variable) -> str:
    return f"Not used yet. {variable.help}" if variable.planned else variable.help


def _default(field: str) -> str:
    default = getattr(Settings(), field)
    if isinstance(default, bool):
        return str(default).lower()
    return "" if default is None else str(default)


def _sections() -> Iterator[tuple[str, Any]]:
    for field in msgspec.structs.fields(Configuration):
        if get_origin(field.type) is dict:
            yield f"{field.name}.NAME", get_args(field.type)[1]
        else:
            yield field.name, field.type
            for inner in _tables_of(field.type):
                yield f"{field.name}.{inner.name}.NAME", get_args(inner.type)[1]
        if get_origin(field.type) is dict:
            for inner in _tables_of(get_args(field.type)[1]):
                yield f"{field.name}.NAME.{inner.name}", without_none(inner.type)


def _tables_of(kind: Any) -> list[Any]:
    """The fields of a section that are sections, or tables of them."""
    if not isinstance(kind, type) or not issubclass(kind, Section):
        return []
    return [field for field in msgspec.structs.fields(kind) if _is_table(field.type)]


def _is_table(kind: Any) -> bool:
    plain = without_none(kind)
    return get_origin(kind) is dict or (isinstance(plain, type) and issubclass(plain, Section))


def _section(title: str, kind: Any) -> list[str]:
    if get_origin(kind) is Annotated:
        return [f"### `[{title}]`", "", _meta(kind)]
    assert issubclass(kind, Section)  # noqa: S101 - tells the type checker what the loop yields
    sentence = inspect.cleandoc(kind.__doc__ or "")
    lines = [f"### `[{title}]`", "", sentence, "", "| key | value | default | meaning |"]
    lines.append("|---|---|---|---|")
    tables = {field.name for field in _tables_of(kind)}
    for field in msgspec.structs.fields(kind):
        if field.name in tables:
            continue
        shown = "required" if field.required else _toml(field.default)
        lines.append(f"| `{field.name}` | {_words(field.type)} | {shown} | {_meta(field.type)} |")
    return lines


def _meta(kind: Any) -> str:
    notes = (note for note in get_args(kind) if isinstance(note, msgspec.Meta))
    return next(note.description or "" for note in notes)


def _words(kind: Any) -> str:
    plain = without_none(get_args(kind)[0])
    if plain is bool:
        return "`true`, `false`"
    if get_origin(plain) is tuple:
        return "list of texts"
    if get_origin(plain) is dict:
        return "table of texts"
    return _CLASSES[plain.__name__]


def _toml(default: object) -> str:
    if default is None or default is msgspec.NODEFAULT:
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, tuple):
        return f"`{msgspec.json.encode(default).decode()}`"
    return "`" + re.sub(r"\.0$", "", str(default)) + "`"
