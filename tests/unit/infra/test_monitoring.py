"""What the stacks read in the platform's log is what the platform writes there."""

import re
from pathlib import Path

from headgate.core.watching import RequestRecord
from headgate.telemetry.logs import REQUESTS, request_fields
from usage_events import usage_event

STACKS = Path(__file__).parents[3] / "infra" / "stacks"


def test_the_fields_of_a_request_have_the_names_that_the_stacks_look_for() -> None:
    record = RequestRecord("req_1", "POST", "/v1/complete", 200, 0.25, "sk-proj-one")
    call = usage_event(first_token_ms=12, billed=3_000_000, input_tokens=5, output_tokens=2)
    written = request_fields(record._replace(calls=[call]))
    source = "".join((STACKS / name).read_text() for name in ("monitoring.py", "dashboard.py"))
    found = re.search(r'FIRST_TOKEN, BILLED = "(\w+)", "(\w+)"', source)
    assert found is not None
    asked = re.findall(r"sum\((\w+)\)|\(\"(?:model|key)\", \"(\w+)\"\)", source)
    names = {*found.groups(), *(name for pair in asked for name in pair if name)}
    assert {"firstTokenMs", "billed", "inputTokens", "outputTokens", "model", "keyId"} == names
    assert names <= set(written)
    assert f"'{REQUESTS}'" in source
