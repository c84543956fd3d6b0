"""The platform in the account, seen from outside: its tables prepared, its interface asked."""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

from account import Account, Identity
from headgate.settings import VARIABLES

# An interface that was deployed just now is known everywhere a moment later.
PATIENCE_SECONDS = 90
PAUSE_SECONDS = 3
ANSWER_SECONDS = 35


class NotServed(Exception):
    """The platform is deployed and does not work; the message says where to look."""


@dataclass(frozen=True, slots=True)
class Served:
    """Asks what was deployed."""

    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def migrate(self, account: Account, identity: Identity, parameters: str) -> None:
        """Bring the tables up to date, and see that the admin key is in them.

        Raises:
            NotServed: they cannot be written to.
        """
        access = account.access()
        settings = {variable.name for variable, _ in VARIABLES.values()}
        told = {name: value for name, value in os.environ.items() if name not in settings}
        told |= {
            "HEADGATE_STORE": "dynamodb",
            "HEADGATE_PARAMETERS": parameters,
            "DYNAMODB_ENDPOINT": account.address("dynamodb"),
            "SSM_ENDPOINT": account.address("ssm"),
            "AWS_REGION": identity.region,
            "AWS_ACCESS_KEY_ID": access.key_id,
            "AWS_SECRET_ACCESS_KEY": access.secret,
            "AWS_SESSION_TOKEN": access.token or "",
        }
        command = [sys.executable, "-m", "headgate.cli.main", "migrate", "--json"]
        with tempfile.TemporaryDirectory() as empty:
            ended = subprocess.run(  # noqa: S603 - ours
                command, cwd=empty, env=told, capture_output=True, text=True, check=False
            )
        if ended.returncode:
            raise NotServed(f"the tables could not be prepared: {ended.stderr.strip()}")

    def ask(self, endpoint: str, api_key: str) -> str:
        """Ask the interface for its health, and by the key for its models; gives the version.

        Raises:
            NotServed: it does not answer in time, or does not know the key.
        """
        until = self.clock() + PATIENCE_SECONDS
        while True:
            try:
                health = _answer(f"{endpoint}health", None)
                _answer(f"{endpoint}v1/models", api_key)
            except (OSError, ValueError) as error:
                if self.clock() > until:
                    raise NotServed(
                        f"{endpoint} does not work ({error}): the log group /ai-platform/gateway"
                        " says why"
                    ) from None
                self.sleep(PAUSE_SECONDS)
            else:
                return str(health["version"])


def _answer(url: str, api_key: str | None) -> dict[str, object]:
    if not url.startswith(("https://", "http://")):
        raise ValueError(f"{url!r} is no address")
    headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - checked above
    with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - the same
        told: dict[str, object] = json.load(answer)
        return told
