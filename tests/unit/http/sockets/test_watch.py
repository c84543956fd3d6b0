"""The rounds in which sockets are looked after."""

import asyncio
import logging
from typing import cast

import pytest

from headgate.http.sockets.conversation import Conversation
from headgate.http.sockets.watch import Watch


class Looked:
    """Notes that it was looked after."""

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails
        self.looks = 0
        self.was_looked_at = asyncio.Event()

    async def check(self) -> None:
        self.looks += 1
        self.was_looked_at.set()
        if self.fails:
            raise RuntimeError("a fault")


async def test_all_are_looked_after_though_one_fails(caplog: pytest.LogCaptureFixture) -> None:
    watch, well, ill = Watch(0.001), Looked(), Looked(fails=True)
    with watch.over(cast("Conversation", ill)), watch.over(cast("Conversation", well)):
        for _ in range(2):
            well.was_looked_at.clear()
            await well.was_looked_at.wait()
    assert ill.looks >= 1
    assert any(record.levelno == logging.ERROR for record in caplog.records)


async def test_it_rests_while_there_is_none_and_begins_again() -> None:
    watch = Watch(0.001)
    for _ in range(2):
        one = Looked()
        with watch.over(cast("Conversation", one)):
            await one.was_looked_at.wait()
        assert watch._rounds is None
