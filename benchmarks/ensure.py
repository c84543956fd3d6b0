"""What the benchmark needs on the machine, installed where that is ours to do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from peers import LITELLM_VENV

REQUIREMENTS = Path(__file__).with_name("requirements-litellm.txt")

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
    uv = Path(sys.executable).with_name("uv")
    python = LITELLM_VENV / "bin" / "python"
    commands: list[list[str | Path]] = [
        [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, REQUIREMENTS]
    ]
    if not python.exists():
        # The same Python for both sides.
        commands.insert(0, [uv, "venv", "--quiet", "--python", sys.executable, LITELLM_VENV])
    for command in commands:
        if not uv.exists() or subprocess.run(command, check=False).returncode:
            raise Missing(
                f"LiteLLM could not be installed into {LITELLM_VENV.name}. `make setup` brings the "
                "uv that this needs; without a package index use --without-litellm."
            )
