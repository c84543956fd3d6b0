"""Uses a release as its first user would: in an empty environment, from its files alone."""

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import headgate_server

ROOT = Path(__file__).parents[1]
ASKED = '{"model": "sandbox", "messages": [{"role": "user", "content": "Hello"}]}'
_ASSET = re.compile(r"""(?:src|href)="([^"]+\.(?:js|css))\"""")
PYTHON_PROGRAM = """
from headgate_sdk import Headgate

with Headgate() as client:
    print(client.complete("Hello", model="sandbox").content)
"""
NODE_PROGRAM = """
import { Headgate } from "@headgate/sdk";

const answer = await new Headgate().complete({ messages: "Hello", model: "sandbox" });
console.log(answer.content);
"""


class NotUsable(Exception):
    """What was built does not work where nothing else is; the message says how."""


def surroundings() -> dict[str, str]:
    """This process's variables, without what would let it find the checkout."""
    hidden = {"PYTHONPATH", "VIRTUAL_ENV", "NODE_PATH"}
    return {name: value for name, value in os.environ.items() if name not in hidden}


def try_out(release: Path, place: Path) -> None:
    """Install everything into an empty directory, serve, ask, and look at the pages.

    Raises:
        NotUsable: something failed.
    """
    place.mkdir()
    python = installed(release, place)
    serve_and_ask(release, place, python)


def installed(release: Path, place: Path) -> Path:
    """The Python of a new environment with the platform, by the lock's hashes, and its SDK.

    Raises:
        NotUsable: it could not be installed, or needs something that the lock does not have.
    """
    uv = Path(sys.executable).with_name("uv")
    python = place / "environment" / "bin" / "python"
    install = (uv, "pip", "install", "--quiet", "--python", python)
    platform = next(release.glob("headgate-*.whl"))
    _run(place, uv, "venv", "--quiet", "--python", sys.executable, place / "environment")
    _run(place, *install, "--require-hashes", "-r", release / "requirements.txt")
    _run(place, *install, "--no-deps", platform)
    _run(place, uv, "pip", "check", "--python", python)
    _run(place, *install, next(release.glob("headgate_sdk-*.whl")))
    return python


def serve_and_ask(release: Path, place: Path, python: Path) -> None:
    """Serve with what was installed; ask by HTTP and by both SDKs.

    Raises:
        NotUsable: an answer is not what a user needs.
    """
    headgate = headgate_server.Headgate(place, program=python.with_name("headgate")).start()
    try:
        ask(headgate.url, headgate.admin_key, release, python)
    finally:
        code = headgate.stop()
    if code != 0:
        raise NotUsable(f"`headgate serve` ended with {code}:\n{headgate.outputs[-1]}")


def ask(url: str, key: str, release: Path, python: Path) -> None:
    """Look at the dashboard's page and its assets, and ask a model in three ways.

    Raises:
        NotUsable: an answer is not what a user needs.
    """
    page = _fetched(f"{url}/dashboard").decode()
    assets = _ASSET.findall(page)
    if not any(asset.endswith(".js") for asset in assets):
        raise NotUsable(f"{url}/dashboard shows no page of ours:\n{page[:2000]}")
    for asset in assets:
        _fetched(urllib.parse.urljoin(f"{url}/dashboard/", asset))
    answer = json.loads(_fetched(f"{url}/v1/complete", key, ASKED.encode()))
    place = python.parents[2]
    (place / "ask.py").write_text(PYTHON_PROGRAM)
    (place / "ask.mjs").write_text(NODE_PROGRAM)
    package = next(release.glob("headgate-sdk-*.tgz"))
    node = (sys.executable, ROOT / "tests" / "clients" / "run_node.py")
    _run(place, *node, "npm", "install", "--no-audit", "--no-fund", package)
    told = {"HEADGATE_URL": url, "HEADGATE_API_KEY": key}
    for command in ((python, "ask.py"), (*node, "ask.mjs")):
        printed = _run(place, *command, **told).strip()
        if printed != answer["content"]:
            raise NotUsable(f"{command[-1]} printed {printed!r}, but HTTP says {answer!r}")


def _fetched(url: str, key: str = "", body: bytes | None = None) -> bytes:
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - the server just started
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            content: bytes = answer.read()
    except urllib.error.HTTPError as error:
        raise NotUsable(f"{url} answered {error.code}: {error.read().decode()}") from None
    return content


def _run(directory: Path, *command: str | Path, **environment: str) -> str:
    ended = subprocess.run(  # noqa: S603 - ours
        tuple(map(str, command)),
        cwd=directory,
        env=surroundings() | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        words = " ".join(map(str, command))
        raise NotUsable(f"`{words}` failed:\n{ended.stdout}{ended.stderr}")
    return ended.stdout
