"""What became of templates over their versions, and that none changes without a new one.

Beside its templates a directory keeps `fingerprints.json`: a digest of every part of every version
that was ever recorded there. A version that is recorded never changes again; what callers were
asked under its name stays known, even when its file is gone.
"""

import difflib
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from headgate.prompts.library import by_name, check_use, read_file, template_files
from headgate.prompts.template import BadTemplate, Template

RECORD = "fingerprints.json"

Fingerprint: TypeAlias = Mapping[str, str]
Record: TypeAlias = dict[str, dict[int, dict[str, str]]]
"""By template and version, the digest of each part."""


class Change(NamedTuple):
    """A part that two versions do not share; `before` or `after` is None where it is not there."""

    part: str
    before: str | None
    after: str | None


class Reviewed(NamedTuple):
    """A version in a directory, beside what is recorded.

    Attributes:
        changes: the parts that differ: from the record of this version where it is `changed`, from
            the version before it where it is `new`.
        since: that version before it.
    """

    name: str
    version: int
    status: Literal["unchanged", "new", "changed"]
    changes: tuple[str, ...] = ()
    since: int | None = None


class Review(NamedTuple):
    """What there is to say about a directory.

    Attributes:
        is_recorded: whether it has a record; without one, changes are not noticed.
    """

    templates: tuple[Reviewed, ...]
    problems: tuple[str, ...]
    is_recorded: bool


def changes(before: Template, after: Template) -> list[Change]:
    """What differs between two versions, in the order in which it stands in the later one."""
    old, new = before.parts, after.parts
    parts = [*new, *(part for part in old if part not in new)]
    return [
        Change(part, old.get(part), new.get(part))
        for part in parts
        if old.get(part) != new.get(part)
    ]


def unified(before: Template, after: Template) -> str:
    """Both files as a unified diff; empty where they are the same."""
    return "\n".join(
        difflib.unified_diff(
            before.source.splitlines(),
            after.source.splitlines(),
            f"{before.name}@{before.version}",
            f"{after.name}@{after.version}",
            lineterm="",
        )
    )


def fingerprint(template: Template) -> Fingerprint:
    """A digest of each part that decides what a model is asked.

    The description and the example do not: they may be bettered under the same version.
    """
    front = template.front
    parts: dict[str, object] = {
        "inputs": front.inputs,
        "model": front.model,
        "output_schema": template.output_schema,
        "use_case": template.use_case,
        "order": [(block.message, block.name) for block in template.blocks],
        **{f"block {block.name}": block.text for block in template.blocks},
    }
    return {
        part: hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()[:16]
        for part, value in parts.items()
    }


def read_record(directory: Path) -> Record | None:
    """What is recorded in a directory; None where nothing ever was.

    Raises:
        BadTemplate: the record cannot be read.
    """
    path = directory / RECORD
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise BadTemplate(f"it cannot be read: {error}", file=str(path)) from None


def review(directory: Path) -> Review:
    """Check every template of a directory, by itself and against the record."""
    problems: list[str] = []
    templates: list[Template] = []
    record: Record | None = None
    for path in template_files(directory):
        try:
            template = read_file(path)
            check_use(template)
            templates.append(template)
        except BadTemplate as error:
            problems.append(error.message)
    try:
        by_name(templates)
        record = read_record(directory)
    except BadTemplate as error:
        problems.append(error.message)
    reviewed = []
    for template in sorted(templates, key=lambda one: (one.name, one.version)):
        one, problem = _reviewed(template, (record or {}).get(template.name, {}))
        reviewed.append(one)
        if problem is not None:
            problems.append(f"{template.file}:1: {problem}")
    return Review(tuple(reviewed), tuple(problems), record is not None)


def write_record(directory: Path) -> None:
    """Record the versions that are new in a directory of which a review found no problems.

    Raises:
        BadTemplate: a template, or the record, cannot be read or written.
    """
    record = read_record(directory) or {}
    for path in template_files(directory):
        template = read_file(path)
        known = record.setdefault(template.name, {})
        known.setdefault(template.version, dict(fingerprint(template)))
    ordered = {name: dict(sorted(record[name].items())) for name in sorted(record)}
    text = msgspec.json.format(msgspec.json.encode(ordered), indent=2)
    try:
        (directory / RECORD).write_bytes(text + b"\n")
    except OSError as error:
        file = str(directory / RECORD)
        raise BadTemplate(f"it cannot be written: {error.strerror}", file=file) from None


def _reviewed(template: Template, known: Mapping[int, Fingerprint]) -> tuple[Reviewed, str | None]:
    """A version beside the recorded ones, and what is wrong about it."""
    name, version, found = template.name, template.version, fingerprint(template)
    if version in known:
        changed = _differences(known[version], found)
        if not changed:
            return Reviewed(name, version, "unchanged"), None
        listed = ", ".join(f"`{part}`" for part in changed)
        problem = (
            f"{listed} changed, but the version is still {version}: raise it to {max(known) + 1},"
            f" and keep {name}@{version}.md as it was where somebody still asks for it"
        )
        return Reviewed(name, version, "changed", changed, version), problem
    earlier = max((one for one in known if one < version), default=None)
    changed = () if earlier is None else _differences(known[earlier], found)
    is_late = bool(known) and version < max(known)
    late = f"version {version} is new, but version {max(known, default=0)} was there before it"
    return Reviewed(name, version, "new", changed, earlier), late if is_late else None


def _differences(before: Fingerprint, after: Fingerprint) -> tuple[str, ...]:
    parts = [*after, *(part for part in before if part not in after)]
    return tuple(part for part in parts if before.get(part) != after.get(part))
