"""The part of RESULTS.md says of each question whether it met the aim."""

from pathlib import Path

from usage_questions import Answer, Question
from usage_run import DATABASE, Loaded, kept, load, render, summary

FAST = Answer(Question("by model", "/"), [5.0] * 20)
SLOW = Answer(Question("by hour", "/"), [5.0] * 18 + [150.0] * 2)
LOADED = Loaded(calls=1_000_000, days=90, seconds=50.0, bytes=2**30)


def test_a_missed_aim_is_said() -> None:
    assert summary([FAST, SLOW]) == (
        "Of 2 questions 1 had a p95 below 100 ms and 1 had not. The slowest was by hour: 150.0 ms."
    )
    text = render(LOADED, [FAST, SLOW], "today")
    assert "| by model | 5.0 | 5.0 | yes |" in text
    assert "| by hour | 5.0 | 150.0 | **no** |" in text


def test_load_rate_and_size_are_shown() -> None:
    text = render(LOADED, [FAST], "today")
    assert "| Calls | 1,000,000 over 90 days |" in text
    assert "20,000 calls/s" in text
    assert "1.0 GiB, 1,074 bytes a call" in text


def test_what_was_loaded_is_kept_for_the_same_size_alone(tmp_path: Path) -> None:
    assert kept(tmp_path, 1000, 3) is None
    loaded = load(tmp_path, 1000, 3)
    assert (tmp_path / DATABASE).stat().st_size > 0
    assert kept(tmp_path, 1000, 3) == loaded
    assert kept(tmp_path, 5000, 3) is None
    assert kept(tmp_path, 1000, 9) is None
