"""What is measured is joined with how it is told, and that is loaded when it is asked for."""

import subprocess
import sys
from collections.abc import Iterable, Sequence

from headgate.bootstrap.metrics import metrics_of
from headgate.core.measurements import Measurement, Metric

DEPTH = Metric("headgate_depth", "gauge", "How deep.")


class Part:
    metrics: Sequence[Metric] = (DEPTH,)

    def measurements(self) -> Iterable[Measurement]:
        yield DEPTH.at(3)


async def test_what_the_parts_say_is_told() -> None:
    assert b"headgate_depth 3.0" in await metrics_of([Part()])()


def test_heavy_libraries_are_not_loaded_before_they_are_needed() -> None:
    program = (
        "import sys, headgate.bootstrap.platform;"
        "print([name for name in ('mcp', 'prometheus_client') if name in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"
