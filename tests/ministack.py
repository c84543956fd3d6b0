"""DynamoDB, KMS and SQS on this machine: a MiniStack, started when a test first needs it.

Each client gets an AWS account of its own there (twelve digits as an access key are one), and so
its own tables.
"""

import contextlib
import functools
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from free_ports import HeldPort
from headgate.stores.dynamodb import tables
from headgate.stores.dynamodb.client import DynamoClient
from headgate.transport.http import HttpClient
from headgate.transport.sigv4 import Credentials

REGION = "us-east-1"
SECRET = "not-checked"
START_SECONDS = 60

_accounts = itertools.count(100_000_000_000)
_started: list[tuple[subprocess.Popen[bytes], HeldPort]] = []


def new_account() -> str:
    """An account without tables."""
    return str(next(_accounts))


def command() -> str | None:
    """The command that starts MiniStack, where it is installed."""
    folders = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    return shutil.which("ministack", path=os.pathsep.join(folders))


@functools.cache
def endpoint() -> str:
    """The address of the running MiniStack; skips the test where it is not installed."""
    return start("dynamodb,kms,sqs")


def start(services: str | None) -> str:
    """Start a MiniStack that emulates these services, or all; gives its address."""
    executable = command()
    if executable is None:
        pytest.fail("MiniStack is not installed, although the lock has it: run `make setup`")
    held = HeldPort()
    environment = os.environ | {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(held.number),
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
    }
    if services is not None:
        environment["SERVICES"] = services
    environment.pop("PYTHONPATH", None)
    process = subprocess.Popen(
        [executable], env=environment, stdout=subprocess.DEVNULL, stderr=sys.stderr
    )
    _started.append((process, held))
    url = f"http://127.0.0.1:{held.number}"
    _wait_for(url)
    return url


def pause() -> None:
    """Let it hang: it takes connections and answers nothing until `go_on`; its data stays."""
    _started[-1][0].send_signal(signal.SIGSTOP)


def go_on() -> None:
    """End the pause: what had come meanwhile is carried out now."""
    _started[-1][0].send_signal(signal.SIGCONT)


def stop() -> None:
    """End what was started."""
    while _started:
        process, held = _started.pop()
        process.terminate()
        process.wait(START_SECONDS)
        held.release()
    endpoint.cache_clear()


@contextlib.asynccontextmanager
async def dynamo_client(account: str | None = None) -> AsyncIterator[DynamoClient]:
    """A client with all tables, empty unless the account is given."""
    http = HttpClient()
    credentials = Credentials(account or new_account(), SECRET)
    client = DynamoClient(http, endpoint(), REGION, credentials)
    await tables.create(client)
    yield client
    await http.aclose()


async def account_of(client: DynamoClient) -> str:
    """The account that a client of `dynamo_client` has."""
    return (await client.credentials.current()).access_key_id


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{url}/_ministack/health", timeout=5):
                return
        except OSError:
            assert _started[-1][0].poll() is None, "MiniStack ended at once"
            assert time.monotonic() < deadline, "MiniStack did not start"
            time.sleep(0.05)
