"""What must be in the archives of a release, and what must not.

Each function gives sentences about what is wrong with a file; none means that nothing is.
"""

import base64
import csv
import hashlib
import io
import json
import re
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.metadata import InvalidMetadata, Metadata

PAGES = "headgate/dashboard/static/"
# A `.pth` file runs code whenever Python starts, a source map gives away where it was built.
FORBIDDEN = (".pth", ".map", ".env", ".pyc", ".db", ".sqlite")
MAP_REFERENCE = b"sourceMappingURL="
MOST_BYTES = 8 * 1024 * 1024
_PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)", re.MULTILINE)
_JAVASCRIPT = (".js", ".mjs", ".css")


def content_of(archive: Path) -> dict[str, bytes]:
    """The files of a wheel, an sdist or an npm package, by their names in it."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return {name: wheel.read(name) for name in wheel.namelist() if not name.endswith("/")}
    with tarfile.open(archive) as package:
        return {
            member.name: opened.read()
            for member in package.getmembers()
            if member.isfile() and (opened := package.extractfile(member))
        }


def faults_of_any(path: Path) -> Iterator[str]:
    """What no archive of ours may hold."""
    if path.suffix not in {".whl", ".gz", ".tgz"}:
        return
    if path.stat().st_size > MOST_BYTES:
        yield f"{path.name} is {path.stat().st_size:,} bytes, more than {MOST_BYTES:,}"
    content = content_of(path)
    if not any(name.rsplit("/", 1)[-1] == "LICENSE" for name in content):
        yield f"{path.name} holds no LICENSE"
    for name, data in content.items():
        if name.endswith(FORBIDDEN) or "/__pycache__/" in name:
            yield f"{path.name} holds {name}"
        if name.endswith(_JAVASCRIPT) and MAP_REFERENCE in data:
            yield f"{path.name}: {name} refers to a source map"


def faults_of_platform(wheel: Path) -> Iterator[str]:
    """What the platform's wheel lacks."""
    content = content_of(wheel)
    pages = {name.removeprefix(PAGES) for name in content if name.startswith(PAGES)}
    if "index.html" not in pages or not any(name.endswith(".js") for name in pages):
        yield f"{wheel.name} holds no dashboard"
    if "licences.txt" not in pages:
        yield f"{wheel.name} lacks the licences of what its dashboard is made of"
    if "headgate/py.typed" not in content:
        yield f"{wheel.name} lacks headgate/py.typed"
    strangers = sorted(
        {name.split("/", 1)[0] for name in content if not name.startswith("headgate")}
    )
    if strangers:
        yield f"{wheel.name} would put {', '.join(strangers)} beside the platform"
    yield from _faults_of_record(wheel.name, content)


def faults_of_python_sdk(wheel: Path) -> Iterator[str]:
    """What the Python SDK's wheel lacks."""
    content = content_of(wheel)
    if "headgate_sdk/py.typed" not in content:
        yield f"{wheel.name} lacks headgate_sdk/py.typed"
    yield from _faults_of_record(wheel.name, content)


def faults_of_typescript_sdk(package: Path) -> Iterator[str]:
    """What the TypeScript SDK's package lacks."""
    content = content_of(package)
    manifest = json.loads(content["package/package.json"])
    for kind, file in manifest["exports"]["."].items():
        if f"package/{file.removeprefix('./')}" not in content:
            yield f"{package.name} lacks {file}, which it exports as {kind}"
    if manifest.get("dependencies"):
        yield f"{package.name} depends on {', '.join(manifest['dependencies'])}"


def differences(one: Path, other: Path) -> Iterator[str]:
    """What the wheel made of the sdist does not have as the wheel made of the checkout has it."""
    first, second = content_of(one), content_of(other)
    for name in sorted(first.keys() | second.keys()):
        if first.get(name) != second.get(name):
            yield f"{one.name}: {name} differs where the wheel is built from the sdist"


def faults_of_bill(bill: Path, lock: str) -> Iterator[str]:
    """What the lock pins and the bill of materials does not name, or names without its hash."""
    listed = json.loads(bill.read_text())["components"]
    components: dict[tuple[str, str], Mapping[str, object]] = {
        (one["name"], one["version"]): one for one in listed
    }
    pinned = [(match["name"], match["version"]) for match in _PINNED.finditer(lock)]
    if not pinned:
        yield "The lock pins nothing"
    for name, number in pinned:
        component = components.get((name, number))
        if component is None:
            yield f"{bill.name} does not name {name} {number}"
        elif '"SHA-256"' not in json.dumps(component):
            yield f"{bill.name} has no hash of {name} {number}"


def _faults_of_record(wheel: str, content: Mapping[str, bytes]) -> Iterator[str]:
    """What RECORD says of other files than are there, and what PyPI would refuse in METADATA."""
    record = next(name for name in content if name.endswith(".dist-info/RECORD"))
    metadata = record.replace("RECORD", "METADATA")
    recorded = {row[0]: row[1] for row in csv.reader(io.StringIO(content[record].decode()))}
    for name in sorted(content.keys() ^ recorded.keys()):
        yield f"{wheel}: {name} is not both in the archive and in its RECORD"
    for name in sorted(content.keys() & recorded.keys() - {record}):
        digest = base64.urlsafe_b64encode(hashlib.sha256(content[name]).digest()).rstrip(b"=")
        if recorded[name] != f"sha256={digest.decode()}":
            yield f"{wheel}: {name} has another hash in its RECORD"
    try:
        Metadata.from_email(content[metadata])
    except (ExceptionGroup, InvalidMetadata) as error:
        yield f"{wheel}: its METADATA is refused: {error}"
