import pytest

from headgate.core.measurements import Metric
from headgate.core.service_levels import BOUNDS, ROUND_MS
from headgate.telemetry.histogram import Histogram, Latencies


def test_a_value_falls_into_the_first_class_that_holds_it() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 9.0):
        histogram.add(value)
    told = histogram.measured(Metric("a", "histogram", "A.", ("b",)), "x")
    assert (told.bounds, told.counts, told.value) == ((1.0, 2.0), (2, 1, 1), 12.0)
    assert told.labels == {"b": "x"}


def test_times_in_fine_classes_are_told_within_the_bounds_that_people_know() -> None:
    times, coarse = Latencies(), Histogram()
    for milliseconds in (*range(1, 2000, 7), *ROUND_MS, ROUND_MS[-1] + 1, BOUNDS[-1] + 1):
        times.add(milliseconds)
        coarse.add(milliseconds / 1000)
    metric = Metric("a", "histogram", "A.", ())
    told, expected = times.measured(metric), coarse.measured(metric)
    assert (told.bounds, told.counts) == (expected.bounds, expected.counts)
    assert told.value == pytest.approx(expected.value)
