"""Identifiers."""

import itertools
import os
import time

_PROCESS = os.urandom(4).hex()
_COUNTER = itertools.count()


def new_id(prefix: str) -> str:
    """A unique id under `prefix` that nobody can guess."""
    return f"{prefix}_{os.urandom(12).hex()}"


def new_event_id(now: float | None = None) -> str:
    """A unique id that sorts by its time, then by its place in this process.

    48 bits of milliseconds, 24 of a counter, 32 of randomness drawn once a process: two calls in
    the same millisecond differ, in one process and across them.
    """
    milliseconds = int((time.time() if now is None else now) * 1000)
    return f"evt_{milliseconds:012x}{next(_COUNTER) & 0xFFFFFF:06x}{_PROCESS}"
