"""`headgate agents`: start runs, watch them, and tell them what to do."""

import json
import sys
from contextlib import aclosing
from decimal import Decimal
from typing import Any

import click

from headgate.cli.connection import CommandFailed, Connection, Reply, failure, fetch
from headgate.cli.installation import Session, pass_session
from headgate.cli.options import amount, as_json, connection_options, example
from headgate.cli.output import dollars, print_reply, print_table, printable
from headgate.cli.run_tree import RunTree

_LAST = {"run.finished", "run.failed", "run.cancelled"}


@click.group(epilog=example('headgate agents run research --input "Battery ferries" --watch'))
def agents() -> None:
    """Start agent runs, watch them, and tell them what to do."""


@agents.command(
    epilog=example(
        'headgate agents run research --input "Battery ferries" --watch',
        'headgate agents run document-analysis --input \'{"documentId": "doc_…"}\'',
        'headgate agents run react --input "What is 3 * 14?" --tool calculator --budget 0.05',
    )
)
@click.argument("kind", metavar="TYPE")
@click.option("--input", "given", required=True, help="A text or a JSON object; - reads it.")
@click.option("--model", help="The model; else the platform chooses.")
@click.option("--tool", "tools", multiple=True, help="A tool that the run may call; repeatable.")
@click.option(
    "--approve", "approvals", multiple=True, help="A tool whose calls wait for a yes; repeatable."
)
@click.option("--budget", callback=amount, help="The most that may be billed, in dollars.")
@click.option("--session", "session_id", help="The conversation that the run belongs to.")
@click.option("--watch", is_flag=True, help="Show the steps, their cost and time, as they come.")
@connection_options
@as_json
@pass_session
def run(
    session: Session, /, kind: str, given: str, watch: bool, as_json: bool, **options: Any
) -> None:
    """Start a run of TYPE, wait for its end, and print what came of it.

    A run goes on if this command is ended and a server works on the same data.
    """
    body: dict[str, Any] = {"type": kind, "input": input_of(given)}
    names = {"model": "model", "budget": "budget", "session_id": "sessionId"}
    body |= {name: options[key] for key, name in names.items() if options[key] is not None}
    body |= {name: list(options[name]) for name in ("tools", "approvals") if options[name]}
    payload = session.run(lambda c: follow(c, body, watch=watch))
    last = _decoded(payload)
    if as_json:
        print_reply(Reply(200, {}, payload))
    elif last["type"] == "run.finished":
        click.echo(_text_of(last.get("output")))
    if last["type"] == "run.failed":
        raise failure(last["error"])
    if last["type"] == "run.cancelled":
        raise CommandFailed("The run was cancelled.")


@agents.command(
    "list", epilog=example("headgate agents list", "headgate agents list --status running")
)
@click.option("--status", help="Only runs with this status.")
@click.option(
    "--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="How many."
)
@connection_options
@as_json
@pass_session
def list_runs(session: Session, status: str | None, limit: int, as_json: bool) -> None:
    """List runs, newest first."""
    query = [("limit", str(limit)), *([("status", status)] if status else [])]
    reply = session.run(lambda c: fetch(c, "GET", "/v1/agents/runs", query=query))
    if as_json:
        print_reply(reply)
        return
    columns = ("run", "type", "status", "steps", "billed", "created")
    rows = [
        (
            item["runId"],
            item["type"],
            item["status"],
            item["stepCount"],
            dollars(item["billed"]),
            item["createdAt"],
        )
        for item in reply.json["data"]
    ]
    print_table(columns, rows)


@agents.command(epilog=example("headgate agents show run_01a2…"))
@click.argument("run_id", metavar="RUN")
@connection_options
@as_json
@pass_session
def show(session: Session, run_id: str, as_json: bool) -> None:
    """Show a run with its steps."""
    reply = session.run(lambda c: fetch(c, "GET", f"/v1/agents/runs/{run_id}"))
    if as_json:
        print_reply(reply)
        return
    found = reply.json
    click.echo(f"{found['type']} {found['runId']}: {found['status']}, {dollars(found['billed'])}")
    columns = ("step", "kind", "name", "attempt", "billed", "started", "finished")
    print_table(
        columns,
        [
            (
                step["stepId"],
                step["kind"],
                step["name"],
                step["attempt"],
                dollars(step.get("billed")),
                step["startedAt"],
                step.get("finishedAt"),
            )
            for step in found["steps"]
        ],
    )
    for pending in found["pendingApprovals"]:
        click.echo(f"waits: {_wish(pending)}")
        click.echo(f"  headgate agents approve {found['runId']} {pending['stepId']}")
    if found.get("error"):
        click.echo(f"failed: {printable(found['error']['message'])}")
    elif found["output"] is not None:
        click.echo(_text_of(found["output"]))


@agents.command(epilog=example("headgate agents cancel run_01a2…"))
@click.argument("run_id", metavar="RUN")
@connection_options
@as_json
@pass_session
def cancel(session: Session, run_id: str, as_json: bool) -> None:
    """Stop a run."""
    reply = session.run(lambda c: fetch(c, "POST", f"/v1/agents/runs/{run_id}/cancel"))
    if as_json:
        print_reply(reply)
    else:
        click.echo(f"{run_id} is {reply.json['status']}.")


@agents.command(
    epilog=example(
        "headgate agents approve run_01a2… 4",
        'headgate agents approve run_01a2… 4 --reject --comment "Too dear"',
    )
)
@click.argument("run_id", metavar="RUN")
@click.argument("step_id", metavar="STEP")
@click.option("--reject", is_flag=True, help="Say no.")
@click.option("--comment", help="Why; the model reads it.")
@connection_options
@as_json
@pass_session
def approve(  # noqa: PLR0917 - the arguments and options of a command
    session: Session, run_id: str, step_id: str, reject: bool, comment: str | None, as_json: bool
) -> None:
    """Let a tool call that waits for approval be made, or not."""
    path = f"/v1/agents/runs/{run_id}/approvals/{step_id}"
    body = {"approved": not reject, **({"comment": comment} if comment else {})}
    reply = session.run(lambda c: fetch(c, "POST", path, body))
    if as_json:
        print_reply(reply)
    else:
        click.echo(f"Step {step_id} of {run_id} is {'rejected' if reject else 'approved'}.")


def input_of(given: str) -> Any:
    """A run's input: an object where the text is one in JSON, else the text itself."""
    text = sys.stdin.read() if given == "-" else given
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except ValueError:
            raise click.UsageError("The input begins like a JSON object and is none.") from None
    return text


async def follow(connection: Connection, body: dict[str, Any], *, watch: bool) -> bytes:
    """Start a run and follow it; gives its last event, as JSON.

    Raises:
        CommandFailed: it was not started, or what is told of it broke off.
    """
    last = None
    with RunTree(is_shown=watch) as tree:
        async with aclosing(connection.stream("POST", "/v1/agents/stream", body)) as stream:
            async for payload in stream:
                event = _decoded(payload)
                tree.take(event)
                if event["type"] in _LAST:
                    last = payload
    if last is None:
        raise CommandFailed("The run's events broke off. `headgate agents list` shows the run.")
    return last


def _decoded(payload: bytes) -> dict[str, Any]:
    """An event; its amounts are exact."""
    found: dict[str, Any] = json.loads(payload, parse_float=Decimal)
    return found


def _text_of(output: Any) -> str:
    """The text of an output where it has one, else all of it as JSON."""
    if isinstance(output, dict) and isinstance(output.get("text"), str):
        sources = [
            f"[{number}] {item['title']}, {item['start']}-{item['end']}"
            for number, item in enumerate(output.get("citations") or (), 1)
        ]
        return printable("\n".join([output["text"], *([""] if sources else []), *sources]))
    return printable(json.dumps(output, ensure_ascii=False, indent=2, default=str))


def _wish(pending: dict[str, Any]) -> str:
    arguments = json.dumps(pending["arguments"], ensure_ascii=False, default=str)
    return printable(f"{pending['tool']} {arguments}")
