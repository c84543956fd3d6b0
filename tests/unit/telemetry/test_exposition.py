"""Measurements as Prometheus reads them."""

from collections.abc import Iterable

from prometheus_client.parser import text_string_to_metric_families

from headgate.core.measurements import Measurement
from headgate.telemetry.exposition import exposition


class Part:
    def measurements(self) -> Iterable[Measurement]:
        yield Measurement("headgate_depth", "gauge", "How deep.", 3, {"tool": 'a"b\n'})
        yield Measurement("headgate_calls", "counter", "How many.", 7, {"b": "2", "a": "1"})
        yield Measurement("headgate_depth", "gauge", "How deep.", 4, {"tool": "other"})


def test_every_number_is_told_with_its_labels_and_its_meaning() -> None:
    text = exposition([Part()]).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    depth, calls = families["headgate_depth"], families["headgate_calls"]
    assert (depth.type, depth.documentation) == ("gauge", "How deep.")
    assert {(sample.labels["tool"], sample.value) for sample in depth.samples} == {
        ('a"b\n', 3),
        ("other", 4),
    }
    (sample,) = calls.samples
    assert (sample.name, sample.labels, sample.value) == (
        "headgate_calls_total",
        {"a": "1", "b": "2"},
        7,
    )


def test_the_process_is_told_of_too() -> None:
    assert b"process_resident_memory_bytes" in exposition([])
