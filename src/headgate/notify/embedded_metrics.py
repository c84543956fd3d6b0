"""Alerts as metrics, so that an alarm tells whoever watches the deployment.

The line says in words what it is about, so it is also the record of the alert in the log.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from headgate.core.alerts import Notice
from headgate.core.embedded_metrics import BUDGET_REACHED, metric_line


@dataclass(frozen=True, slots=True)
class MetricNotifier:
    """`Notifier` that writes a line with the share of the budget that was reached.

    Attributes:
        write: takes a line for the log of the process.
        clock: Unix seconds.
    """

    write: Callable[[str], None]
    clock: Callable[[], float] = time.time

    async def send(self, notice: Notice) -> None:
        """See `Notifier.send`; what is no budget's is a line without a number."""
        said = {"message": notice.title, **dict(notice.facts)}
        if notice.share is None:
            self.write(json.dumps(said))
            return
        percent = round(notice.share * 100, 6)
        self.write(metric_line(BUDGET_REACHED, "Percent", percent, now=self.clock(), said=said))
