"""Measurements as text for Prometheus, made when they are asked for.

Nothing is counted on the way of a request for this: the parts of the platform know their numbers
themselves, and are asked here.
"""

import itertools
from collections.abc import Iterable, Iterator

from prometheus_client.core import (
    CollectorRegistry,
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import generate_latest
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from headgate.core.measurements import Measurement

_KINDS = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
    "histogram": HistogramMetricFamily,
}


class _Numbers(Collector):
    def __init__(self, measurements: Iterable[Measurement]) -> None:
        self._measurements = measurements

    def collect(self) -> Iterator[Family]:
        yield from _families(self._measurements)


def exposition(measurements: Iterable[Measurement]) -> bytes:
    """These numbers, and what the system says of this process."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    registry.register(_Numbers(measurements))
    return generate_latest(registry)


def _families(measurements: Iterable[Measurement]) -> Iterable[Family]:
    """The measurements of each name together, as the format wants them."""
    families: dict[str, CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily] = {}
    for one in measurements:
        family = families.get(one.name)
        if family is None:
            family = _KINDS[one.kind](one.name, one.meaning, labels=sorted(one.labels))
            families[one.name] = family
        values = [value for _, value in sorted(one.labels.items())]
        if isinstance(family, HistogramMetricFamily):
            family.add_metric(values, _buckets(one), one.value)
        else:
            family.add_metric(values, one.value)
    return families.values()


def _buckets(one: Measurement) -> list[tuple[str, float]]:
    """The classes of a histogram as the format wants them: each with all that are below."""
    bounds = [*(f"{bound:g}" for bound in one.bounds), "+Inf"]
    return list(zip(bounds, itertools.accumulate(one.counts), strict=True))
