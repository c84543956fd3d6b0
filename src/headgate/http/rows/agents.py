"""Routes to agent runs."""

from headgate.http import acts, agents
from headgate.http.routes import Route

_RUN = "/v1/agents/runs/{runId}"
_EVENTS = (
    "Server-sent events under their numbers, which begin at 1 and leave none out:"
    " `{seq, attempt, at, runId, stepId, type, …}`. The stream ends by itself after the run's last."
    " What a later `attempt` of a step tells replaces what an earlier one told."
    " `type` is one of\n\n"
    "- `run.queued`, `run.started`, `run.paused`, `run.resumed`, `budget.warning`\n"
    "- `step.started` and `step.finished` with `kind` (`model`, `tool`, `approval`) and `name`\n"
    "- `step.delta` with the next `content` of a model's answer\n"
    "- `tool.called` with `tool` and `arguments`, `tool.result` with `result` or `error`\n"
    "- `approval.requested`, `approval.decided`\n"
    "- the last: `run.finished` with the `output`, `run.failed` with the `error`, `run.cancelled`"
)


def agent_routes() -> list[Route]:
    """Starting runs, and the runs that there are."""
    return [
        Route(
            method="POST",
            path="/v1/agents/run",
            access="agent:run",
            handler=agents.start,
            summary="Start a run",
            description=(
                "The run goes on whether or not anybody waits, over restarts too. With"
                " `waitSeconds` the answer waits for the end, and is 200 if it came. `tools` are"
                " the only tools that the run may call; calls of those in `approvals` wait for"
                " a decision. What is left of the `budget` bounds what each next call may be"
                " billed."
            ),
            body=agents.RunBody,
            answer=agents.RunItem,
            status=202,
            begins_once=True,
        ),
        Route(
            method="POST",
            path="/v1/agents/stream",
            access="agent:run",
            handler=agents.stream,
            summary="Start a run and follow it",
            description=_EVENTS,
            body=agents.RunBody,
            answer=None,
            streams=True,
            begins_once=True,
        ),
        Route(
            method="GET",
            path="/v1/agents/runs",
            access="agent:run",
            handler=agents.listed,
            summary="The runs, newest first",
            description="Those of the key's user, or of the key where it has none; an admin's all.",
            query=agents.RunsQuery,
            answer=agents.RunList,
        ),
        Route(
            method="GET",
            path=_RUN,
            access="agent:run",
            handler=agents.show,
            summary="A run",
            description="What it was given, its steps, what it cost, and what came of it.",
            answer=agents.RunItem,
        ),
        Route(
            method="GET",
            path=f"{_RUN}/events",
            access="agent:run",
            handler=agents.events,
            summary="What happens in a run",
            description=(
                f"{_EVENTS}\n\n`Last-Event-ID`, or `after`, goes on behind that event. Whenever it"
                " is read, the events are the same."
            ),
            query=agents.EventsQuery,
            answer=None,
            streams=True,
        ),
        *_command_routes(),
    ]


def _command_routes() -> list[Route]:
    return [
        Route(
            method="POST",
            path=f"{_RUN}/cancel",
            access="agent:run",
            handler=agents.cancel,
            summary="Stop a run",
            description="A run that has ended stays as it is.",
            answer=agents.RunItem,
        ),
        Route(
            method="POST",
            path=f"{_RUN}/pause",
            access="agent:run",
            handler=agents.pause,
            summary="Have a run stand still before its next step",
            description="A step under way is finished. One that has ended is 409.",
            answer=agents.RunItem,
        ),
        Route(
            method="POST",
            path=f"{_RUN}/resume",
            access="agent:run",
            handler=agents.resume,
            summary="Let a paused run go on",
            description="One that is not paused is 409.",
            answer=agents.RunItem,
        ),
        Route(
            method="POST",
            path=f"{_RUN}/approvals/{{stepId}}",
            access="agent:run",
            handler=agents.decide,
            audit=acts.APPROVAL_DECIDED,
            summary="Decide on a tool call that waits for approval",
            description="A second decision is 409.",
            body=agents.DecisionBody,
            answer=agents.RunItem,
        ),
    ]
