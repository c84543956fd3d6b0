"""Builds what a release consists of into `dist/`, and lets nothing out that would not install.

    dist/headgate-VERSION-py3-none-any.whl      the platform, with the dashboard's built pages
    dist/headgate-VERSION.tar.gz                its sources
    dist/headgate_sdk-VERSION…                  the Python SDK, both ways
    dist/headgate-sdk-VERSION.tgz               the TypeScript SDK
    dist/headgate-VERSION.cdx.json              a bill of materials (CycloneDX): packages and hashes
    dist/headgate-dashboard-VERSION.cdx.json    the same of the packages in the pages
    dist/requirements.txt                       the lock, to install the platform by hash
    dist/SHA256SUMS                             a hash of each of these

`make release` runs this, and the checks of `release/archives.py` and `release/installation.py`.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import hatch_build

import archives
import installation

ROOT = Path(__file__).parents[1]
WORK = ROOT / "build" / "release"
LOCK = ROOT / "requirements" / "runtime.txt"
# The same sources make the same files: this is the earliest time that a zip can hold.
NO_TIME = "315532800"


class ReleaseRefused(Exception):
    """Something that was built is not fit to be let out; the message says what."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, check, and list what was made."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--bill-python", type=Path, required=True, help="has cyclonedx-bom")
    options = parser.parse_args(arguments)
    out: Path = options.out.resolve()
    try:
        for directory in (out, WORK):
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(parents=True)
        build(out)
        write_bills(out, options.bill_python.absolute())
        check(out)
        write_sums(out)
        installation.try_out(out, WORK / "installed")
    except (ReleaseRefused, hatch_build.NotBuilt, installation.NotUsable) as error:
        print(error, file=sys.stderr)
        return 1
    for path in sorted(out.iterdir()):
        print(f"{path.stat().st_size:>12,} {path.name}")
    return 0


def version() -> str:
    """The version that all parts carry.

    Raises:
        ReleaseRefused: they differ.
    """
    versions = {
        str(path.relative_to(ROOT)): str(tomllib.loads(path.read_text())["project"]["version"])
        for path in (ROOT / "pyproject.toml", ROOT / "sdk" / "python" / "pyproject.toml")
    }
    versions |= {
        str(path.relative_to(ROOT)): str(json.loads(path.read_text())["version"])
        for path in (ROOT / "sdk" / "typescript" / "package.json", ROOT / "dashboard/package.json")
    }
    if len(set(versions.values())) > 1:
        raise ReleaseRefused(
            f"The parts of a release have one version, but these differ: {versions}"
        )
    return versions["pyproject.toml"]


def build(out: Path) -> None:
    """Build the platform and both SDKs.

    Raises:
        ReleaseRefused: a part could not be built.
        NotBuilt: the dashboard could not.
    """
    hatch_build.build(ROOT)
    for project in (ROOT, ROOT / "sdk" / "python"):
        run(sys.executable, "-m", "hatchling", "build", "--directory", out, directory=project)
    package = WORK / "typescript"
    ignored = shutil.ignore_patterns("node_modules", "dist")
    shutil.copytree(ROOT / "sdk" / "typescript", package, ignore=ignored)
    for command in (
        ("ci", "--no-audit", "--no-fund", "--ignore-scripts"),
        ("run", "build"),
        ("pack", "--pack-destination", str(out)),
    ):
        npm(package, *command)
    shutil.copy(LOCK, out / "requirements.txt")


def write_bills(out: Path, bill_python: Path) -> None:
    """Write what the platform installs, and what its pages are made of, as CycloneDX.

    Raises:
        ReleaseRefused: the lock or the packages could not be read.
    """
    name = f"headgate-{version()}.cdx.json"
    options = ("--output-reproducible", "--output-file", out / name)
    project = ("--pyproject", ROOT / "pyproject.toml")
    run(bill_python, "-m", "cyclonedx_py", "requirements", *project, *options, LOCK)
    kind = ("--sbom-format", "cyclonedx", "--omit", "dev")
    told = npm(ROOT / "dashboard", "sbom", "--package-lock-only", *kind)
    (out / f"headgate-dashboard-{version()}.cdx.json").write_text(told)


def check(out: Path) -> None:
    """Look into everything that was built.

    Raises:
        ReleaseRefused: it says everything that is wrong.
    """
    number = version()
    wheel = out / f"headgate-{number}-py3-none-any.whl"
    again = WORK / "again"
    unpacked = WORK / "unpacked"
    shutil.unpack_archive(out / f"headgate-{number}.tar.gz", unpacked)
    project = unpacked / f"headgate-{number}"
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", again, directory=project)
    faults = [
        *archives.faults_of_platform(wheel),
        *archives.differences(wheel, again / wheel.name),
        *archives.faults_of_python_sdk(out / f"headgate_sdk-{number}-py3-none-any.whl"),
        *archives.faults_of_typescript_sdk(out / f"headgate-sdk-{number}.tgz"),
        *archives.faults_of_bill(out / f"headgate-{number}.cdx.json", LOCK.read_text()),
        *(fault for path in sorted(out.iterdir()) for fault in archives.faults_of_any(path)),
    ]
    if faults:
        raise ReleaseRefused("\n".join(("This cannot be released:", *faults)))


def write_sums(out: Path) -> None:
    """Write a hash of every file, as `sha256sum --check` reads it."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(out.iterdir())
    ]
    (out / "SHA256SUMS").write_text("".join(lines))


def npm(directory: Path, *arguments: str) -> str:
    """Run npm there; gives what it printed."""
    node = ROOT / "tests" / "clients" / "run_node.py"
    return run(sys.executable, node, "npm", *arguments, directory=directory)


def run(*command: str | Path, directory: Path = ROOT) -> str:
    """Run a command to its end; gives what it printed.

    Raises:
        ReleaseRefused: it failed; what it said is in the message.
    """
    environment = installation.surroundings() | {"SOURCE_DATE_EPOCH": NO_TIME}
    ended = subprocess.run(  # noqa: S603 - ours
        tuple(map(str, command)),
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        words = " ".join(map(str, command))
        raise ReleaseRefused(f"`{words}` failed in {directory}:\n{ended.stdout}{ended.stderr}")
    return ended.stdout


if __name__ == "__main__":
    sys.exit(main())
