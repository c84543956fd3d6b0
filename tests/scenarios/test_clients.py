"""Clients of other makers, unchanged but for their address and key.

Their programs are in `tests/clients`, one for each client, and run in environments of their own.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import client_environments
from counting_relay import relaying
from headgate_server import Caller, Headgate, Simulator

PROGRAMS = {
    "with_langchain.py": "requirements",
    "with_pydantic_ai.py": "requirements",
    "with_litellm.py": "requirements-litellm",
}
PROGRAM_SECONDS = 300
NODE_PROGRAMS = ["with_openai.mjs", "with_ai_sdk.mjs"]


@pytest.fixture(scope="module")
def environment(vendors: Simulator) -> Mapping[str, str]:
    return vendors.environment


@pytest.fixture(scope="module")
def relay(headgate: Headgate) -> Iterator[str]:
    with relaying(headgate.url) as url:
        yield url


async def settings(headgate: Headgate, admin: Caller, relay: str, home: Path) -> dict[str, str]:
    """The environment of a program, without what the machine's owner has set for such clients."""
    poor = await admin.new_key(monthlyBudget=0)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "CLIENTS_URL": headgate.url,
        "CLIENTS_KEY": headgate.admin_key,
        "CLIENTS_POOR_KEY": poor["apiKey"],
        "CLIENTS_RELAY_URL": relay,
        # Otherwise LiteLLM's start waits for a download of prices.
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }


def ended_well(command: list[str | Path], environment: Mapping[str, str]) -> None:
    """Run a program; where it fails, its words are the failure's."""
    ended = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=PROGRAM_SECONDS,
    )
    assert ended.returncode == 0, ended.stdout[-8000:] + ended.stderr[-2000:]


@pytest.mark.parametrize("program", PROGRAMS)
async def test_a_python_client(
    program: str, headgate: Headgate, admin: Caller, relay: str, tmp_path: Path
) -> None:
    python = client_environments.python(PROGRAMS[program])
    directory = client_environments.PROGRAMS
    pytest_ini = directory / "pytest.ini"
    ended_well(
        [python, "-m", "pytest", "-c", pytest_ini, directory / program],
        await settings(headgate, admin, relay, tmp_path),
    )


@pytest.mark.parametrize("program", NODE_PROGRAMS)
async def test_a_node_client(
    program: str, headgate: Headgate, admin: Caller, relay: str, tmp_path: Path
) -> None:
    modules = client_environments.node_modules()
    # Node looks for packages beside the program.
    for file in ("platform_here.mjs", program):
        shutil.copy(client_environments.PROGRAMS / file, modules)
    ended_well(
        [*client_environments.node(), "--test", modules / program],
        await settings(headgate, admin, relay, tmp_path),
    )
