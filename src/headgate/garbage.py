"""When this process looks for garbage: not while it loads, and seldom after that.

Python looks once for each 700 new objects. While modules load there are tens of thousands, and none
of them is garbage; later nothing here makes cycles request by request.
"""

import contextlib
import gc
from collections.abc import Iterator

_THRESHOLDS = (50_000, 20, 50)


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """Load what lives as long as the process."""
    gc.disable()
    try:
        yield
    finally:
        leave_out()
        gc.enable()


def leave_out() -> None:
    """Leave all that is there now out of every collection, and collect less often."""
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
