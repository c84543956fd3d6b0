"""Measurements as Prometheus reads them."""

from prometheus_client.parser import text_string_to_metric_families

from headgate.core.measurements import Measurement, Metric
from headgate.telemetry.exposition import exposition

NUMBERS = [
    Measurement("headgate_depth", "gauge", "How deep.", 3, {"tool": 'a"b\n'}),
    Measurement("headgate_calls", "counter", "How many.", 7, {"b": "2", "a": "1"}),
    Measurement("headgate_depth", "gauge", "How deep.", 4, {"tool": "other"}),
]


def test_every_number_is_told_with_its_labels_and_its_meaning() -> None:
    text = exposition(NUMBERS).decode()
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


def test_a_histogram_is_told_with_its_classes_its_count_and_its_sum() -> None:
    times = Metric("headgate_times", "histogram", "How long.", ("route",))
    told = times.at(2.6, "/x")._replace(bounds=(0.5, 1.0), counts=(1, 0, 2))
    (family, *_) = [
        family
        for family in text_string_to_metric_families(exposition([told]).decode())
        if family.name == "headgate_times"
    ]
    found = {(one.name, one.labels.get("le")): one.value for one in family.samples}
    assert found["headgate_times_bucket", "0.5"] == 1
    assert found["headgate_times_bucket", "1"] == 1
    assert found["headgate_times_bucket", "+Inf"] == 3
    assert found["headgate_times_count", None] == 3
    assert found["headgate_times_sum", None] == 2.6
