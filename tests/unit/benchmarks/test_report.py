import pytest

import report
from load import Load
from peers import DIRECT, HEADGATE, LITELLM, PORTKEY
from report import Aim, Count, Life, Results, Sample, Scenario

ONE = Scenario("json", 1)
MANY = Scenario("json", 32)
EXACT = Count(answered=100, recorded=100, cut_off=0)


def sample(
    per_second: int, *, p50_ms: float = 1.0, failed: int = 0, foreign_share: float = 0.0
) -> Sample:
    """Ten seconds of load in which every answer cost 100 µs of CPU."""
    answered = per_second * 10
    seen = Load(answered=answered, failed=failed, seconds=10.0, p50_ms=p50_ms, p99_ms=9.0)
    return Sample(seen, cpu_seconds=answered * 100e-6, foreign_share=foreign_share)


def results(**per_second: int) -> Results:
    """One round of every scenario, with so many requests/s for each contender."""
    made = Results(counts=[EXACT])
    for scenario in report.scenarios():
        for name, speed in per_second.items():
            p50_ms = {DIRECT: 0.1, HEADGATE: 0.5}.get(name, 20.0)
            made.add(name, scenario, sample(speed, p50_ms=p50_ms))
    made.lives[HEADGATE] = [Life(1.0, 50 << 20, 60 << 20)]
    return made


def typical() -> Results:
    return results(**{DIRECT: 100_000, HEADGATE: 6_000, LITELLM: 100, PORTKEY: 800})


def aim(made: Results, start: str, end: str = "") -> Aim:
    (found,) = [
        each
        for each in report.aims(made)
        if each.promise.startswith(start) and each.promise.endswith(end)
    ]
    return found


def test_figures_are_medians_and_name_the_slowest_and_the_fastest_round() -> None:
    made = Results()
    for speed, p50_ms in ((900, 3.0), (1_000, 1.0), (1_400, 2.0)):
        made.add(LITELLM, ONE, sample(speed, p50_ms=p50_ms))
    figures = made.figures(LITELLM, ONE)
    assert figures is not None
    assert (figures.slowest, figures.per_second, figures.fastest) == (900, 1_000, 1_400)
    assert figures.p50_ms == 2.0
    assert figures.cpu_us == pytest.approx(100)


def test_an_undisturbed_run_far_from_the_ceiling_is_valid() -> None:
    assert typical().is_valid()
    assert report.render(typical(), {}, "").count("invalid") == 0


@pytest.mark.parametrize(("per_second", "faults"), [(70_000, []), (71_000, ["71% of the ceiling"])])
def test_a_contender_near_the_upstreams_ceiling_is_invalid(
    per_second: int, faults: list[str]
) -> None:
    made = results(**{DIRECT: 100_000, HEADGATE: per_second, LITELLM: 100})
    assert made.faults(HEADGATE, MANY) == faults
    assert made.faults(DIRECT, MANY) == []


def test_a_contender_without_a_measured_ceiling_is_invalid() -> None:
    assert results(Headgate=6_000).faults(HEADGATE, ONE) == ["the upstream's ceiling is unknown"]


def test_one_failed_request_in_any_round_makes_a_figure_invalid() -> None:
    made = typical()
    made.add(LITELLM, ONE, sample(100, failed=1))
    assert made.faults(LITELLM, ONE) == ["1 requests failed"]
    assert made.faults(LITELLM, MANY) == []


def test_a_round_that_other_programs_disturbed_makes_a_figure_invalid() -> None:
    made = typical()
    made.add(LITELLM, ONE, sample(100, foreign_share=0.2))
    assert made.faults(LITELLM, ONE) == ["other programs used 20% of the two cores"]


def test_a_contender_that_answered_nothing_is_invalid() -> None:
    made = typical()
    made.add(LITELLM, ONE, sample(0, failed=5))
    assert made.faults(LITELLM, ONE) == ["nothing was answered"]


@pytest.mark.parametrize(
    ("recorded", "is_exact"), [(99, False), (100, True), (132, True), (133, False)]
)
def test_a_ledger_is_exact_up_to_the_calls_that_were_cut_off(recorded: int, is_exact: bool) -> None:
    assert Count(answered=100, recorded=recorded, cut_off=32).is_exact is is_exact


def test_one_lost_row_makes_all_of_headgates_figures_invalid() -> None:
    made = typical()
    made.counts.append(Count(answered=100, recorded=99, cut_off=0))
    assert not made.is_exact()
    for scenario in report.scenarios():
        assert made.faults(HEADGATE, scenario) == ["the ledger does not hold what was answered"]
        assert made.faults(LITELLM, scenario) == []
    assert "**do not hold**" in report.render(made, {}, "")


def test_headgate_without_a_counted_ledger_is_invalid() -> None:
    made = typical()
    made.counts.clear()
    assert made.faults(HEADGATE, ONE) == ["the ledger does not hold what was answered"]


@pytest.mark.parametrize(("headgate", "is_met"), [(5_000, True), (4_999, False)])
def test_the_aim_is_met_from_fifty_times_litellms_speed(headgate: int, is_met: bool) -> None:
    made = results(**{DIRECT: 100_000, HEADGATE: headgate, LITELLM: 100})
    assert aim(made, "at least", str(MANY)).is_met is is_met


@pytest.mark.parametrize(("p50_ms", "is_met"), [(1.09, True), (1.2, False)])
def test_added_latency_is_measured_against_the_upstream_itself(p50_ms: float, is_met: bool) -> None:
    made = typical()
    made.samples[HEADGATE, ONE] = [sample(6_000, p50_ms=p50_ms)]
    assert aim(made, "added p50", str(ONE)) == Aim(
        "added p50 below 1 ms: JSON, 1 connection", f"{p50_ms - 0.1:.2f} ms", is_met
    )


@pytest.mark.parametrize(("seconds", "is_met"), [(1.49, True), (1.5, False)])
def test_the_aim_for_start_up_is_held_against_the_median_start(
    seconds: float, is_met: bool
) -> None:
    made = typical()
    made.lives[HEADGATE] = [Life(each, 0, 0) for each in (0.1, seconds, 9.0)]
    assert aim(made, "ready").is_met is is_met


def test_an_aim_without_valid_figures_is_not_judged() -> None:
    made = typical()
    made.add(LITELLM, ONE, sample(100, failed=1))
    assert aim(made, "at least", str(ONE)).is_met is None
    without = results(**{DIRECT: 100_000, HEADGATE: 6_000})
    assert aim(without, "at least", str(MANY)) == Aim(
        f"at least 50 times LiteLLM's requests/s: {MANY}", "-", None
    )


def test_a_missed_aim_is_said_plainly() -> None:
    made = results(**{DIRECT: 100_000, HEADGATE: 1_000, LITELLM: 100})
    text = report.render(made, {}, "")
    assert "Of 7 aims 3 were met and 4 missed." in text
    assert f"| at least 50 times LiteLLM's requests/s: {MANY} | 10.0 times | **no** |" in text


def test_the_page_shows_each_contender_in_each_scenario_and_where_it_ran() -> None:
    text = report.render(typical(), {"CPU": "a fast one"}, "## How\n\nSo.\n")
    assert "| CPU | a fast one |" in text
    row = "| Headgate | 6,000 | 6,000 - 6,000 | 0.50 | 9.00 | 0.40 | 100 | yes |"
    assert text.count(row) == len(report.scenarios()) == 4
    assert "| Headgate | 1.00 | 50 | 60 |" in text
    assert text.endswith("## How\n\nSo.\n")


def test_an_invalid_figure_is_shown_with_its_reason() -> None:
    made = typical()
    made.add(LITELLM, ONE, sample(100, failed=2))
    text = report.render(made, {}, "")
    assert "**The run is invalid**" in text
    assert "| **invalid**: 2 requests failed |" in text


def test_a_contender_that_was_left_out_is_shown_as_not_measured() -> None:
    text = report.render(results(**{DIRECT: 100_000, HEADGATE: 6_000}), {}, "")
    assert text.count("| LiteLLM | - | - | - | - | - | - | **invalid**: not measured |") == 4
    assert "The run is valid." in text


def test_a_peer_that_could_not_be_installed_is_named_with_the_reason() -> None:
    made = results(**{DIRECT: 100_000, HEADGATE: 6_000, LITELLM: 100})
    made.absent[PORTKEY] = "its packages could not be installed"
    text = report.render(made, {}, "")
    reason = "not measured: its packages could not be installed"
    assert text.count(f"| Portkey | - | - | - | - | - | - | **invalid**: {reason} |") == 4
    assert f"Portkey was {reason}." in text.partition("## Aims")[0]
    assert "The run is valid." in text


def test_a_load_lasts_longer_where_answers_are_slow_but_not_for_ever() -> None:
    assert report.long_enough(8, 0.001) == 8
    assert report.long_enough(8, 1.81) == 37
    assert report.long_enough(8, 30.0) == report.MOST_SECONDS
    assert report.long_enough(120, 30.0) == 120
