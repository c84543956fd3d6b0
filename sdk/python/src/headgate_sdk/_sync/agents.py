# Written by write_sync.py from _async/agents.py: change that, and write this anew.
"""Agent runs: begun, followed, and told what to do."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

from headgate_sdk._sync.connection import Connection
from headgate_sdk._sync.pages import Page
from headgate_sdk._sync.streams import RunStream
from headgate_sdk.decoding import dollars, given
from headgate_sdk.requests import Request, read
from headgate_sdk.types import Run, RunSummary

RunStatus: TypeAlias = Literal[
    "queued", "running", "waiting", "paused", "succeeded", "failed", "cancelled"
]
_RUNS = "/v1/agents/runs"


class Agents:
    """Agent runs; needs the scope `agent:run`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def run(
        self,
        type: str,  # noqa: A002 - as the interface names it
        input: str | Mapping[str, Any],  # noqa: A002 - as the interface names it
        *,
        model: str | None = None,
        tools: Sequence[str] | None = None,
        budget: float | None = None,
        wait_seconds: float | None = None,
        approvals: Sequence[str] | None = None,
        session_id: str | None = None,
    ) -> Run:
        """Begin a run, and wait for its end up to `wait_seconds` (0 to 60).

        The run goes on whether or not anybody waits. Where the connection breaks, it is not begun
        again by itself: `list` shows whether it was.

        Args:
            tools: the only tools that the run may call.
            budget: the most that it may cost, in US dollars.
            approvals: tools of which every call waits for a decision.
        """
        body = {
            "type": type,
            "input": input,
            "model": model,
            "tools": tools,
            "budget": dollars(budget),
            "waitSeconds": wait_seconds,
            "approvals": approvals,
            "sessionId": session_id,
        }
        request = Request(method="POST", path="/v1/agents/run", body=given(body))
        return self._connection.ask(Run, request)

    def stream(
        self,
        type: str,  # noqa: A002 - as the interface names it
        input: str | Mapping[str, Any],  # noqa: A002 - as the interface names it
        *,
        model: str | None = None,
        tools: Sequence[str] | None = None,
        budget: float | None = None,
        approvals: Sequence[str] | None = None,
        session_id: str | None = None,
    ) -> RunStream:
        """Begin a run and follow it to its end, over broken connections.

        `run` describes the arguments.
        """
        body = {
            "type": type,
            "input": input,
            "model": model,
            "tools": tools,
            "budget": dollars(budget),
            "approvals": approvals,
            "sessionId": session_id,
        }
        begin = Request(method="POST", path="/v1/agents/stream", body=given(body))
        return RunStream(self, self._connection, begin=begin)

    def events(self, run_id: str, *, after: int = 0) -> RunStream:
        """What happens in a run, from behind the event numbered `after` to its end."""
        return RunStream(self, self._connection, run_id=run_id, after=after)

    def get(self, run_id: str) -> Run:
        """A run: what it was given, its steps, what it cost, and what came of it."""
        return self._connection.ask(Run, read(f"{_RUNS}/{_placed(run_id)}"))

    def list(
        self,
        *,
        status: RunStatus | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[RunSummary]:
        """The runs that the key may see, newest first."""
        query = {"status": status, "limit": limit, "cursor": cursor}
        return self._connection.ask_page(RunSummary, read(_RUNS, query))

    def cancel(self, run_id: str) -> Run:
        """Stop a run; one that has ended stays as it is."""
        return self._tell(run_id, "cancel", repeatable=True)

    def pause(self, run_id: str) -> Run:
        """Have a run stand still before its next step."""
        return self._tell(run_id, "pause")

    def resume(self, run_id: str) -> Run:
        """Let a paused run go on."""
        return self._tell(run_id, "resume")

    def approve(
        self, run_id: str, step_id: str, *, approved: bool = True, comment: str | None = None
    ) -> Run:
        """Decide on a tool call that waits for it, with yes unless `approved` is false."""
        body = given({"approved": approved, "comment": comment})
        return self._tell(run_id, f"approvals/{_placed(step_id)}", body)

    def _tell(self, run_id: str, order: str, body: Any = None, *, repeatable: bool = False) -> Run:
        path = f"{_RUNS}/{_placed(run_id)}/{order}"
        request = Request(method="POST", path=path, body=body, repeatable=repeatable)
        return self._connection.ask(Run, request)


def _placed(name: str) -> str:
    return quote(name, safe="")
