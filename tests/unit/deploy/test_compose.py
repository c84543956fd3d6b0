"""The compose file says what the platform understands; no container is started."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml  # type: ignore[import-untyped]

from headgate.settings import VARIABLES, Role, Settings

ROOT = Path(__file__).parents[3]
COMPOSE = ROOT / "deploy" / "compose.yaml"
ROLES = {"gateway": 3000, "agents": 3001, "tools": 3002}
OTHERS = {"dynamodb": 8000, "redis": 6379}
# A value that is taken from the environment.
GIVEN = re.compile(r"\$\{(\w+):[-?]")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
    return content


def test_every_part_has_its_port_on_this_machine_alone(services: dict[str, Any]) -> None:
    ports = {name: service["ports"] for name, service in services.items()}
    assert ports == {name: [f"127.0.0.1:{port}:{port}"] for name, port in (ROLES | OTHERS).items()}


@pytest.mark.parametrize("role", ROLES)
def test_a_part_is_served_as_its_role(services: dict[str, Any], role: str) -> None:
    command = services[role]["command"]
    assert role in get_args(Role)
    assert command == ["serve", "--role", role, "--host", "0.0.0.0", "--port", str(ROLES[role])]
    assert services[role]["volumes"] == [f"{role}:/data"]


@pytest.mark.parametrize("role", ROLES)
def test_its_environment_is_one_that_the_platform_takes(
    services: dict[str, Any], role: str, tmp_path: Path
) -> None:
    """With secrets that meet production's demands, and an empty text where none was given."""
    environment: dict[str, str] = services[role]["environment"]
    assert set(environment) <= {variable.name for variable, _ in VARIABLES.values()}
    secret = "0123456789abcdef" * 4
    given = {
        name: value if not GIVEN.match(value) else secret if ":?" in value else ""
        for name, value in environment.items()
    }
    settings = Settings.load(given, tmp_path)
    assert settings.store == "dynamodb"
    assert settings.redis_url is not None


def test_no_secret_stands_in_it(services: dict[str, Any]) -> None:
    secrets = {variable.name for variable, kind in VARIABLES.values() if "Secret" in str(kind)}
    for role in ROLES:
        for name, value in services[role]["environment"].items():
            # Redis is reached by the parts alone, and has no password.
            if name in secrets - {"HEADGATE_REDIS_URL"}:
                assert GIVEN.match(value), name


def test_parts_find_each_other_by_their_names(services: dict[str, Any]) -> None:
    addresses = re.findall(r"\w+://(\w+):(\d+)", str(services["gateway"]["environment"]))
    known = ROLES | OTHERS
    assert {(name, int(port)) for name, port in addresses} == {
        (name, known[name]) for name in ("agents", "dynamodb", "redis")
    }


def test_what_is_built_is_there(services: dict[str, Any]) -> None:
    build = services["gateway"]["build"]
    context = (COMPOSE.parent / build["context"]).resolve()
    dockerfile = context / build["dockerfile"]
    assert dockerfile.exists()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile.read_text(), re.MULTILINE)
    assert copied
    assert all((context / name).exists() for names in copied for name in names.split())
