"""Environment variables as typed values: what a variable is and how its text is read.

A variable's type says how it is read: a path, an address, a secret, a flag, one of several words,
or plain text.
"""

import dataclasses
import difflib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, Literal, NewType, get_args, get_origin

Url = NewType("Url", str)
"""An address that starts with http:// or https:// and does not end with a slash."""

Port = NewType("Port", int)
"""A port of TCP."""

Email = NewType("Email", str)
"""An e-mail address, without a name."""

Emails = NewType("Emails", tuple[str, ...])
"""One or several e-mail addresses; as text with commas between them."""

_TRUE = ("true", "1", "yes", "on")
_FALSE = ("false", "0", "no", "off")


@dataclasses.dataclass(frozen=True, slots=True)
class Secret:
    """A text that shows itself only when asked to, so that no log or traceback holds it."""

    _value: str = dataclasses.field(repr=False)

    def reveal(self) -> str:
        """The secret itself; hand it on, never print it."""
        return self._value

    def __str__(self) -> str:
        return "Secret()"


SecretUrl = NewType("SecretUrl", Secret)
"""An address that is a credential itself."""


@dataclasses.dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable, as a field's annotation carries it.

    Attributes:
        group: the heading under which it is documented.
        planned: no part of this version uses it yet.
    """

    name: str
    group: str
    help: str
    planned: bool = False


_WORDS = {
    Url: "address",
    SecretUrl: "secret address",
    Email: "e-mail address",
    Emails: "e-mail addresses",
    bool: "`true`, `false`",
    Path: "path",
    Port: "port",
    Secret: "secret",
}


def read(kind: Any, text: str) -> object:
    """The value of type `kind` that `text` means.

    Raises:
        ValueError: it means none; the message says what was expected and never repeats `text`.
    """
    kind = without_none(kind)
    if get_origin(kind) is Literal:
        return _word(text, get_args(kind))
    reader = _READERS.get(kind)
    if reader is not None:
        return reader(text)
    return kind(text)


def describe(kind: Any) -> str:
    """What a value of type `kind` looks like, in words."""
    kind = without_none(kind)
    if get_origin(kind) is Literal:
        return ", ".join(f"`{word}`" for word in get_args(kind))
    return _WORDS.get(kind, "text")


def without_none(kind: Any) -> Any:
    """The type of a setting that is set: `Url` for `Url | None`."""
    chosen = [part for part in get_args(kind) if part is not NoneType]
    return chosen[0] if NoneType in get_args(kind) else kind


def _word(text: str, words: Sequence[str]) -> str:
    if text.lower() in words:
        return text.lower()
    close = difflib.get_close_matches(text.lower(), words, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    raise ValueError(f"expected one of {', '.join(words)}{hint}")


def _url(text: str) -> Url:
    if not text.startswith(("http://", "https://")):
        raise ValueError("expected an address that starts with http:// or https://")
    return Url(text.rstrip("/"))


def _email(text: str) -> Email:
    # The grammar of addresses takes long to load, and most settings have none.
    from email.errors import MessageError
    from email.headerregistry import Address

    if not all("!" <= letter <= "~" for letter in text) or "<" in text:
        raise ValueError("expected addresses without names, with commas between them")
    expected = ValueError("expected an e-mail address such as ada@example.com")
    if not all(text.rpartition("@")):
        raise expected
    try:
        Address(addr_spec=text)
    except (ValueError, MessageError):
        raise expected from None
    return Email(text)


def _port(text: str) -> Port:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65_536):
        raise ValueError("expected a port, from 1 to 65535")
    return Port(int(text))


def _flag(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError("expected true or false")


_READERS: Mapping[Any, Callable[[str], object]] = {
    Url: _url,
    SecretUrl: lambda text: Secret(_url(text)),
    Email: _email,
    Emails: lambda text: tuple(_email(part.strip()) for part in text.split(",")),
    Port: _port,
    bool: _flag,
    Path: lambda text: Path(text).expanduser(),
}
