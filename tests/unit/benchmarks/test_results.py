"""Several commands write RESULTS.md, and none loses what another wrote."""

from results import with_agents, with_gateway, with_money, with_starts, with_usage

GATEWAY = "# Benchmark results\n\nFast.\n"


def test_each_part_replaces_itself_alone() -> None:
    both = with_usage(GATEWAY, "Constant.")
    assert both == GATEWAY + "\n# Usage at scale\n\nConstant.\n"
    assert with_usage(both, "Slower.") == both.replace("Constant", "Slower")
    assert with_gateway(both, GATEWAY.replace("Fast", "Slow")) == both.replace("Fast", "Slow")


def test_either_part_may_come_first() -> None:
    usage = with_usage("", "Constant.")
    assert usage == "# Usage at scale\n\nConstant.\n"
    assert with_gateway(usage, GATEWAY) == with_usage(with_gateway("", GATEWAY), "Constant.")


def test_the_money_path_stands_between_them() -> None:
    both = with_usage(GATEWAY, "Constant.\n\n## Part\n\nMore.")
    all_three = with_money(both, "Cheap.")
    assert all_three == both.replace("# Usage", "# The money path\n\nCheap.\n\n# Usage")
    assert with_money(all_three, "Dear.") == all_three.replace("Cheap", "Dear")
    assert with_money("", "Cheap.") == "# The money path\n\nCheap.\n"
    all_four = with_agents(all_three, "Durable.")
    assert with_agents(all_four, "Lost.") == all_four.replace("Durable", "Lost")
    all_five = with_starts(all_four, "Soon.")
    assert all_five == all_four + "\n# Starts\n\nSoon.\n"
    assert with_starts(all_five, "Late.") == all_five.replace("Soon", "Late")
