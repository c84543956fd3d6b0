"""The lock and `pyproject.toml` agree, and the lock is safe to install anywhere.

No network is needed: what is compared is what stands in the files.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
RUNTIME = ROOT / "requirements" / "runtime.txt"
DEV = ROOT / "requirements" / "dev.txt"
ADVICE = "run `make lock`"

_DIRECT = re.compile(r"headgate \(pyproject\.toml")
_ADDRESS = re.compile(r"://|^\s*-|file:| @ ", re.MULTILINE)


@dataclass(frozen=True)
class Pin:
    """A locked package.

    Attributes:
        direct: whether the lock says that `pyproject.toml` asks for it.
    """

    requirement: Requirement
    hashes: tuple[str, ...]
    direct: bool

    @property
    def version(self) -> str:
        return str(self.requirement.specifier).removeprefix("==")


def pins(text: str) -> dict[str, Pin]:
    """The packages of a lock file by name."""
    found: dict[str, Pin] = {}
    for entry in re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]:
        requirement = Requirement(entry.splitlines()[0].removesuffix("\\"))
        name = canonicalize_name(requirement.name)
        assert name not in found, f"{name} stands twice in the lock"
        hashes = tuple(re.findall(r"--hash=(sha256:[0-9a-f]{64})", entry))
        found[name] = Pin(requirement, hashes, bool(_DIRECT.search(entry)))
    return found


def requirements(*, dev: bool) -> list[Requirement]:
    """What `pyproject.toml` asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    texts = [*project["project"]["dependencies"], *(project["dependency-groups"]["dev"] * dev)]
    return [Requirement(text) for text in texts]


def disagreements(wanted: list[Requirement], locked: dict[str, Pin]) -> list[str]:
    """What a lock lacks, has in a version that is not allowed, or has without need."""
    by_name = {canonicalize_name(one.name): one for one in wanted}
    lacking = [name for name in by_name if name not in locked]
    refused = [
        f"{one} but {locked[name].version} is locked"
        for name, one in by_name.items()
        if name in locked and not one.specifier.contains(locked[name].version, prereleases=True)
    ]
    needless = [name for name, pin in locked.items() if pin.direct and name not in by_name]
    return lacking + refused + needless


def test_the_runtime_lock_holds_what_the_package_needs() -> None:
    assert not disagreements(requirements(dev=False), pins(RUNTIME.read_text())), ADVICE


def test_the_development_lock_holds_the_tools_too() -> None:
    assert not disagreements(requirements(dev=True), pins(DEV.read_text())), ADVICE


def test_development_runs_on_what_will_be_deployed() -> None:
    """Every package of the runtime is in the development lock, with the same files."""
    runtime, dev = pins(RUNTIME.read_text()), pins(DEV.read_text())
    assert {name: pin.hashes for name, pin in runtime.items()} == {
        name: dev[name].hashes for name in runtime
    }, ADVICE


def test_what_builds_the_package_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    build = [Requirement(text) for text in project["build-system"]["requires"]]
    locked = pins(DEV.read_text())
    assert all(one.specifier.contains(locked[canonicalize_name(one.name)].version) for one in build)


@pytest.mark.parametrize("path", [RUNTIME, DEV], ids=lambda path: path.name)
def test_a_lock_has_hashes_and_names_no_place(path: Path) -> None:
    text = path.read_text()
    assert all(pin.hashes for pin in pins(text).values())
    without_hashes = re.sub(r"^ +--hash=.*$|^ *#.*$", "", text, flags=re.MULTILINE)
    assert not _ADDRESS.search(without_hashes)
    assert "://" not in text


LOCKED = f"""# Made by a test.
one==1.2 ; sys_platform == 'linux' \\
    --hash=sha256:{"a" * 64}
    # via
    #   headgate (pyproject.toml)
    #   two
two==2.0 \\
    --hash=sha256:{"b" * 64}
    # via headgate (pyproject.toml:dev)
three==3.0
    # via one
"""


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (["one>=1", "Two<3"], []),
        (["one>=1", "two", "four"], ["four"]),
        (["one>=2", "two"], ["one>=2 but 1.2 is locked"]),
        (["one"], ["two"]),
    ],
)
def test_a_lock_that_is_out_of_step_is_found(wanted: list[str], found: list[str]) -> None:
    assert disagreements([Requirement(text) for text in wanted], pins(LOCKED)) == found


def test_a_pin_without_a_hash_is_seen() -> None:
    assert [name for name, pin in pins(LOCKED).items() if not pin.hashes] == ["three"]
