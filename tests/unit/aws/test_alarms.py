"""Alarms as texts."""

from headgate.aws.alarms import texts
from lambda_events import alarm_event


def test_an_alarm_says_what_and_why() -> None:
    (text,) = texts(alarm_event())
    assert text.splitlines() == [
        "Alarm: ai-platform-GatewayErrors",
        "The gateway failed <often>",
        "Threshold Crossed: 1 datapoint [7.0] was greater than 5.0.",
    ]


def test_its_end_is_told_as_such() -> None:
    assert texts(alarm_event("OK"))[0].startswith("Over: ai-platform-GatewayErrors")


def test_what_is_no_alarm_is_told_as_it_is() -> None:
    assert texts({"Records": [{"Sns": {"Message": "a test"}}]}) == ["a test"]
    assert texts({}) == []
