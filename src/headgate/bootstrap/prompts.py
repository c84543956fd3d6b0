"""The prompt templates: the platform's, and the company's own."""

from pathlib import Path

from headgate.cli.findings import CheckedPrompt, Finding, PromptCheck
from headgate.core.errors import HeadgateError
from headgate.prompts import history
from headgate.prompts.library import BUILT_IN, Library, open_library
from headgate.prompts.template import BadTemplate
from headgate.settings import Settings

DIRECTORY = "prompts"


def own_directory(settings: Settings) -> Path:
    """Where the company's templates are looked for: `prompts` in the data directory by default.

    Raises:
        BadTemplate: the directory that the configuration names is not there.
    """
    named = settings.configuration.prompts.directory
    if named is None:
        return settings.data / DIRECTORY
    beside = settings.data if settings.config is None else settings.config.parent
    directory = beside / named
    if not directory.is_dir():
        raise BadTemplate("[prompts] directory: there is no such directory", file=str(directory))
    return directory


def open_prompts(settings: Settings) -> Library:
    """All templates.

    Raises:
        BadTemplate: one of the company's cannot be used.
    """
    return open_library(own_directory(settings))


async def check_prompts(settings: Settings) -> Finding:
    """Whether all templates can be used."""
    try:
        shelves = open_prompts(settings).shelves
    except HeadgateError as error:
        return Finding("fail", error.message, "See docs/guides/prompts.md for how to write one.")
    own = sum(shelf.origin == "own" for shelf in shelves.values())
    return Finding("ok", f"{len(shelves)} templates, {own} of them your own")


def review_prompts(settings: Settings, directory: Path | None, *, write: bool) -> list[PromptCheck]:
    """Check the templates of a directory, or without one those that this installation uses.

    With `write` versions that are new are recorded, unless something is wrong.

    Raises:
        BadTemplate: the company's templates cannot stand beside the platform's.
    """
    if directory is None:
        own = own_directory(settings)
        directories = [BUILT_IN, *([own] if own.is_dir() else [])]
    else:
        directories = [directory]
    checks = []
    for place in directories:
        found = history.review(place)
        if write and not found.problems:
            history.write_record(place)
        problems = found.problems
        if found.is_recorded and not write:
            problems += tuple(
                f"{one.name} {one.version} is not recorded yet: `headgate prompts check --write`"
                for one in found.templates
                if one.status == "new"
            )
        templates = tuple(CheckedPrompt(*one) for one in found.templates)
        is_recorded = found.is_recorded or (write and not found.problems)
        checks.append(PromptCheck(str(place), templates, problems, is_recorded))
    if directory is None and not any(check.problems for check in checks):
        open_prompts(settings)
    return checks
