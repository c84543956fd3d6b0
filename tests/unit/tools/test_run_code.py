"""Code of callers computes, and can do nothing else."""

import os
from pathlib import Path

import pytest

from headgate.core.errors import InvalidRequest
from headgate.tools import run_code
from headgate.tools.run_code import MOST_OUTPUT_BYTES, CodeRunner

pytestmark = pytest.mark.skipif(
    os.uname().sysname != "Linux", reason="other systems have no seccomp; there the tool is off"
)


async def run(code: str) -> run_code.CodeResult:
    return await CodeRunner().run_code(code=code)


async def test_what_code_prints_is_its_result() -> None:
    result = await run("import math, json\nprint(json.dumps({'area': round(math.pi * 4, 2)}))")
    assert result == run_code.CodeResult('{"area": 12.57}\n', "", 0)


async def test_a_fault_is_told_with_its_line() -> None:
    result = await run("x = 1\nprint(x / 0)")
    assert result.exit_code == 1
    assert "line 2" in result.errors
    assert "ZeroDivisionError" in result.errors
    assert "confined_python" not in result.errors


@pytest.mark.parametrize(("code", "exit_code"), [("raise SystemExit(3)", 3), ("exit_ = 1", 0)])
async def test_code_ends_as_it_says(code: str, exit_code: int) -> None:
    assert (await run(code)).exit_code == exit_code


ESCAPES = {
    "reads a file": "print(open('/etc/passwd').read())",
    "reads past Python": "import os; print(os.read(os.open('/etc/passwd', 0), 9))",
    "writes a file": "open('{place}', 'w').write('x')",
    "makes a directory": "import os; os.mkdir('{place}')",
    "removes a file": "import os; os.unlink('{place}')",
    "lists": "import os; print(os.listdir('/'))",
    "asks about a file": "import os; print(os.stat('/etc/passwd'))",
    "runs a program": "import os; os.execv('/bin/sh', ['sh', '-c', 'echo free'])",
    "forks": "import os; print(os.fork())",
    "runs by the shell": "import os; print('free' if os.system('true') == 0 else 1 / 0)",
    "signals": "import os; os.kill(os.getppid(), 9)",
    "opens a socket": (
        "import ctypes; print('free' if ctypes.CDLL(None).socket(2, 1, 0) >= 0 else 1 / 0)"
    ),
    "makes memory a file": (
        "import ctypes; print('free' if ctypes.CDLL(None).memfd_create(b'x', 0) >= 0 else 1 / 0)"
    ),
    "traces": (
        "import ctypes; print('free' if ctypes.CDLL(None).ptrace(0, 0, 0, 0) == 0 else 1 / 0)"
    ),
    "lifts its limits": (
        "import resource; resource.setrlimit(resource.RLIMIT_CPU, (99, 99)); print('free')"
    ),
    "loosens the filter": (
        "import ctypes; print('free' if ctypes.CDLL(None).prctl(22, 0, 0, 0, 0) == 0 else 1 / 0)"
    ),
    "loads a module": "import socket; print('free')",
}


@pytest.mark.parametrize("attempt", ESCAPES)
async def test_code_cannot_reach_the_host(attempt: str, tmp_path: Path) -> None:
    place = tmp_path / "place"
    result = await run(ESCAPES[attempt].replace("{place}", str(place)))
    assert result.exit_code != 0
    assert "free" not in result.output
    assert "root:" not in result.output
    assert not place.exists()


async def test_code_sees_no_secret_of_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    result = await run("import os, sys; print(dict(os.environ), sys.argv, dir())")
    assert result.exit_code == 0
    assert "sk-secret" not in result.output


@pytest.mark.parametrize(
    "code",
    [
        "x = 'a' * 10**9",
        "x = [0] * 10**9",
        "def f(): f()\nf()",
        "x = 2 ** (10 ** 10)",
        "x = []\nwhile True: x.append('a' * 10**6)",
    ],
)
async def test_a_bomb_hurts_nobody_else(code: str) -> None:
    assert (await run(code)).exit_code != 0
    assert (await run("print(1)")).output == "1\n"


async def test_output_without_end_is_cut_and_stopped() -> None:
    result = await run("while True: print('x' * 1000)")
    assert result.truncated
    assert len(result.output) == MOST_OUTPUT_BYTES
    assert result.exit_code != 0


async def test_who_waits_without_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_code, "WALL_SECONDS", 0.5)
    runner = CodeRunner()
    runner._is_held = True
    result = await runner.run_code(code="import time\nwhile True: time.sleep(1)")
    assert (result.exit_code, "stopped after" in result.errors) == (-9, True)


async def test_where_the_kernel_does_not_hold_code_the_tool_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on a machine whose numbers of system calls are not known."""
    monkeypatch.setattr(run_code, "_TRIAL", "print('free')")
    runner = CodeRunner()
    with pytest.raises(InvalidRequest, match="run_code is off here"):
        await runner.run_code(code="print(1)")
    assert not await runner.is_held()
