import socket
from pathlib import Path

import pytest

from fake_installation import FakeInstallation, invoke
from headgate.cli.dev import Place, Ports

PORTS = Ports(3000, 3001, 3002, 8000, 6379)


def place(tmp_path: Path, redis: str | None = "redis-server") -> Place:
    return Place(PORTS, {"HEADGATE_DATA": str(tmp_path)}, "ministack", redis)


def test_the_roles_share_stores_and_the_gateway_hands_runs_on(tmp_path: Path) -> None:
    roles = {part.name: part for part in place(tmp_path).roles()}
    assert list(roles) == ["agents", "tools", "gateway"]
    for name, part in roles.items():
        assert part.command[-6:] == [
            *("--role", name, "--host", "127.0.0.1", "--port", str(getattr(PORTS, name))),
        ]
        assert part.environment["HEADGATE_STORE"] == "dynamodb"
        assert part.environment["DYNAMODB_ENDPOINT"] == "http://127.0.0.1:8000"
        assert part.environment["HEADGATE_REDIS_URL"] == "redis://127.0.0.1:6379/0"
        assert part.environment["HEADGATE_DATA"] == str(tmp_path)
    assert roles["gateway"].environment["AGENT_ENDPOINT"] == "http://127.0.0.1:3001"
    assert "AGENT_ENDPOINT" not in roles["agents"].environment


def test_what_the_roles_stand_on_is_reached_from_this_machine_alone(tmp_path: Path) -> None:
    dynamodb, redis = place(tmp_path).stores()
    assert (dynamodb.environment["BIND_HOST"], dynamodb.environment["GATEWAY_PORT"]) == (
        "127.0.0.1",
        "8000",
    )
    assert dynamodb.environment["STATE_DIR"] == str(tmp_path / "dynamodb")
    assert redis.command[1:5] == ["--bind", "127.0.0.1", "--port", "6379"]


def test_without_redis_each_process_does_without(tmp_path: Path) -> None:
    alone = place(tmp_path, redis=None)
    assert [part.name for part in alone.stores()] == ["dynamodb"]
    assert "HEADGATE_REDIS_URL" not in alone.environment


def test_a_port_that_is_taken_is_said_with_its_option(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        free = "--gateway-port 0 --agents-port 0 --dynamodb-port 0 --redis-port 0"
        result = invoke(
            FakeInstallation(),
            *("dev", "--data", str(tmp_path), "--tools-port", str(port), *free.split()),
        )
    assert result.exit_code == 1
    assert f"Port {port} is in use: choose another with --tools-port" in result.stderr


FREE = [f"--{name}-port=0" for name in Ports._fields]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which programs are found."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    return tmp_path


def test_a_part_that_does_not_start_ends_all(programs: Path, tmp_path: Path) -> None:
    program = programs / "ministack"
    program.write_text("#!/bin/sh\necho no room; exit 3\n")
    program.chmod(0o755)
    result = invoke(FakeInstallation(), "dev", "--data", str(tmp_path), *FREE)
    assert result.exit_code == 1
    assert "redis-server is not installed" in result.stdout
    assert "dynamodb | no room" in result.stdout
    assert "dynamodb has ended by itself (exit code 3), so all were ended" in result.stderr


def test_without_ministack_it_says_what_to_install(programs: Path, tmp_path: Path) -> None:
    result = invoke(FakeInstallation(), "dev", "--data", str(tmp_path), *FREE)
    assert result.exit_code == 1
    assert "MiniStack" in result.stderr
    assert "pip install ministack" in " ".join(result.stderr.split())


def test_an_impossible_port_is_exit_code_2() -> None:
    assert invoke(FakeInstallation(), "dev", "--gateway-port", "70000").exit_code == 2
