"""What the benchmark needs on the machine, installed where that is ours to do."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from peers import LITELLM, LITELLM_VENV, PORTKEY, PORTKEY_VENV, ROOT

HERE = Path(__file__).resolve().parent
RUN_NODE = ROOT / "tests" / "clients" / "run_node.py"

# Debian's package for each program.
_PACKAGES = {"nginx": "nginx-light", "wrk": "wrk", "taskset": "util-linux"}
# Where Debian keeps nginx; an ordinary user's PATH may lack it.
_SYSTEM_PROGRAMS = "/usr/sbin"


class Missing(Exception):
    """Something is not there and cannot be installed from here; the message says what to do."""


def programs() -> None:
    """Make sure of nginx, wrk and taskset; root on Debian gets them installed.

    Raises:
        Missing: one is not there and this is not root on Debian, or the installation failed.
    """
    if _SYSTEM_PROGRAMS not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] += os.pathsep + _SYSTEM_PROGRAMS
    missing = [program for program in _PACKAGES if shutil.which(program) is None]
    if not missing:
        return
    install = ["apt-get", "install", "--yes", *(_PACKAGES[program] for program in missing)]
    advice = f"The benchmark needs {', '.join(missing)}. On Debian: {' '.join(install)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Missing(advice)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], install):
        if subprocess.run(command, check=False, env=environment, stdout=sys.stderr).returncode:
            raise Missing(advice)


def litellm() -> None:
    """Make LiteLLM's own environment, with the versions that `requirements-litellm.txt` pins.

    Does nothing that takes time when it is there already.

    Raises:
        Missing: it could not be made.
    """
    _python(LITELLM_VENV, HERE / "requirements-litellm.txt")


def portkey() -> None:
    """Make Portkey's own environment: Node, and what `portkey/package-lock.json` pins.

    Does nothing that takes time when it is there already.

    Raises:
        Missing: it could not be made.
    """
    _python(PORTKEY_VENV, HERE / "requirements-portkey.txt")
    lock, installed = HERE / "portkey" / "package-lock.json", PORTKEY_VENV / "installed.lock"
    if installed.exists() and installed.read_bytes() == lock.read_bytes():
        return
    for file in (lock, lock.with_name("package.json")):
        shutil.copy(file, PORTKEY_VENV)
    python = PORTKEY_VENV / "bin" / "python"
    install = ("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
    _run((python, RUN_NODE, *install), PORTKEY_VENV)
    shutil.copy(lock, installed)


PEERS: Mapping[str, Callable[[], None]] = {LITELLM: litellm, PORTKEY: portkey}


def _python(environment: Path, requirements: Path) -> None:
    """An environment that holds exactly what `requirements` pins."""
    uv = Path(sys.executable).with_name("uv")
    python = environment / "bin" / "python"
    if not python.exists():
        # The same Python for all sides.
        _run((uv, "venv", "--quiet", "--python", sys.executable, environment), HERE)
    install = ("pip", "sync", "--quiet", "--require-hashes", "--python", python)
    _run((uv, *install, requirements), HERE)


def _run(command: Sequence[str | Path], directory: Path) -> None:
    try:
        subprocess.run(command, cwd=directory, stdout=sys.stderr, check=True)
    except FileNotFoundError:
        raise Missing(f"{Path(command[0]).name} is missing, which `make setup` brings") from None
    except subprocess.CalledProcessError:
        raise Missing("its packages could not be installed") from None
