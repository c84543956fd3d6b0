"""The dashboard is built where it must be, and where it cannot be, the package still is."""

import gzip
import subprocess
from pathlib import Path
from typing import Any

import hatch_build
import pytest
from hatch_build import MARK, NODE, STATIC, CustomBuildHook, NotBuilt, build, hash_of, is_stale


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "dashboard" / "src").mkdir(parents=True)
    (tmp_path / "dashboard" / "package.json").write_text("{}")
    (tmp_path / "dashboard" / "src" / "main.tsx").write_text("one")
    return tmp_path


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What npm was asked; it builds a page and a font."""
    asked: list[tuple[str, ...]] = []

    def run(root: Path, *arguments: str, **_: Any) -> subprocess.CompletedProcess[bytes]:
        asked.append(arguments)
        if arguments[:2] == ("run", "build"):
            made = root / "dashboard" / "dist" / "assets"
            made.mkdir(parents=True)
            (made.parent / "index.html").write_text("page " * 100)
            (made / "font.woff2").write_bytes(b"font")
        return subprocess.CompletedProcess(arguments, 0, b"")

    monkeypatch.setattr(hatch_build, "run_npm", run)
    return asked


def hook(root: Path) -> CustomBuildHook:
    nothing: Any = None
    return CustomBuildHook(str(root), {}, nothing, nothing, "", "wheel")


def test_it_is_built_from_the_locked_packages_once(
    checkout: Path, commands: list[tuple[str, ...]]
) -> None:
    assert build(checkout)
    assert [command[0] for command in commands] == ["ci", "run"]
    assert not build(checkout)
    assert len(commands) == 2


def test_texts_lie_there_zipped_too(checkout: Path, commands: list[tuple[str, ...]]) -> None:
    build(checkout)
    static = checkout / STATIC
    page = (static / "index.html").read_bytes()
    assert gzip.decompress((static / "index.html.gz").read_bytes()) == page
    assert not (static / "assets" / "font.woff2.gz").exists()
    assert not (checkout / "dashboard" / "dist").exists()


def test_the_licences_of_what_is_shipped_go_along(
    checkout: Path, commands: list[tuple[str, ...]]
) -> None:
    package = checkout / "dashboard" / "node_modules" / "@one" / "part"
    package.mkdir(parents=True)
    (package / "LICENSE").write_text("Do as you like.")
    (checkout / "dashboard" / "package.json").write_text(
        '{"dependencies": {"@one/part": "1.0.0"}, "devDependencies": {"two": "1.0.0"}}'
    )
    build(checkout)
    assert (checkout / STATIC / "licences.txt").read_text() == "@one/part\n\nDo as you like."


def test_a_change_of_any_source_builds_it_anew_and_leaves_nothing_old(
    checkout: Path, commands: list[tuple[str, ...]]
) -> None:
    build(checkout)
    (checkout / STATIC / "old.js").write_text("old")
    (checkout / "dashboard" / "src" / "main.tsx").write_text("two")
    assert is_stale(checkout)
    assert build(checkout)
    assert not (checkout / STATIC / "old.js").exists()


def test_what_npm_writes_there_is_no_source(checkout: Path) -> None:
    before = hash_of(checkout / "dashboard")
    (checkout / "dashboard" / "node_modules").mkdir()
    (checkout / "dashboard" / "node_modules" / "package.json").write_text("{}")
    assert hash_of(checkout / "dashboard") == before


def test_an_sdist_brings_the_pages_along_and_needs_no_node(tmp_path: Path) -> None:
    assert hook(tmp_path).dependencies() == []
    assert not build(tmp_path)


def test_a_checkout_asks_for_node_until_it_is_built(
    checkout: Path, commands: list[tuple[str, ...]]
) -> None:
    assert hook(checkout).dependencies() == [NODE]
    build(checkout)
    assert hook(checkout).dependencies() == []


def test_a_build_that_fails_says_why_and_keeps_what_was_there(
    checkout: Path, commands: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    build(checkout)
    (checkout / "dashboard" / "src" / "main.tsx").write_text("two")
    failed = subprocess.CompletedProcess((), 1, b"no network")
    monkeypatch.setattr(hatch_build, "run_npm", lambda *_, **__: failed)
    with pytest.raises(NotBuilt, match="`npm ci --no-audit --no-fund` failed"):
        build(checkout)
    assert (checkout / STATIC / "index.html").exists()
    assert is_stale(checkout)


def test_the_package_is_made_without_the_pages_where_they_cannot_be(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = subprocess.CompletedProcess((), 1, b"no network")
    monkeypatch.setattr(hatch_build, "run_npm", lambda *_, **__: failed)
    hook(checkout).initialize("standard", {})
    assert "without the dashboard's pages" in "".join(capsys.readouterr())
    assert not (checkout / STATIC / MARK).exists()
