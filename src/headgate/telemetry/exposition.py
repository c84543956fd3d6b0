"""Measurements as text for Prometheus, made when they are asked for.

Nothing is counted on the way of a request for this: the parts of the platform know their numbers
themselves, and are asked here.
"""

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client.core import CollectorRegistry, CounterMetricFamily, GaugeMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import generate_latest
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from headgate.core.measurements import Measured, Measurement


class _Parts(Collector):
    def __init__(self, parts: Sequence[Measured]) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Family]:
        yield from _families(one for part in self._parts for one in part.measurements())


def exposition(parts: Sequence[Measured]) -> bytes:
    """What the parts say of themselves now, and what the system says of this process."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    registry.register(_Parts(parts))
    return generate_latest(registry)


def _families(measurements: Iterable[Measurement]) -> Iterable[Family]:
    """The measurements of each name together, as the format wants them."""
    families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
    for one in measurements:
        family = families.get(one.name)
        if family is None:
            kind = CounterMetricFamily if one.kind == "counter" else GaugeMetricFamily
            family = families[one.name] = kind(one.name, one.meaning, labels=sorted(one.labels))
        family.add_metric([value for _, value in sorted(one.labels.items())], one.value)
    return families.values()
