"""Each thing that a release must not hold is found in an archive that is good but for it."""

import base64
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

import archives

INFO = "headgate-1.0.dist-info"
METADATA = b"Metadata-Version: 2.4\nName: headgate\nVersion: 1.0\n"
GOOD = {
    "headgate/py.typed": b"",
    "headgate/dashboard/static/index.html": b"<html>",
    "headgate/dashboard/static/assets/page.js": b"show()",
    "headgate/dashboard/static/licences.txt": b"MIT",
    f"{INFO}/licenses/LICENSE": b"MIT",
    f"{INFO}/METADATA": METADATA,
}
PACKAGE = {
    "package/package.json": json.dumps({"exports": {".": {"default": "./dist/index.js"}}}).encode(),
    "package/dist/index.js": b"export {}",
    "package/LICENSE": b"MIT",
}
LOCK = "starlette==1.0 ; sys_platform == 'linux' \\\n    --hash=sha256:00\n"
STARLETTE = {"name": "starlette", "version": "1.0", "hashes": [{"alg": "SHA-256"}]}


def wheel(directory: Path, content: Mapping[str, bytes], **recorded: str) -> Path:
    """A wheel of these files, whose RECORD tells their hashes, or what is given instead."""
    rows = [f"{INFO}/RECORD,,"]
    for name, data in content.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append(f"{name},{recorded.get(Path(name).stem, f'sha256={digest}')},{len(data)}")
    path = directory / "headgate-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**content, f"{INFO}/RECORD": "\n".join(rows).encode()}.items():
            archive.writestr(name, data)
    return path


def package(directory: Path, content: Mapping[str, bytes]) -> Path:
    """An npm package of these files."""
    path = directory / "headgate-sdk-1.0.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def test_nothing_is_wrong_with_a_good_wheel(tmp_path: Path) -> None:
    good = wheel(tmp_path, GOOD)
    assert [*archives.faults_of_platform(good), *archives.faults_of_any(good)] == []


@pytest.mark.parametrize(
    ("name", "data", "fault"),
    [
        ("headgate.pth", b"import os", "holds headgate.pth"),
        ("headgate/dashboard/static/page.js.map", b"{}", "holds headgate/dashboard/static/page.js"),
        ("headgate/__pycache__/core.cpython.pyc", b"", "holds headgate/__pycache__"),
        ("headgate/dashboard/static/a.js", b"//# sourceMappingURL=a.js.map", "a source map"),
    ],
)
def test_what_no_archive_may_hold_is_found(
    tmp_path: Path, name: str, data: bytes, fault: str
) -> None:
    found = list(archives.faults_of_any(wheel(tmp_path, {**GOOD, name: data})))
    assert len(found) == 1
    assert fault in found[0]


@pytest.mark.parametrize(
    ("missing", "fault"),
    [
        ("headgate/py.typed", "lacks headgate/py.typed"),
        ("headgate/dashboard/static/index.html", "holds no dashboard"),
        ("headgate/dashboard/static/licences.txt", "lacks the licences"),
    ],
)
def test_what_the_platform_needs_is_missed(tmp_path: Path, missing: str, fault: str) -> None:
    rest = {name: data for name, data in GOOD.items() if name != missing}
    found = list(archives.faults_of_platform(wheel(tmp_path, rest)))
    assert len(found) == 1
    assert fault in found[0]


def test_a_wheel_without_a_licence_is_refused(tmp_path: Path) -> None:
    rest = {name: data for name, data in GOOD.items() if not name.endswith("LICENSE")}
    assert "holds no LICENSE" in next(archives.faults_of_any(wheel(tmp_path, rest)))


def test_a_package_beside_the_platform_is_refused(tmp_path: Path) -> None:
    found = list(archives.faults_of_platform(wheel(tmp_path, {**GOOD, "tests/test_it.py": b""})))
    assert "would put tests beside" in found[0]


def test_a_record_with_another_hash_is_refused(tmp_path: Path) -> None:
    found = list(archives.faults_of_platform(wheel(tmp_path, GOOD, page="sha256=AAAA")))
    assert "page.js has another hash" in found[0]


def test_metadata_that_a_registry_refuses_is_refused(tmp_path: Path) -> None:
    broken = {**GOOD, f"{INFO}/METADATA": METADATA + b"Requires-Dist: not a requirement!\n"}
    assert "METADATA is refused" in next(archives.faults_of_platform(wheel(tmp_path, broken)))


def test_wheels_with_different_files_differ(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    one = wheel(tmp_path / "one", GOOD)
    assert list(archives.differences(one, wheel(tmp_path / "other", GOOD))) == []
    other = wheel(tmp_path / "other", {**GOOD, "headgate/more.py": b""})
    assert any("headgate/more.py differs" in fault for fault in archives.differences(one, other))


def test_nothing_is_wrong_with_a_good_package(tmp_path: Path) -> None:
    good = package(tmp_path, PACKAGE)
    assert [*archives.faults_of_typescript_sdk(good), *archives.faults_of_any(good)] == []


def test_a_package_without_what_it_exports_is_refused(tmp_path: Path) -> None:
    rest = {name: data for name, data in PACKAGE.items() if not name.endswith("index.js")}
    found = list(archives.faults_of_typescript_sdk(package(tmp_path, rest)))
    assert found == ["headgate-sdk-1.0.tgz lacks ./dist/index.js, which it exports as default"]


@pytest.mark.parametrize(
    ("components", "fault"),
    [
        ([STARLETTE], ""),
        ([], "does not name starlette 1.0"),
        ([{"name": "starlette", "version": "1.0"}], "has no hash of starlette 1.0"),
    ],
)
def test_a_bill_names_everything_locked_with_its_hash(
    tmp_path: Path, components: list[object], fault: str
) -> None:
    bill = tmp_path / "bill.json"
    bill.write_text(json.dumps({"components": components}))
    assert [one for one in archives.faults_of_bill(bill, LOCK) if fault not in one] == []
    assert len(list(archives.faults_of_bill(bill, LOCK))) == bool(fault)
