"""A run's steps as they come: a live tree in a terminal, and one line a step elsewhere."""

from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import click

from headgate.cli.output import dollars, printable
from headgate.core.times import parse_iso

MOST_TEXT = 80
_SIGNS = {"under way": "…", "done": "✓", "failed": "✗", "waits": "?"}


@dataclass(slots=True)
class Step:
    """What is known of a step."""

    kind: str
    name: str
    began: str
    state: str = "under way"
    ended: str | None = None
    billed: Any = 0
    told: str = ""

    def line(self) -> str:
        """The step on one line."""
        seconds = ""
        if self.ended is not None:
            took = parse_iso(self.ended) - parse_iso(self.began)
            seconds = f"  {took.total_seconds():.1f} s"
        cost = f"  {dollars(self.billed)}" if self.billed else ""
        text = " ".join(self.told.split())
        text = text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 1]}…"
        told = f"  {text}" if text else ""
        return printable(f"{_SIGNS[self.state]} {self.kind} {self.name}{seconds}{cost}{told}")


@dataclass(slots=True)
class RunTree:
    """Shows a run while it is entered, if it `is_shown` at all."""

    is_shown: bool
    steps: dict[str, Step] = field(default_factory=dict)
    head: str = ""
    _live: Any = None

    def __enter__(self) -> Self:
        if self.is_shown:
            from rich.console import Console  # as in output.py: it takes long to load
            from rich.live import Live

            console = Console(stderr=True)
            if console.is_terminal:
                self._live = Live(console=console, refresh_per_second=8)
                self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.update(self._tree(), refresh=True)
            self._live.stop()

    def take(self, event: dict[str, Any]) -> None:
        """Show what has happened."""
        step = self._note(event)
        if not self.is_shown:
            return
        if self._live is not None:
            self._live.update(self._tree())
        elif step is not None and event["type"] == "step.finished":
            click.echo(f"{'  ' * event['stepId'].count('.')}{step.line()}", err=True)
        elif event["type"].startswith("run.") or event["type"] == "approval.requested":
            click.echo(printable(self.head if step is None else step.line()), err=True)

    def _note(self, event: dict[str, Any]) -> Step | None:
        """Keep what an event tells; gives the step that it is about."""
        step_id, kind = event.get("stepId"), event["type"]
        if step_id is None:
            self.head = f"{event['runId']}  {kind.removeprefix('run.')}"
            return None
        if kind == "step.started":
            self.steps[step_id] = Step(event["kind"], event["name"], event["at"])
        step = self.steps[step_id]
        if kind == "step.delta":
            step.told += event["content"]
        elif kind == "tool.called":
            step.told = str(event.get("arguments", ""))
        elif kind == "approval.requested":
            step.state = "waits"
            step.told = f"headgate agents approve {event['runId']} {step_id}"
        elif kind == "step.finished":
            step.state = "failed" if event.get("error") or event.get("failed") else "done"
            step.ended, step.billed = event["at"], event.get("billed", 0)
        return step

    def _tree(self) -> Any:
        from rich.text import Text
        from rich.tree import Tree

        total = sum(step.billed for step in self.steps.values())
        tree = Tree(Text(f"{self.head}  {dollars(total)}" if total else self.head))
        branches: dict[str, Tree] = {"": tree}
        for step_id, step in self.steps.items():
            path = step_id.rpartition(".")[0]
            if path not in branches:
                branches[path] = tree.add(Text(f"branch {path}"))
            branches[path].add(Text(step.line()))
        return tree
