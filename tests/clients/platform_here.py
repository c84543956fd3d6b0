"""The platform that a program of this directory calls, as the test that started it says."""

import json
import os
import urllib.request

URL = os.environ["CLIENTS_URL"]
KEY = os.environ["CLIENTS_KEY"]
# A key whose budget is spent, and an address at which attempts are counted.
POOR_KEY = os.environ["CLIENTS_POOR_KEY"]
RELAY_URL = os.environ["CLIENTS_RELAY_URL"]
# One that the platform answers itself, and one of each vendor behind it.
MODELS = ["sandbox", "gpt-4o-mini", "claude-haiku-4-5"]


def attempts() -> int:
    """How often the relay was asked since this was last called."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{RELAY_URL}/_attempts", timeout=10) as answer:
        return len(json.load(answer))
