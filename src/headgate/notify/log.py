"""Messages to the log, where no other channel is configured."""

import logging

from headgate.core.alerts import Notice

_LOG = logging.getLogger(__name__)


class LogNotifier:
    """`Notifier` that writes a warning."""

    async def send(self, notice: Notice) -> None:
        """See `Notifier.send`."""
        facts = "; ".join(f"{name}: {value}" for name, value in notice.facts)
        _LOG.warning("%s. %s", notice.title, facts)
