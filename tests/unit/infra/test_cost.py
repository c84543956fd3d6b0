"""The cost model: its arithmetic, its tables, and the limit that the design keeps."""

import pytest

import cost
from cost import MOST_FIXED, ON_TASKS, Design, Prices, Usage, bill, fixed, total

NOTHING = Usage(requests=0)


def part(name: str, design: Design, usage: Usage = NOTHING) -> cost.Line:
    (line,) = [line for line in bill(design, usage, Prices()) if line.part == name]
    return line


def test_the_design_costs_little_without_a_request() -> None:
    lines = bill(Design(), NOTHING, Prices())
    assert fixed(lines) <= MOST_FIXED
    assert total(lines) == pytest.approx(fixed(lines))


def test_a_design_that_costs_more_would_be_noticed() -> None:
    assert fixed(bill(Design(egress="nat"), NOTHING, Prices())) > MOST_FIXED
    assert fixed(bill(Design(tasks_min=4, tasks_on_demand=4), NOTHING, Prices())) > MOST_FIXED


def test_the_parts_are_what_hours_and_units_make() -> None:
    assert part("Lambda", Design()).fixed == pytest.approx(5 * 0.5 * 730 * 3600 * 0.0000033334)
    assert part("Public addresses", Design()).fixed == pytest.approx(2 * 730 * 0.005)
    assert part("NAT gateway", Design(egress="nat")).fixed == pytest.approx(730 * 0.045)
    assert part("Load balancer", Design()).fixed == 0
    assert part("API Gateway", Design(), Usage()).by_use == pytest.approx(3.5)


def test_a_call_costs_in_proportion_to_its_length() -> None:
    short, long = (part("Lambda", Design(), Usage(mean_seconds=s)).by_use for s in (1, 11))
    assert long - short == pytest.approx(1_000_000 * 10 * 0.5 * 0.0000077779)
    assert part("Lambda", ON_TASKS, Usage(mean_seconds=11)).by_use == 0


def test_long_streams_are_cheaper_on_tasks() -> None:
    seconds = cost.break_even_seconds(Usage(), Prices())
    assert 2 < seconds < 4
    for usage, cheaper in (
        (Usage(mean_seconds=seconds - 0.5), Design()),
        (Usage(mean_seconds=seconds + 0.5), ON_TASKS),
    ):
        other = ON_TASKS if cheaper == Design() else Design()
        assert total(bill(cheaper, usage, Prices())) < total(bill(other, usage, Prices()))


def test_the_guide_has_the_tables_as_they_are() -> None:
    guide = cost.GUIDE.read_text()
    assert cost.with_tables(guide) == guide, "run `make cost`"
    assert "| **all** |" in guide
