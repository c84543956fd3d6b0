"""A thousand calls at once against a budget for fifty, each of which costs exactly ten cents."""

import asyncio
import itertools
import json
from collections import Counter
from decimal import Decimal
from typing import NamedTuple

from headgate.transport.http import HttpClient
from headgate_server import Caller, Simulator, chat, eventually, total

MODEL = "ten-cents"
WORKSPACE = "at-cost"
BUDGET = 5
PRICE = Decimal("0.1")
CALLS = 1000


def configuration(vendor_url: str) -> str:
    """A `headgate.toml` by which ten tokens of output cost ten cents, and nothing else anything."""
    return f"""
[vendors.simulated]
base_url = "{vendor_url}"
api_key_env = "OPENAI_API_KEY"
models = ["{MODEL}"]

[prices."{MODEL}"]
input = 0
output = 10_000

[workspaces.{WORKSPACE}]
markup = 0

[limits]
requests_per_second = 1_000_000
burst = 1_000_000
"""


class Flood(NamedTuple):
    """What became of the thousand: answers by status, calls at the vendor, and the money."""

    statuses: Counter[int]
    vendor_calls: int
    events: int
    spent: Decimal

    @property
    def is_exact(self) -> bool:
        """Whether the budget was spent to the cent, and by nobody twice."""
        return self == Flood(Counter({402: 950, 200: 50}), 50, 50, Decimal(BUDGET))


async def flood(admin: Caller, vendors: Simulator) -> Flood:
    """Let a thousand calls come at once to a new key."""
    await vendors.forget()
    key = await admin.new_key("ai:complete", monthlyBudget=BUDGET, workspaceId=WORKSPACE)
    body = chat("x [[tokens 10]] [[delay 100]]", model=MODEL, maxTokens=10)
    statuses = await _statuses(admin.url, key["apiKey"], json.dumps(body).encode())
    budget = await eventually(
        lambda: admin.budget("key", key["keyId"]), lambda found: found["reserved"] == 0
    )
    events = await admin.events(keyId=key["keyId"])
    assert total(events) + budget["unconfirmed"] == budget["spent"], budget
    return Flood(statuses, len(await vendors.calls()), len(events), budget["spent"])


async def _statuses(url: str, key: str, body: bytes) -> Counter[int]:
    client = HttpClient()
    # A connection for each, so that every process gets its share.
    headers = {
        "authorization": f"Bearer {key}",
        "content-type": "application/json",
        "connection": "close",
    }
    try:
        answers = await asyncio.gather(
            *(
                client.send("POST", f"{url}/v1/complete", headers=headers, body=body)
                for _ in itertools.repeat(None, CALLS)
            )
        )
    finally:
        await client.aclose()
    return Counter(answer.status for answer in answers)
