"""The zip that every function runs: the locked packages for arm64, the platform, and a wrapper.

It is made without Docker, since every package has a wheel for the target, and twice the same from
the same sources. `make bundle` runs this, with the platform's own environment.
"""

import argparse
import compileall
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "bundle"
PYTHON = "3.13"
PLATFORM = "aarch64-manylinux_2_28"
# The wrapper is run with the runtime's interpreter as its first argument.
WRAPPER = """#!/bin/sh
exec "$1" -B -m headgate.bootstrap
"""
# Only those who work on agent runs need these, and that is done by tasks.
LEFT_OUT = ("dbos", "greenlet", "psycopg", "psycopg-binary", "sqlalchemy")
FORBIDDEN = ("boto3", "botocore", "aiobotocore")
# What Lambda takes, unzipped.
MOST_BYTES = 250 * 1024 * 1024
_AARCH64 = 183
# A zip knows no earlier time.
_EPOCH = (1980, 1, 1, 0, 0, 0)


class BundleRefused(Exception):
    """The zip would not run, or not as it should."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the zip, check it, and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=BUILD / "headgate.zip")
    parser.add_argument(
        "--compile-with",
        help=f"a Python {PYTHON} that compiles; without it python{PYTHON} in the PATH does",
    )
    options = parser.parse_args(arguments)
    content = options.out.parent / "content"
    shutil.rmtree(content, ignore_errors=True)
    try:
        install(content, PLATFORM)
        add_platform(content)
        compiler = options.compile_with or found_python()
        if compiler is not None:
            compile_all(content, compiler)
        pack(content, options.out)
        check(options.out)
    except BundleRefused as error:
        print(error, file=sys.stderr)
        return 1
    unzipped = sum(path.stat().st_size for path in files(content))
    print(
        f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB,"
        f" unzipped {unzipped / 1e6:.1f} MB"
    )
    if compiler is None:
        print(
            f"Each cold start has to compile it, which more than doubles its time: there is no"
            f" python{PYTHON} here. Install one, or name it with --compile-with."
        )
    return 0


def install(content: Path, platform: str) -> None:
    """Put the locked packages for a platform into a directory.

    Raises:
        BundleRefused: there is no wheel of one, or its hash is another.
    """
    uv = Path(sys.executable).with_name("uv")
    command: list[str | Path] = [uv, "pip", "install", "--quiet", "--require-hashes"]
    command += ["--target", content]
    command += ["--python-platform", platform, "--python-version", PYTHON, "--no-deps"]
    command += ["--only-binary", ":all:", "-r", requirements(content.with_suffix(".txt"))]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if ended.returncode:
        raise BundleRefused(f"the packages could not be installed: {ended.stderr[-2000:]}")


def requirements(path: Path) -> Path:
    """Write the lock without what functions do not need."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept: list[str] = []
    keeping = True
    for line in (ROOT / "requirements" / "runtime.txt").read_text().splitlines():
        if line and not line.startswith((" ", "#")):
            keeping = line.partition("==")[0].partition("[")[0] not in LEFT_OUT
        if keeping:
            kept.append(line)
    path.write_text("\n".join(kept) + "\n")
    return path


def add_platform(content: Path) -> None:
    """Put the platform and the wrapper beside the packages."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src" / "headgate", content / "headgate", ignore=ignored)
    # Programs that packages bring would carry the path of this machine's Python.
    shutil.rmtree(content / "bin", ignore_errors=True)
    wrapper = content / "bootstrap"
    wrapper.write_text(WRAPPER)
    wrapper.chmod(0o755)


def found_python() -> str | None:
    """The function's Python in the PATH; a name that is there may stand for none, as pyenv's do."""
    try:
        name = f"python{PYTHON}"
        return _output([name, "-c", "import sys; print(sys.executable)"]).strip()
    except BundleRefused:
        return None


def compile_all(content: Path, python: str) -> None:
    """Compile everything, so that a cold start does not: what it compiles it cannot keep.

    Raises:
        BundleRefused: that Python is another than the function's.
    """
    told = _output([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
    if told.strip() != PYTHON:
        raise BundleRefused(f"{python} is Python {told.strip()}; give a Python {PYTHON}")
    # A package may hold files for other Pythons; those stay as they are.
    mode = "unchecked-hash"
    arguments = ["-q", "-j", "0", "--invalidation-mode", mode, "-s", str(content), str(content)]
    subprocess.run([python, "-m", compileall.__name__, *arguments], check=False)  # noqa: S603 - ours


def pack(content: Path, out: Path) -> None:
    """Zip a directory, the same for the same files."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in files(content):
            entry = zipfile.ZipInfo(path.relative_to(content).as_posix(), _EPOCH)
            mode = 0o755 if os.access(path, os.X_OK) else 0o644
            entry.external_attr = (stat.S_IFREG | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())


def files(directory: Path) -> Iterator[Path]:
    """All files below a directory, in one order, without the marks of whoever installed them."""
    marks = {".lock", "RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"}
    for path in sorted(directory.rglob("*")):
        if path.is_file() and path.name not in marks:
            yield path


def check(bundle: Path) -> None:
    """Look into a zip.

    Raises:
        BundleRefused: Lambda would not run it on arm64, or it holds what it should not.
    """
    with zipfile.ZipFile(bundle) as archive:
        names = set(archive.namelist())
        found = [name for name in FORBIDDEN if f"{name}/__init__.py" in names]
        if found:
            raise BundleRefused(f"the bundle holds {', '.join(found)}")
        if "headgate/bootstrap/__main__.py" not in names or "bootstrap" not in names:
            raise BundleRefused("the bundle has no entry point")
        if not archive.getinfo("bootstrap").external_attr >> 16 & stat.S_IXUSR:
            raise BundleRefused("the wrapper cannot be run")
        size = sum(one.file_size for one in archive.infolist())
        if size > MOST_BYTES:
            raise BundleRefused(f"unzipped it has {size} bytes, and Lambda takes {MOST_BYTES}")
        for name in names:
            if name.endswith(".so") or ".so." in name:
                machine = int.from_bytes(archive.open(name).read(20)[18:20], "little")
                if machine != _AARCH64:
                    raise BundleRefused(f"{name} is for another processor than arm64")


def _output(command: Sequence[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - ours
    except (OSError, subprocess.CalledProcessError) as error:
        raise BundleRefused(f"{command[0]} could not be run: {error}") from None


if __name__ == "__main__":
    sys.exit(main())
