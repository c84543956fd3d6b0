"""Identifiers."""

import itertools
import os
import random
import re
import time

_EVENT_ID = re.compile(r"evt_([0-9a-f]{12})[0-9a-f]{14}")
_PROCESS = os.urandom(4).hex()
_COUNTER = itertools.count()
# Seeded by the system, and forty times faster than asking it each time. Ids are no secrets: where
# one must not be guessed (a key), `secrets` makes it.
_RANDOM = random.Random()  # noqa: S311 - see above


def new_id(prefix: str) -> str:
    """A unique id under `prefix`, with 96 random bits."""
    return f"{prefix}_{_RANDOM.getrandbits(96):024x}"


def new_timed_id(prefix: str, now: float) -> str:
    """A unique id under `prefix` that sorts by its time, then by its place in this process.

    48 bits of milliseconds, 24 of a counter, 24 random.
    """
    number = next(_COUNTER) & 0xFFFFFF
    return f"{prefix}_{int(now * 1000):012x}{number:06x}{_RANDOM.getrandbits(24):06x}"


def new_event_id(now: float | None = None) -> str:
    """A unique id that sorts by its time, then by its place in this process.

    48 bits of milliseconds, 24 of a counter, 32 of randomness drawn once a process: two calls in
    the same millisecond differ, in one process and across them.
    """
    milliseconds = int((time.time() if now is None else now) * 1000)
    return event_id(milliseconds, next(_COUNTER), _PROCESS)


def event_id(milliseconds: int, number: int, source: str) -> str:
    """The id of an event from its time, its place among others, and 8 hex digits of who made it."""
    return f"evt_{milliseconds:012x}{number & 0xFFFFFF:06x}{source}"


def time_of_event(event_id: str) -> int | None:
    """The time in milliseconds that an event's id carries; None where it is no such id."""
    found = _EVENT_ID.fullmatch(event_id)
    return None if found is None else int(found[1], 16)
