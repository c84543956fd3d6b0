"""Look-ups that callers share: who asks while another's is on its way gets its answer."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")


class _Reading(NamedTuple, Generic[T]):
    task: asyncio.Task[T]
    begun_at: float
    known_then: object


@dataclass(slots=True)
class Readings(Generic[T]):
    """The look-ups on their way, by what they look for.

    Attributes:
        fresh_seconds: who asks so long after one has begun makes another, since what it looks for
            may have changed elsewhere meanwhile.
    """

    fresh_seconds: float
    _begun: dict[str, _Reading[T]] = field(default_factory=dict)

    async def shared(
        self, name: str, find: Callable[[], Coroutine[Any, Any, T]], *, now: float, known: object
    ) -> T:
        """What `find` gives, to all who ask at once; whatever it raises, too.

        `known` is what is remembered here: a look-up from before it was replaced by another object
        is shared with nobody who asks after that.
        """
        # Not this caller's alone: who leaves must not end it for the others. No name for the task:
        # an error that it raises would hold this frame, and the frame the task with the error.
        return await asyncio.shield(self._task(name, find, now, known))

    def _task(
        self, name: str, find: Callable[[], Coroutine[Any, Any, T]], now: float, known: object
    ) -> asyncio.Task[T]:
        reading = self._begun.get(name)
        if (
            reading is None
            or reading.known_then is not known
            or not now - self.fresh_seconds < reading.begun_at <= now
        ):
            task = asyncio.create_task(find())
            reading = self._begun[name] = _Reading(task, now, known)
            task.add_done_callback(lambda task: self._end(name, task))
        return reading.task

    def _end(self, name: str, task: asyncio.Task[T]) -> None:
        reading = self._begun.get(name)
        if reading is not None and reading.task is task:
            del self._begun[name]
        if not task.cancelled():
            task.exception()  # all who asked may have left
