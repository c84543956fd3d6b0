"""The examples of the SDKs' pages are run as they stand, against the real platform."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from headgate_server import Headgate
from scenarios.readme import Block, blocks_of

ROOT = Path(__file__).parents[2]
SDK = ROOT / "sdk"
NOT_RUN = {
    "pip install headgate-sdk": "its sources are here",
    "export HEADGATE_URL=http://127.0.0.1:3000\nexport HEADGATE_API_KEY=sk-proj-...": (
        "the test says where and who"
    ),
}
PROGRAM_SECONDS = 120


def runnable(page: Path, language: str) -> list[Block]:
    blocks = blocks_of(page.read_text(), ("sh", language))
    for block in blocks:
        assert block.language == language or block.code.strip() in NOT_RUN, block.code
    return [block for block in blocks if block.language == language]


def surroundings(headgate: Headgate) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(SDK / "python" / "src"),
        "HEADGATE_URL": headgate.url,
        "HEADGATE_API_KEY": headgate.admin_key,
    }


def printed(command: list[str], environment: dict[str, str]) -> str:
    ended = subprocess.run(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=PROGRAM_SECONDS,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


@pytest.mark.parametrize("page", [SDK / "python" / "README.md", ROOT / "docs/guides/sdk.md"])
def test_what_a_page_says_of_python_is_so(page: Path, headgate: Headgate) -> None:
    blocks = runnable(page, "python")
    assert blocks
    for block in blocks:
        told = printed([sys.executable, "-c", block.code], surroundings(headgate))
        assert block.expected is not None, block.code
        block.expected.check(told)
