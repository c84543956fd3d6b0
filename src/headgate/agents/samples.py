"""Sample runs of the last days, so that lists and pages have something to show.

The runs of a day are always the same: loading them again adds those of days that have passed since.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from headgate.core.runs import (
    Change,
    Draft,
    Run,
    RunError,
    RunRequest,
    Tally,
)

DAYS = 7
DAY_SECONDS = 86_400.0
_KEY = "sk-proj-sampleagents"


class SampleRun(NamedTuple):
    """A run as it began, what happened in it, and how it ended."""

    run: Run
    events: Sequence[Draft]
    ending: Change


class _Story(NamedTuple):
    type: str
    input: Any
    tools: tuple[str, ...]
    steps: tuple[tuple[str, str, float, int], ...]
    output: Any
    error: RunError | None = None


# Of each step: its kind, its name, the seconds that it took, and what it cost in nano-dollars.
_STORIES = (
    _Story(
        "research",
        {"topic": "Battery ferries on short crossings"},
        ("search", "summarize"),
        (
            ("model", "plan", 2.1, 410_000),
            ("tool", "search", 0.3, 2_000),
            ("tool", "summarize", 1.8, 350_000),
            ("model", "report", 6.4, 2_900_000),
        ),
        {"text": "The battery ferry used 60 % less energy on the short crossing.", "citations": []},
    ),
    _Story(
        "react",
        "What do the open invoices of Northwind add up to?",
        ("search", "calculator"),
        (
            ("model", "model", 1.2, 380_000),
            ("tool", "search", 0.2, 2_000),
            ("tool", "calculator", 0.0, 0),
            ("model", "model", 1.5, 520_000),
        ),
        {"text": "Three invoices are open: $4,210.50 together."},
    ),
    _Story(
        "react",
        "Order the spare parts that are missing.",
        ("search",),
        (
            ("model", "model", 1.1, 300_000),
            ("tool", "search", 0.2, 2_000),
            ("model", "model", 1.0, 310_000),
        ),
        None,
        RunError("repeated_call", "search was called 3 times in a row with the same arguments"),
    ),
)


def runs(now: float) -> list[SampleRun]:
    """The sample runs of the days before `now`, in Unix seconds."""
    today = now - now % DAY_SECONDS
    return [
        _told(story, today - day * DAY_SECONDS + 36_000 + 5_400 * place)
        for day in range(1, DAYS + 1)
        for place, story in enumerate(_STORIES)
    ]


def _told(story: _Story, at: float) -> SampleRun:
    # As `new_timed_id` makes ids, but the same each time.
    run_id = f"run_{int(at * 1000):012x}{'0' * 12}"
    request = RunRequest(
        type=story.type,
        input=story.input,
        model="auto",
        tools=story.tools,
        max_steps=200,
        seconds=7200,
        approval_seconds=DAY_SECONDS,
    )
    run = Run(
        run_id=run_id,
        key_id=_KEY,
        workspace_id="default",
        user_id="ada",
        request=request,
        created_at=at,
        status="running",  # nobody shall work on it
    )
    events, tally = [Draft(type="run.started", at=at)], Tally()
    for number, (kind, name, seconds, cost) in enumerate(story.steps, 1):
        began, at = at, at + seconds
        told = {"kind": kind, "name": name}
        step_id = str(number)
        events.append(Draft(type="step.started", step_id=step_id, data=told, at=began))
        ended = {**told, "cost": cost, "billed": cost + cost // 50}
        events.append(Draft(type="step.finished", step_id=step_id, data=ended, at=at))
        tally += Tally(1, cost, cost + cost // 50)
    ending = _ending(story, run.created_at, at, tally)
    if story.error is None:
        events.append(Draft(type="run.finished", data={"output": story.output}, at=at))
    else:
        error = {"code": story.error.code, "message": story.error.message}
        events.append(Draft(type="run.failed", data={"error": error}, at=at))
    return SampleRun(run, events, ending)


def _ending(story: _Story, began: float, at: float, tally: Tally) -> Change:
    if story.error is not None:
        return Change(
            status="failed", started_at=began, finished_at=at, tally=("", tally), error=story.error
        )
    return Change(
        status="succeeded",
        started_at=began,
        finished_at=at,
        tally=("", tally),
        output=story.output,
    )
