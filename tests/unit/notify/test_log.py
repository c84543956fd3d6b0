import logging

import pytest

from headgate.core.alerts import Notice
from headgate.notify.log import LogNotifier


async def test_a_message_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    await LogNotifier().send(Notice("It happened", (("Spent", "$1"), ("Limit", "hard"))))
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == "It happened. Spent: $1; Limit: hard"
