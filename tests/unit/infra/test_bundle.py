"""The zip of the functions: what would not run is refused, and it is the same twice."""

import os
import sys
import time
from pathlib import Path

import pytest

import bundle

ARM64 = b"\x7fELF" + bytes(14) + (183).to_bytes(2, "little")
X86 = b"\x7fELF" + bytes(14) + (62).to_bytes(2, "little")


def content(directory: Path, **more: bytes) -> Path:
    """Files as a bundle has them."""
    given = {"headgate/bootstrap/__main__.py": b"", "pkg/fast.so": ARM64} | more
    for name, data in given.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    wrapper = directory / "bootstrap"
    wrapper.write_text(bundle.WRAPPER)
    wrapper.chmod(0o755)
    return directory


def packed(tmp_path: Path, directory: Path) -> Path:
    out = tmp_path / "headgate.zip"
    bundle.pack(directory, out)
    return out


def test_a_bundle_for_arm64_is_taken(tmp_path: Path) -> None:
    bundle.check(packed(tmp_path, content(tmp_path / "content")))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"pkg/slow.so": X86}, r"pkg/slow\.so is for another processor"),
        ({"pkg/libz.so.1": X86}, "another processor"),
        ({"boto3/__init__.py": b""}, "holds boto3"),
    ],
)
def test_what_would_not_run_is_refused(
    tmp_path: Path, more: dict[str, bytes], message: str
) -> None:
    with pytest.raises(bundle.BundleRefused, match=message):
        bundle.check(packed(tmp_path, content(tmp_path / "content", **more)))


def test_a_wrapper_that_cannot_be_run_is_refused(tmp_path: Path) -> None:
    directory = content(tmp_path / "content")
    (directory / "bootstrap").chmod(0o644)
    with pytest.raises(bundle.BundleRefused, match="cannot be run"):
        bundle.check(packed(tmp_path, directory))


def test_a_bundle_without_the_platform_is_refused(tmp_path: Path) -> None:
    directory = content(tmp_path / "content")
    (directory / "headgate/bootstrap/__main__.py").unlink()
    with pytest.raises(bundle.BundleRefused, match="no entry point"):
        bundle.check(packed(tmp_path, directory))


def test_the_same_files_give_the_same_zip(tmp_path: Path) -> None:
    """Whenever they were written, and whatever the installer noted beside them."""
    first = packed(tmp_path, content(tmp_path / "one")).read_bytes()
    other = content(tmp_path / "other", **{"pkg-1.dist-info/RECORD": b"of this machine"})
    os.utime(other / "pkg/fast.so", (time.time() + 9_999, time.time() + 9_999))
    assert packed(tmp_path, other).read_bytes() == first


def test_what_only_tasks_need_is_left_out_of_the_lock(tmp_path: Path) -> None:
    text = bundle.requirements(tmp_path / "content.txt").read_text()
    assert "\nmsgspec==" in text
    assert "\ncryptography==" in text
    assert not [name for name in bundle.LEFT_OUT if f"\n{name}==" in text]
    assert text.count("--hash=") > 100


def test_a_python_of_another_version_does_not_compile(tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\necho 3.9\n")
    other.chmod(0o755)
    with pytest.raises(bundle.BundleRefused, match=r"Python 3\.9; give a Python 3\.13"):
        bundle.compile_all(tmp_path, str(other))


@pytest.mark.parametrize(
    ("script", "is_found"),
    [('exec {python} "$@"', True), ("echo 'not there' >&2; exit 127", False)],
)
def test_a_python_that_is_named_but_not_there_does_not_compile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, *, is_found: bool
) -> None:
    """As those of pyenv that another version has."""
    shim = tmp_path / f"python{bundle.PYTHON}"
    shim.write_text(f"#!/bin/sh\n{script.format(python=sys.executable)}\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (bundle.found_python() is not None) == is_found
