from headgate.core.measurements import Metric
from headgate.telemetry.histogram import Histogram


def test_a_value_falls_into_the_first_class_that_holds_it() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 9.0):
        histogram.add(value)
    told = histogram.measured(Metric("a", "histogram", "A.", ("b",)), "x")
    assert (told.bounds, told.counts, told.value) == ((1.0, 2.0), (2, 1, 1), 12.0)
    assert told.labels == {"b": "x"}
