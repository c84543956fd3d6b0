"""Collections: none while modules load, few after it."""

import gc
from collections.abc import Iterator

import pytest

from headgate import garbage


@pytest.fixture(autouse=True)
def _collecting_as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_nothing_is_collected_while_modules_load_and_what_they_hold_is_left_out_later() -> None:
    seldom = gc.get_threshold()[0]
    with garbage.loading():
        assert not gc.isenabled()
        loaded: list[list[int]] = [[] for _ in range(10)]
    assert gc.isenabled()
    assert gc.get_freeze_count() > len(loaded)
    assert gc.get_threshold()[0] > seldom


def test_what_cannot_be_loaded_leaves_collections_on() -> None:
    with pytest.raises(ImportError), garbage.loading():
        raise ImportError("headgate.nothing")
    assert gc.isenabled()
