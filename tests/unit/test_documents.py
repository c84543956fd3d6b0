"""What the documents point to exists, and they name no place that only one machine has."""

import functools
import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DECISIONS = ROOT / "docs" / "decisions"
TEXT_SUFFIXES = {".md", ".py", ".toml", ".txt", ".json", ".yml", ".yaml", ".sh", ".ts", ""}

_FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(?P<text>.+)$", re.MULTILINE)
_MAKE = re.compile(r"(?:`|^)make +(?P<targets>[a-z-]+(?: +[a-z-]+)*)", re.MULTILINE)
_MAKE_RULE = re.compile(r"^(?P<name>[a-z-]+):", re.MULTILINE)
# Homes of persons and of this or that machine. "/tmp" is everywhere.
_MACHINE_PATH = re.compile(r"(?<![\w.$}~-])/(?:root|home|Users|work|opt|mnt|srv)/[\w.]")


@functools.cache
def files() -> Sequence[Path]:
    """All files of the checkout that are not made by tools."""
    found = []
    for place, directories, names in os.walk(ROOT):
        # Environments and packages have many times more files than we have.
        directories[:] = [
            name
            for name in directories
            if name not in {"__pycache__", "node_modules", "dist", "build"}
            and (name == ".ci" or not name.startswith("."))
        ]
        found += [Path(place, name) for name in names]
    return sorted(path for path in found if path.is_file())


def documents() -> list[Path]:
    return [path for path in files() if path.suffix == ".md"]


def broken_links(page: Path) -> list[str]:
    """Relative links of a page that lead to no file or to no heading."""
    broken = []
    for match in _LINK.finditer(_FENCE.sub("", page.read_text())):
        target, _, anchor = match["target"].partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        place = page.parent / target if target else page
        if not place.exists() or (anchor and anchor not in anchors(place.read_text())):
            broken.append(match["target"])
    return broken


def anchors(text: str) -> set[str]:
    """The names under which a page's headings can be linked, as code hosts make them."""
    headings = (match["text"].lower() for match in _HEADING.finditer(_FENCE.sub("", text)))
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}


def unknown_targets(text: str, known: set[str]) -> set[str]:
    """Commands of make that a text names and the Makefile does not have."""
    named = {target for match in _MAKE.finditer(text) for target in match["targets"].split()}
    return named - known


@pytest.mark.parametrize("page", documents(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    assert not broken_links(page)


def test_every_make_command_that_is_named_exists() -> None:
    known = {match["name"] for match in _MAKE_RULE.finditer((ROOT / "Makefile").read_text())}
    unknown = {page.name: unknown_targets(page.read_text(), known) for page in documents()}
    assert not {name: targets for name, targets in unknown.items() if targets}


def test_every_make_command_explains_itself_in_make_help() -> None:
    makefile = (ROOT / "Makefile").read_text()
    explained = set(re.findall(r"^([a-z-]+):.* ## \S", makefile, re.MULTILINE))
    assert explained == {match["name"] for match in _MAKE_RULE.finditer(makefile)}


def test_every_decision_is_numbered_and_listed_with_its_state() -> None:
    pages = sorted(DECISIONS.glob("0*.md"))
    rows = []
    for number, page in enumerate(pages, start=1):
        title, _, state = page.read_text().split("\n", 3)[:3]
        assert title.startswith(f"# {number:04} "), page.name
        dated = re.fullmatch(r"(?P<state>.+), \d{4}-\d{2}-\d{2}\.", state)
        assert dated, page.name
        rows.append(f"| [{title.removeprefix('# ')}]({page.name}) | {dated['state'].lower()} |")
    index = (DECISIONS / "README.md").read_text()
    assert [line for line in index.splitlines() if line.startswith("| [")] == rows


# What it names is in the images, not on the machine.
IN_CONTAINERS = ROOT / "deploy" / "compose.yaml"


def test_no_file_names_a_path_of_one_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in files()
        if path.suffix in TEXT_SUFFIXES and path not in {Path(__file__), IN_CONTAINERS}
        for match in [_MACHINE_PATH.search(path.read_text(errors="replace"))]
        if match
    ]
    assert not found


def test_a_broken_link_and_a_missing_heading_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One\n[a](#one) [b](#two) [c](page.md#one) [d](gone.md) [e](https://x.y/z)")
    assert broken_links(page) == ["#two", "gone.md"]


def test_an_unknown_make_command_is_found_in_code_only() -> None:
    text = "Make sure to make tea.\n```\nmake brew\n```\nor `make clean setup`"
    assert unknown_targets(text, {"clean"}) == {"brew", "setup"}


@pytest.mark.parametrize(
    ("text", "found"),
    [("in /home/ada/x", True), ("/root/.cache", True), ("https://x.y/home/z", False)],
)
def test_a_path_of_one_machine_is_told_from_an_address(text: str, *, found: bool) -> None:
    assert bool(_MACHINE_PATH.search(text)) == found
