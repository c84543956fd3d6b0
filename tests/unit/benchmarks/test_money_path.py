"""The money path is measured over the real parts, and every call of it is in the ledger."""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

from money_path import STAGES, Figures, measure, opened, render, stages

FIGURES = Figures(
    concurrency=32,
    calls=2_000,
    seconds=2.0,
    p50_us=1_500.0,
    loop_us=40.0,
    writer_us=20.0,
    readers_us=0.5,
    round_trips=Counter({"reads of the key": 3, "grants of leases": 1}),
    network=0,
)


async def test_calls_are_settled_in_all_four_budgets_and_counted(tmp_path: Path) -> None:
    network: list[str] = ["from before"]
    async with opened(tmp_path) as desk:
        found = await measure(desk, 4, 0.2, network)
        steps = await stages(desk, 10)
    assert found.calls > 0
    assert min(found.loop_us, found.writer_us, found.p50_us) > 0
    assert found.network == 0
    # Each of the four budgets needs a lease at least once, and all are read once.
    assert found.round_trips["grants of leases"] >= 4
    assert found.round_trips["reads of budgets"] >= 1
    assert set(steps) == set(STAGES)
    with closing(sqlite3.connect(tmp_path / "headgate.db")) as connection:
        rows = connection.execute("SELECT count(*), sum(billed) FROM events").fetchone()
        spent = connection.execute("SELECT scope, spent FROM accounts").fetchall()
    assert rows[0] == found.calls + 10
    assert dict(spent) == dict.fromkeys(("key", "user", "workspace", "model"), rows[1])


def test_figures_are_shown_per_call() -> None:
    text = render([FIGURES], {"settle": 11.04}, "today")
    assert "| 32 | 1,000 | 1,500.0 | 40.0 | 20.0 | 0.5 | 60.5 |" in text
    assert "| settle | 11.0 |" in text
    assert "| 32 | 2,000 in 2.0 s | 1 grants of leases, 3 reads of the key | 0.200% | 0 |" in text
