"""What the platform tells commands; needs nothing that commands are made with."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal, NamedTuple


class Finding(NamedTuple):
    """What a check found; `remedy` says what to change where that is needed."""

    status: Literal["ok", "warn", "fail"]
    message: str
    remedy: str | None = None


class Check(NamedTuple):
    """One thing the doctor looks at. Expected failures are findings, not exceptions."""

    name: str
    run: Callable[[], Awaitable[Finding]]


class CheckedPrompt(NamedTuple):
    """A version of a prompt template, beside what is recorded of it.

    Attributes:
        status: `unchanged`, `new` or `changed`.
        changes: the parts that differ, from the version `since`.
    """

    name: str
    version: int
    status: str
    changes: tuple[str, ...] = ()
    since: int | None = None


class PromptCheck(NamedTuple):
    """What there is to say about a directory of prompt templates."""

    directory: str
    templates: tuple[CheckedPrompt, ...]
    problems: tuple[str, ...]
    is_recorded: bool


class Backup(NamedTuple):
    """A copy of a data directory.

    Attributes:
        size: in bytes, before an archive is made of it.
        taken_at: ISO 8601, in UTC.
        left_out: what belongs to the platform and is not in it, a sentence each.
    """

    path: Path
    size: int
    taken_at: str
    left_out: tuple[str, ...]
