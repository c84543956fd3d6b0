import textwrap
from pathlib import Path

import pytest

from fake_installation import FakeInstallation, invoke
from headgate.cli import deploy


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose program writes down what it was told, and ends with 3."""
    monkeypatch.setattr(deploy, "PACKAGE", tmp_path / "src" / "headgate")
    program = tmp_path / "infra" / "deploy.py"
    program.parent.mkdir()
    told = tmp_path / "told"
    program.write_text(
        textwrap.dedent(f"""
            import pathlib, sys
            pathlib.Path({str(told)!r}).write_text(" ".join(sys.argv[1:]))
            sys.exit(3)
        """)
    )
    return tmp_path


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("deploy", "deploy"),
        (
            "deploy --yes -c egress=nat -c image=x",
            "deploy --context egress=nat --context image=x --yes",
        ),
        ("destroy --yes", "destroy --yes"),
    ],
)
def test_the_checkouts_program_does_it_and_its_exit_code_is_the_commands(
    checkout: Path, words: str, told: str
) -> None:
    result = invoke(FakeInstallation(), *words.split())
    assert result.exit_code == 3
    assert (checkout / "told").read_text() == told


def test_an_installed_package_says_where_the_stacks_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploy, "PACKAGE", tmp_path / "site-packages" / "headgate")
    result = invoke(FakeInstallation(), "deploy")
    assert result.exit_code == 1
    assert "Clone Headgate's repository" in result.stderr


def test_what_developers_have_installed_is_named_where_it_is_missing() -> None:
    assert deploy.missing_modules(["json", "no_such_module"]) == ["no_such_module"]
