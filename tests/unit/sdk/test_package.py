"""The package that is built has what its users need: types that a strict checker sees."""

import dataclasses
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from headgate_sdk import types

PACKAGE = Path(__file__).parents[3] / "sdk" / "python"

WRONG = """
from headgate_sdk import AsyncHeadgate, Headgate

def waits(client: Headgate) -> None:
    client.complete("Hello").contents  # type: ignore[attr-defined]
    client.complete("Hello", temperatur=1)  # type: ignore[call-arg]
    client.complete([{"role": "nobody"}])  # type: ignore[typeddict-item]
    client.usage.get(group_by="colour")  # type: ignore[arg-type]
    client.usage.budget(scope="user")  # type: ignore[call-overload]
    for key in client.keys.list():
        key.name.upper()
    for event in client.agents.events("r"):
        event.seq + 1
    with client.stream("Hello") as stream:
        stream.final().usage.billed + 1.0

async def awaited(client: AsyncHeadgate) -> None:
    client.complete("Hello").content  # type: ignore[attr-defined]
    (await client.complete("Hello")).content.upper()
    async for key in await client.keys.list():
        key.name.upper()
    async with client.stream("Hello") as stream:
        (await stream.final()).usage.billed + 1.0
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the package as it is installed."""
    scratch = tmp_path_factory.mktemp("package")
    source = shutil.copytree(PACKAGE, scratch / "source")
    build = [sys.executable, "-m", "hatchling", "build"]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    (wheel,) = (source / "dist").glob("*.whl")
    assert list((source / "dist").glob("*.tar.gz"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(scratch / "site")
    return scratch / "site"


def values() -> list[str]:
    """The names of all values that the platform answers with."""
    return [name for name, value in vars(types).items() if dataclasses.is_dataclass(value)]


def test_the_package_says_that_it_is_typed_and_needs_one_library(site: Path) -> None:
    assert (site / "headgate_sdk" / "py.typed").exists()
    (metadata,) = site.glob("*.dist-info/METADATA")
    needs = [line for line in metadata.read_text().splitlines() if "Requires-Dist" in line]
    assert needs == ["Requires-Dist: httpx2<3,>=2"]
    assert list(site.glob("*.dist-info/licenses/LICENSE"))


def test_a_strict_type_checker_sees_every_field(site: Path, tmp_path: Path) -> None:
    """It reads all fields of all values; what is marked as wrong must be wrong to it."""
    program = ["from headgate_sdk import types", WRONG]
    for number, name in enumerate(values()):
        fields = dataclasses.fields(getattr(types, name))
        program.append(f"def read_{number}(value: types.{name}) -> None:")
        program += [f"    value.{field.name}" for field in fields]
    assert len(program) > 200
    sample = tmp_path / "sample.py"
    sample.write_text("\n".join(program))
    ended = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-version=3.11", sample.name],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "MYPYPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
