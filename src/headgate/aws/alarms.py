"""What CloudWatch's alarms say, as a text that a person reads. Pure."""

import json
from collections.abc import Mapping
from typing import Any


def texts(event: Mapping[str, Any]) -> list[str]:
    """A text for each message of a topic in an event; others than alarms are given as they are."""
    found = []
    for record in event.get("Records", ()):
        told = record.get("Sns", {})
        message = str(told.get("Message", ""))
        try:
            alarm = json.loads(message)
        except ValueError:
            alarm = None
        if isinstance(alarm, dict) and "AlarmName" in alarm:
            message = _alarm(alarm)
        found.append(message)
    return found


def _alarm(alarm: Mapping[str, Any]) -> str:
    words = {"ALARM": "Alarm", "OK": "Over"}
    state = str(alarm.get("NewStateValue", ""))
    lines = [
        f"{words.get(state, state)}: {alarm['AlarmName']}",
        alarm.get("AlarmDescription"),
        alarm.get("NewStateReason"),
    ]
    return "\n".join(str(line) for line in lines if line)
