"""Ids are unique, and those of events sort by time."""

import re

from headgate.core.ids import event_id, new_event_id, new_id, new_timed_id, time_of_event


def test_an_id_says_what_it_is_of() -> None:
    assert re.fullmatch(r"own_[0-9a-f]{24}", new_id("own"))


def test_ids_differ() -> None:
    assert len({new_id("x") for _ in range(1000)}) == 1000
    assert len({new_event_id(1.0) for _ in range(1000)}) == 1000


def test_the_ids_of_events_sort_by_time_then_by_their_order_in_the_process() -> None:
    first = [new_event_id(1000.001) for _ in range(3)]
    later = new_event_id(1000.002)
    earlier = new_event_id(1000.0)
    assert sorted([*first, later, earlier]) == [earlier, *first, later]
    assert len({len(item) for item in [*first, later, new_event_id()]}) == 1


def test_a_timed_id_sorts_by_its_time() -> None:
    ids = [new_timed_id("unc", now) for now in (0.5, 1.0, 1.25, 1_795_435_200.0)]
    assert ids == sorted(ids)
    assert all(re.fullmatch(r"unc_[0-9a-f]{24}", each) for each in ids)


def test_timed_ids_of_one_millisecond_sort_by_their_order_in_the_process() -> None:
    ids = [new_timed_id("run", 1_795_435_200.0) for _ in range(1000)]
    assert ids == sorted(ids)


def test_an_event_s_id_carries_its_time() -> None:
    assert time_of_event(event_id(1_795_435_200_123, 2**24 + 5, "0a1b2c3d")) == 1_795_435_200_123
    assert time_of_event(new_event_id(1.5)) == 1500


def test_what_is_no_event_s_id_carries_no_time() -> None:
    good = new_event_id()
    for bad in ("", "evt_none", good[:-1], good + "0", good.upper(), "run" + good[3:]):
        assert time_of_event(bad) is None
