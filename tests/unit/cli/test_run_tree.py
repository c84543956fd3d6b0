"""A run's steps as they come."""

from typing import Any

from rich.console import Console

from headgate.cli.run_tree import RunTree


def event(what: str, step_id: str | None = None, /, **data: Any) -> dict[str, Any]:
    at = "2026-11-23T14:00:01.500Z" if what == "step.finished" else "2026-11-23T14:00:00.000Z"
    return {"type": what, "stepId": step_id, "runId": "run_1", "at": at} | data


def test_a_terminal_gets_a_tree_with_cost_and_time() -> None:
    tree = RunTree(is_shown=False)
    tree.take(event("run.started"))
    tree.take(event("step.started", "1", kind="model", name="plan"))
    tree.take(event("step.delta", "1", content="a long\nthought " * 20))
    tree.take(event("step.finished", "1", billed=0.25))
    tree.take(event("step.started", "2.1", kind="tool", name="search"))
    console = Console(width=120)
    with console.capture() as captured:
        console.print(tree._tree())
    first, *lines = captured.get().splitlines()
    assert first == "run_1  started  $0.25"
    assert "✓ model plan  1.5 s  $0.25  a long thought" in lines[0]
    assert lines[0].rstrip().endswith("…")
    assert "branch 2" in lines[1]
    assert "… tool search" in lines[2]
