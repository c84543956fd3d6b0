"""Every example is run as its page says, against one platform whose only vendor is a simulator."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import client_environments
from free_ports import held_port
from headgate_server import Headgate, Simulator
from scenarios.readme import Place, follow_page

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
PAGES = {page.parent.name: page.read_text() for page in sorted(EXAMPLES.glob("*/README.md"))}
TOOL = EXAMPLES / "custom_tool"
LANGCHAIN = "python examples/drop_in/with_langchain.py"
APP_PORT = "8090"
NOT_RUN = {
    "make run": "one platform runs for all of them",
    "headgate simulate --port 3100": "its vendor is the simulator already",
    "OPENAI_BASE_URL=http://127.0.0.1:3100/openai/v1 make run": "the platform runs like that",
    ".venv/bin/uv pip install --python .venv/bin/python --no-deps ./examples/custom_tool": (
        "it is installed beside the platform that runs, and not into this environment"
    ),
}


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the package of the example with a tool is installed."""
    target = tmp_path_factory.mktemp("tools")
    uv = Path(sys.executable).with_name("uv")
    install = (uv, "pip", "install", "--quiet", "--python", sys.executable, "--no-deps")
    subprocess.run([*install, "--no-build-isolation", "--target", target, TOOL], check=True)
    return target


@pytest.fixture(scope="module")
def environment(vendors: Simulator, tools: Path) -> Mapping[str, str]:
    before = os.environ.get("PYTHONPATH", "")
    return {
        "OPENAI_BASE_URL": vendors.openai_url,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(tools), before))),
    }


def test_every_example_has_its_page_and_is_listed() -> None:
    listed = (EXAMPLES / "README.md").read_text()
    programs = {path.parent for path in EXAMPLES.glob("*/*.py")} | {TOOL}
    assert {program.name for program in programs} == PAGES.keys()
    for name in PAGES:
        assert f"({name}/README.md)" in listed


@pytest.mark.parametrize("name", PAGES)
async def test_an_example_does_what_its_page_says(
    name: str, headgate: Headgate, tmp_path: Path
) -> None:
    text = PAGES[name]
    if LANGCHAIN in text:
        python = client_environments.python("requirements")
        text = text.replace(LANGCHAIN, LANGCHAIN.replace("python", str(python), 1))
    place = Place(headgate.url.removeprefix("http://"), headgate.admin_key)
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }
    with held_port() as port:
        text = text.replace(APP_PORT, str(port))
        count = await follow_page(
            text, ROOT, tmp_path, place=place, not_run=NOT_RUN, environment=environment
        )
    assert count > 1
