"""What is told, step by step, without a store."""

from hypothesis import given
from hypothesis import strategies as st

from headgate.core.alerts import AlertState, Mark

marks = st.builds(Mark, st.sampled_from([0.25, 0.5, 0.8, 1.0, 1.5]), st.integers(0, 10))


def test_a_mark_covers_what_says_no_more_than_it() -> None:
    mark = Mark(0.8, 80)
    assert mark.covers(mark)
    assert mark.covers(Mark(0.5, 80))
    assert mark.covers(Mark(0.8, 40))
    assert not mark.covers(Mark(0.9, 45)), "the limit was lowered"
    assert not mark.covers(Mark(0.5, 90)), "the limit was raised"


@given(st.lists(marks))
def test_whatever_was_told_is_never_due_again(told: list[Mark]) -> None:
    state = AlertState()
    for mark in told:
        state = state.raised(mark)
        if state.due is not None:
            state = state.done(state.due, mark)
    assert state.due is None
    for mark in told:
        assert state.raised(mark) == state
    assert not any(
        one.covers(other) for one in state.told for other in state.told if one is not other
    )


@given(st.lists(marks, min_size=1))
def test_whatever_is_raised_and_not_told_is_due(raised: list[Mark]) -> None:
    """The last one, or one that covers it."""
    state = AlertState()
    for mark in raised:
        state = state.raised(mark)
    assert state.due is not None
    assert state.due.covers(raised[-1])


def test_a_claim_is_for_whoever_comes_after_its_end() -> None:
    state = AlertState().raised(Mark(0.5, 50))
    first = state.taken(now=0, until=30)
    assert first is not None
    assert first.taken(now=29, until=60) is None
    second = first.taken(now=30, until=60)
    assert second is not None
    assert second.attempts == 2
    assert second.put_off(1, until=0) == second, "the first has lost its claim"
    assert second.put_off(2, until=40).held_until == 40


def test_nothing_due_is_nothing_to_take_or_to_put_off() -> None:
    assert AlertState().taken(now=0, until=30) is None
    assert AlertState().put_off(0, until=30) == AlertState()
