import asyncio
import json
import socket
from pathlib import Path

from fake_installation import FakeInstallation, invoke
from headgate.cli import doctor
from headgate.cli.findings import Check, Finding
from headgate.core.errors import Overloaded

FINE = doctor.known("one", Finding("ok", "fine"))
LOW = doctor.known("two", Finding("warn", "low", "Make room."))


async def away() -> Finding:
    raise Overloaded("the store is away")


def test_each_check_is_a_line_with_its_remedy() -> None:
    result = invoke(FakeInstallation(findings=[FINE, LOW]), "doctor")
    assert result.exit_code == 0
    assert result.stdout == "ok    one: fine\nwarn  two: low\n      Make room.\n"


def test_something_broken_is_exit_code_1_and_does_not_hide_the_rest() -> None:
    result = invoke(FakeInstallation(findings=[Check("store", away), FINE]), "doctor")
    assert result.exit_code == 1
    assert result.stdout == "fail  store: the store is away\nok    one: fine\n"


def test_findings_for_programs() -> None:
    result = invoke(FakeInstallation(findings=[LOW]), "doctor", "--json")
    row = {"name": "two", "status": "warn", "message": "low", "remedy": "Make room."}
    assert json.loads(result.stdout) == {"ok": True, "checks": [row]}


async def test_a_check_that_hangs_does_not_hold_the_others_up() -> None:
    release = asyncio.Event()

    async def waits() -> Finding:
        await release.wait()
        return Finding("ok", "released")

    async def releases() -> Finding:
        release.set()
        return Finding("ok", "released it")

    findings = await doctor.examine([Check("a", waits), Check("b", releases)])
    assert [finding.status for _, finding in findings] == ["ok", "ok"]


async def test_a_data_directory_is_looked_at_and_not_made(tmp_path: Path) -> None:
    place = tmp_path / "new" / "data"
    finding = await doctor.data_directory(place).run()
    assert finding.status in {"ok", "warn"}
    assert "MiB free" in finding.message
    assert not place.parent.exists()


async def test_a_file_in_the_data_directory_s_place_is_broken(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    finding = await doctor.data_directory(tmp_path / "file" / "data").run()
    assert (finding.status, finding.remedy) == ("fail", "Set HEADGATE_DATA to a directory.")


async def test_a_port_in_use_is_a_warning() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        assert (await doctor.port(number).run()).status == "warn"
    assert (await doctor.port(number).run()).status == "ok"


async def test_versions_are_recent_enough_here() -> None:
    assert (await doctor.versions().run()).status == "ok"
