"""Strict reading of TOML into sections.

An unknown key, a missing key and a wrong type are each refused with the file, the key and a
suggestion, because a misspelt limit that is silently ignored is no limit.
"""

import difflib
import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

import msgspec


class SettingsError(Exception):
    """The settings cannot be used; the message says where it is wrong and what to write."""


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file; each field's `Meta` description is its help text."""


T = TypeVar("T", bound=Section)


def read_sections(kind: type[T], path: Path) -> T:
    """The sections of `kind` in the file at `path`.

    Raises:
        SettingsError: it cannot be read, is no TOML, or says something that cannot be meant.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"), parse_float=Decimal)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from None
    try:
        sections: T = _struct(kind, table, key="")
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from None
    return sections


def _struct(kind: type[Any], table: object, *, key: str) -> Any:
    """Build a section from its table, so that each error can name the full key."""
    if not isinstance(table, dict):
        raise ValueError(f"{key} is a section: write [{key}] and its keys below it")  # noqa: TRY004 - a ValueError, as for every other mistake in the file
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    for name in table:
        if name not in fields:
            raise ValueError(f"unknown key {_path(key, name)}{_suggestion(name, list(fields))}")
    for name, field in fields.items():
        if field.required and name not in table:
            raise ValueError(f"{key} needs {name}")
    values = {
        name: _value(fields[name].type, value, key=_path(key, name))
        for name, value in table.items()
    }
    try:
        return kind(**values)
    except ValueError as error:
        raise ValueError(f"{key}: {error}" if key else str(error)) from None


def _value(kind: Any, value: object, *, key: str) -> object:
    if get_origin(kind) is Annotated and get_origin(get_args(kind)[0]) is dict:
        kind = get_args(kind)[0]
    if _is_section(kind):
        return _struct(kind, value, key=key)
    if get_origin(kind) is dict and isinstance(value, dict):
        entry = get_args(kind)[1]
        return {name: _value(entry, item, key=_path(key, name)) for name, item in value.items()}
    forms = [form for form in get_args(kind) if form is not type(None)]
    for section in (form for form in forms if _is_section(form)):
        if isinstance(value, dict) or forms == [section]:
            return _struct(section, value, key=key)
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        problem = str(error).partition(" - at ")[0]
        raise ValueError(f"{key}: {problem[:1].lower()}{problem[1:]}") from None


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Section)


def _path(key: str, name: str) -> str:
    shown = name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f'"{name}"'
    return f"{key}.{shown}" if key else shown


def _suggestion(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known here: {', '.join(known)}"
