"""What happens in runs: written into the store, and told to those in this process who follow."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headgate.core.durable import Displaced
from headgate.core.errors import Overloaded
from headgate.core.runs import (
    LAST_EVENTS,
    UNCHANGED,
    Begun,
    Change,
    Draft,
    RunEvent,
    RunStatus,
    RunStore,
)

PAGE = 500

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Journal:
    """The events of runs, as they come.

    Attributes:
        poll_seconds: how often it is asked what another process has written.
        is_at_work: whether those who write here work on runs: where the store is away their work
            stops, to go on another time, since nothing that it did could be told.
    """

    store: RunStore
    poll_seconds: float = 0.2
    is_at_work: bool = False
    _listeners: dict[str, set[asyncio.Event]] = field(default_factory=dict)

    async def record(
        self,
        run_id: str,
        drafts: Sequence[Draft],
        change: Change = UNCHANGED,
        *,
        expected: RunStatus | None = None,
    ) -> bool:
        """See `RunStore.record`."""
        with self._outages(run_id):
            done = await self.store.record(run_id, drafts, change, expected=expected)
        self._tell(run_id)
        return done

    async def begin_step(self, run_id: str, step_id: str, data: Mapping[str, Any]) -> Begun | None:
        """See `RunStore.begin_step`."""
        with self._outages(run_id):
            begun = await self.store.begin_step(run_id, step_id, data)
        self._tell(run_id)
        return begun

    async def follow(self, run_id: str, after: int) -> AsyncGenerator[Sequence[RunEvent], None]:
        """The events behind the one numbered `after`, those to come too, up to the run's last.

        All of them are read from the store, so that a later reader sees the same. Nothing, now and
        then, where nothing happens.
        """
        run = await self.store.get(run_id)
        has_ended = run is None or run.has_ended
        while True:
            with self.hearing(run_id) as arrived:
                events = await self.store.events(run_id, after=after, limit=PAGE)
                if not events and not has_ended:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self.poll_seconds):
                            await arrived.wait()
            if not events and has_ended:
                return
            yield events
            if events:
                after = events[-1].seq
                has_ended = has_ended or events[-1].type in LAST_EVENTS

    @contextlib.contextmanager
    def _outages(self, run_id: str) -> Iterator[None]:
        """Stop the work on a run where the store is away."""
        try:
            yield
        except Overloaded as error:
            if not self.is_at_work:
                raise
            _LOG.warning("run %s goes on another time: %s", run_id, error.message)
            raise Displaced from None

    @contextlib.contextmanager
    def hearing(self, run_id: str) -> Iterator[asyncio.Event]:
        """An event that is set when something is written."""
        arrived = asyncio.Event()
        listeners = self._listeners.setdefault(run_id, set())
        listeners.add(arrived)
        try:
            yield arrived
        finally:
            listeners.discard(arrived)
            if not listeners and self._listeners.get(run_id) is listeners:
                del self._listeners[run_id]

    def _tell(self, run_id: str) -> None:
        for event in self._listeners.get(run_id, ()):
            event.set()
