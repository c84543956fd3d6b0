import json
from pathlib import Path

from fake_installation import FakeInstallation, invoke


def test_a_backup_says_where_it_is_and_what_is_not_in_it() -> None:
    result = invoke(FakeInstallation(), "backup", "monday.tgz")
    assert result.stdout == (
        "monday.tgz: 12.3 MB, as of 2026-11-23T12:00:00+00:00\nNot in it:\n- The moon.\n"
    )


def test_a_program_reads_it_as_json() -> None:
    result = invoke(FakeInstallation(), "backup", "monday", "--json")
    assert json.loads(result.stdout) == {
        "path": "monday",
        "bytes": 12_340_000,
        "takenAt": "2026-11-23T12:00:00+00:00",
        "leftOut": ["The moon."],
    }


def test_restoring_says_what_to_do_next(tmp_path: Path) -> None:
    installation = FakeInstallation()
    result = invoke(installation, "restore", str(tmp_path), "--data", "new")
    assert installation.served == [(tmp_path,)]
    assert "headgate serve --data new\n" in result.stdout
    assert invoke(installation, "restore", str(tmp_path / "none")).exit_code == 2
