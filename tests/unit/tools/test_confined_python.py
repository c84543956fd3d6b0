"""The program that code runs in gives up what it does not need, or runs nothing."""

import subprocess
import sys
from pathlib import Path

from headgate.tools import confined_python

PROGRAM = Path(confined_python.__file__)


def test_on_a_machine_that_it_does_not_know_it_runs_nothing() -> None:
    harness = (
        "import platform, runpy\n"
        "platform.machine = lambda: 'pdp11'\n"
        f"runpy.run_path({str(PROGRAM)!r}, run_name='__main__')\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", harness],
        input="print('ran')",
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == confined_python.UNCONFINED
    assert "ran" not in ran.stdout


def test_every_machine_has_a_way_to_end_and_to_print() -> None:
    for _, left in confined_python._LEFT.values():
        assert len(left) == len(set(left))
    assert {60, 231, 1} <= set(confined_python._LEFT["x86_64"][1])
    assert {93, 94, 64} <= set(confined_python._LEFT["aarch64"][1])


def test_neither_list_leaves_a_way_to_files_sockets_or_processes() -> None:
    # open openat socket connect clone fork execve ptrace kill mount io_uring_setup
    dangerous = {
        "x86_64": {2, 41, 42, 56, 57, 58, 59, 62, 101, 165, 257, 322, 425, 435, 437},
        "aarch64": {56, 117, 129, 198, 203, 220, 221, 281, 425, 435, 437},
    }
    for machine, (_, left) in confined_python._LEFT.items():
        assert dangerous[machine].isdisjoint(left)
