"""What a start costs, as it is told."""

import cold_start
from cold_start import Cost


def test_a_start_is_told_by_its_medians_in_milliseconds_and_mebibytes() -> None:
    costs = [Cost(0.3, 0.2, 50 * 2**20), Cost(9.0, 0.1, 60 * 2**20), Cost(0.2, 0.4, 40 * 2**20)]
    assert cold_start._row("start", costs) == ("start", "300", "200", "50")
    assert cold_start._row("import", [Cost(0.05, 0.04)]) == ("import", "50", "40", "-")


def test_what_came_later_had_its_own_processor_time() -> None:
    assert cold_start._since(Cost(0.01, 0.5, 7), Cost(0.3, 0.375, 6)) == Cost(0.01, 0.125, 7)


def test_the_part_of_the_results_says_how_it_was_measured() -> None:
    part = cold_start.render([("start", "300", "200", "50")], 9, "today, this machine")
    assert "| Measured | today, this machine |" in part
    assert "| start | 300 | 200 | 50 |" in part
    assert "medians of 9 starts" in part
