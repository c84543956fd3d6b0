"""Which routes are left alone, for how long, and who tries them again."""

import pytest

from fakes import NOON, FakeClock, FakeProvider
from gateway_desk import PRICE
from headgate.core.models import (
    ProviderBroke,
    ProviderError,
    ProviderRefused,
    ProviderTimedOut,
    ProviderUnreachable,
    RefusalKind,
)
from headgate.gateway import breakers as module
from headgate.gateway.breakers import LONGEST_COOLING_SECONDS, Breakers, Record, Trial
from headgate.gateway.catalog import Route

FAILED = ProviderRefused("failed", "no")
ROUTE = Route(FakeProvider("one"), "small", PRICE)
OTHER = Route(FakeProvider("one"), "large", PRICE)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def breakers(clock: FakeClock) -> Breakers:
    return Breakers(3, 30, frozenset({"sandbox"}), clock, clock)


def enter(breakers: Breakers, route: Route = ROUTE) -> Trial:
    trial = breakers.enter(route)
    assert trial is not None
    return trial


def fail(breakers: Breakers, times: int = 1, error: ProviderError = FAILED) -> None:
    for _ in range(times):
        with enter(breakers) as trial:
            trial.failed(error)


def test_failures_in_a_row_open_a_circuit_for_a_while(breakers: Breakers, clock: FakeClock) -> None:
    fail(breakers, 2)
    assert breakers.wait(ROUTE) == 0
    fail(breakers)
    assert breakers.enter(ROUTE) is None
    assert breakers.wait(ROUTE) == 30
    assert breakers.enter(OTHER) is not None
    clock.advance(29.9)
    assert breakers.enter(ROUTE) is None


def test_an_answer_between_failures_starts_the_count_anew(breakers: Breakers) -> None:
    fail(breakers, 2)
    enter(breakers).succeeded()
    fail(breakers, 2)
    assert breakers.enter(ROUTE) is not None


def test_one_call_probes_and_its_answer_closes_the_circuit(
    breakers: Breakers, clock: FakeClock
) -> None:
    fail(breakers, 3)
    clock.advance(30)
    with enter(breakers) as probe:
        assert breakers.enter(ROUTE) is None
        probe.began()
        assert breakers.enter(ROUTE) is not None
    assert not breakers.troubles()


def test_a_probe_that_fails_opens_the_circuit_for_as_long_again(
    breakers: Breakers, clock: FakeClock
) -> None:
    fail(breakers, 3)
    clock.advance(30)
    fail(breakers)
    assert breakers.enter(ROUTE) is None
    clock.advance(30)
    assert breakers.enter(ROUTE) is not None


@pytest.mark.parametrize("error", [None, ProviderRefused("unsupported", "no such option")])
def test_a_probe_that_says_nothing_makes_way_for_another(
    breakers: Breakers, clock: FakeClock, error: ProviderError | None
) -> None:
    """As where its caller has no money, or leaves."""
    fail(breakers, 3)
    clock.advance(30)
    with enter(breakers) as probe:
        if error is not None:
            probe.failed(error)
    assert breakers.enter(ROUTE) is not None
    assert breakers.enter(ROUTE) is None


def test_what_was_under_way_when_a_circuit_opened_changes_nothing(
    breakers: Breakers, clock: FakeClock
) -> None:
    slow, slower = enter(breakers), enter(breakers)
    fail(breakers, 3)
    clock.advance(20)
    slow.failed(FAILED)
    slower.succeeded()
    assert breakers.wait(ROUTE) == 10


@pytest.mark.parametrize("kind", ["invalid", "context_length", "not_found", "unauthorized"])
def test_a_refusal_that_is_no_outage_shows_that_the_vendor_is_well(
    breakers: Breakers, kind: RefusalKind
) -> None:
    """Or one caller's wrong request or credential would keep all others out."""
    fail(breakers, 2)
    fail(breakers, error=ProviderRefused(kind, "no"))
    fail(breakers, 2)
    assert breakers.enter(ROUTE) is not None


@pytest.mark.parametrize(
    "error",
    [
        ProviderRefused("overloaded", "full"),
        ProviderRefused("rate_limited", "later"),
        ProviderTimedOut("slow"),
        ProviderBroke("gone"),
        ProviderUnreachable("nobody there"),
    ],
)
def test_all_that_an_outage_looks_like_counts(breakers: Breakers, error: ProviderError) -> None:
    fail(breakers, 3, error)
    assert breakers.enter(ROUTE) is None


@pytest.mark.parametrize("kind", ["rate_limited", "overloaded"])
def test_a_vendor_that_says_when_to_come_back_is_not_failing(
    breakers: Breakers, clock: FakeClock, kind: RefusalKind
) -> None:
    fail(breakers, 5, ProviderRefused(kind, "later", retry_after_seconds=7))
    assert (breakers.cooling(ROUTE), breakers.cooling(OTHER)) == (7, 0)
    enter(breakers).succeeded()
    assert breakers.cooling(ROUTE) == 7
    clock.advance(7)
    assert breakers.cooling(ROUTE) == 0
    assert not breakers.troubles()


def test_nobody_is_sent_away_for_days(breakers: Breakers) -> None:
    fail(breakers, 1, ProviderRefused("rate_limited", "later", retry_after_seconds=1e300))
    assert breakers.cooling(ROUTE) == LONGEST_COOLING_SECONDS


def test_the_first_word_of_a_call_counts(breakers: Breakers) -> None:
    trial = enter(breakers)
    trial.failed(FAILED)
    trial.failed(FAILED)
    trial.succeeded()
    assert breakers.troubles()[ROUTE.qualified].state == "failing"
    fail(breakers, 2)
    assert breakers.enter(ROUTE) is None


def test_a_try_that_is_made_again_does_not_count(breakers: Breakers) -> None:
    for _ in range(9):
        with enter(breakers) as trial:
            trial.failed(FAILED, is_last=False)
    assert not breakers.troubles()


def test_a_stream_that_breaks_off_after_its_beginning_counts_too(breakers: Breakers) -> None:
    for _ in range(3):
        with enter(breakers) as trial:
            trial.began()
        trial.failed(ProviderBroke("gone"))
    assert breakers.enter(ROUTE) is None


def test_what_runs_in_this_process_is_never_left_alone(breakers: Breakers) -> None:
    route = Route(FakeProvider("sandbox"), "sandbox", PRICE)
    for _ in range(9):
        with enter(breakers, route) as trial:
            trial.failed(FAILED)
    assert not breakers.troubles()


def test_each_trouble_is_told_with_its_kind_and_its_beginning(
    breakers: Breakers, clock: FakeClock
) -> None:
    fail(breakers)
    clock.advance(5)
    fail(breakers, 2, ProviderTimedOut("slow"))
    with enter(breakers, OTHER) as trial:
        trial.failed(ProviderRefused("rate_limited", "later", retry_after_seconds=7))
    assert breakers.troubles() == {
        "one/small": ("open", "timed_out", NOON),
        "one/large": ("cooling", "rate_limited", NOON + 5),
    }
    clock.advance(30)
    with enter(breakers):
        assert breakers.troubles()["one/small"].state == "probing"


def test_names_that_callers_make_up_take_no_memory(
    breakers: Breakers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_CIRCUITS", 10)
    for number in range(50):
        with enter(breakers, Route(FakeProvider("one"), f"made-up-{number}", PRICE)) as trial:
            trial.failed(FAILED)
    assert len(breakers.troubles()) == 10


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (FAILED, "failed"),
        (ProviderUnreachable("x"), "unreachable"),
        (ProviderTimedOut("x"), "timed_out"),
        (ProviderBroke("x"), "broke_off"),
    ],
)
def test_an_error_is_one_word(error: ProviderError, word: str) -> None:
    assert module.kind_of(error) == word


def test_it_is_noted_how_each_vendor_did_last(breakers: Breakers, clock: FakeClock) -> None:
    enter(breakers).succeeded()
    clock.advance(5)
    fail(breakers)
    fail(breakers, error=ProviderRefused("invalid", "your fault"))
    enter(breakers, Route(FakeProvider("sandbox"), "sandbox", PRICE)).succeeded()
    assert breakers.records() == {"one": Record(NOON, NOON + 5, "failed")}
    clock.advance(5)
    enter(breakers, OTHER).succeeded()
    assert breakers.records() == {"one": Record(NOON + 10, NOON + 5, "failed")}


def test_the_limit_of_a_users_own_account_is_no_failure_of_the_vendor(breakers: Breakers) -> None:
    own = Route(FakeProvider("one"), "small", PRICE, is_own=True)
    with enter(breakers, own) as trial:
        trial.failed(ProviderRefused("rate_limited", "later"))
    assert breakers.records() == {}
