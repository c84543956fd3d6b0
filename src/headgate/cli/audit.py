"""`headgate audit`: who did what to the platform."""

from pathlib import Path
from typing import Any

import click

from headgate.cli.connection import Connection, Query, fetch
from headgate.cli.installation import Session, pass_session
from headgate.cli.options import Command, as_json, connection_options, example
from headgate.cli.output import print_json, print_reply, print_table, printable

MOST_LISTED = 200
_FILTERS = (
    ("--from", "from_", "From this time on, in ISO 8601."),
    ("--to", "to", "Before this time."),
    ("--actor", "actor", "By this key or user, by its id."),
    ("--action", "action", "Such as key.change; or key, for all that is done to keys."),
    ("--target", "target", "Done to this, by its id."),
)


def filter_options(command: Command) -> Command:
    """Adds the options that say which acts are meant."""
    for option, name, text in reversed(_FILTERS):
        command = click.option(option, name, help=text)(command)
    return command


@click.group(epilog=example("headgate audit list --action key", "headgate audit verify"))
def audit() -> None:
    """Read, export and check the log of what administrators did."""


@audit.command("list", epilog=example("headgate audit list --actor sk-proj-a1B2c3D4e5F6"))
@filter_options
@click.option("--limit", type=click.IntRange(1, MOST_LISTED), default=50, show_default=True)
@connection_options
@as_json
@pass_session
def list_acts(session: Session, /, as_json: bool, limit: int, **filters: str | None) -> None:
    """List what was done, newest first."""
    query = [("limit", str(limit)), *_given(filters)]
    reply = session.run(lambda c: fetch(c, "GET", "/v1/audit", query=query))
    if as_json:
        print_reply(reply)
        return
    columns = ("at", "actor", "means", "action", "target", "result")
    print_table(columns, [_row(act) for act in reply.json["data"]])


@audit.command(epilog=example("headgate audit export --format csv --output audit.csv"))
@filter_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "csv"]),
    default="jsonl",
    show_default=True,
    help="JSON, an act a line; or a table for a spreadsheet.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="The file to write; else it is printed.",
)
@connection_options
@pass_session
def export(session: Session, /, form: str, output: Path | None, **filters: str | None) -> None:
    """Write the whole log into a file."""
    query = [("format", form), *_given(filters)]
    reply = session.run(lambda c: fetch(c, "GET", "/v1/audit/export", query=query))
    if output is None:
        click.echo(reply.body, nl=False)
    else:
        output.write_bytes(reply.body)
        click.echo(f"Wrote {output}.", err=True)


@audit.command(
    epilog=example("headgate audit verify", "headgate audit verify --records 120 --head 3fa9…")
)
@click.option("--records", type=click.IntRange(min=1), help="What an earlier check said: how many.")
@click.option("--head", help="What it said the last one's hash was.")
@connection_options
@as_json
@pass_session
def verify(session: Session, records: int | None, head: str | None, as_json: bool) -> None:
    """Check that nothing was changed, removed or inserted; exit code 1 where something was.

    Keep what it prints somewhere else: with it the next check shows too whether the log was cut
    off or written anew.
    """
    if (records is None) != (head is None):
        raise click.UsageError("Give both --records and --head, or neither.")
    query = [("records", str(records)), ("head", head)] if records and head else []

    async def ask(connection: Connection) -> Any:
        return (await fetch(connection, "GET", "/v1/audit/verification", query=query)).json

    found = session.run(ask)
    if as_json:
        print_json(found)
    elif found["intact"]:
        click.echo(f"{found['records']} records, none changed. Head: {found['head']}")
    else:
        click.echo(f"Record {found['firstWrong']} is not the one that was written.", err=True)
    if not found["intact"]:
        raise click.exceptions.Exit(1)


def _row(act: dict[str, Any]) -> tuple[str, ...]:
    actor = act["actor"]
    who = actor["userId"] or actor["keyId"] or actor["name"]
    result = act["result"] if act["code"] is None else f"{act['result']} ({act['code']})"
    row = (act["at"], who, actor["means"], act["action"], act["target"], result)
    return tuple(printable(each) for each in row)


def _given(filters: dict[str, str | None]) -> Query:
    return [(name.rstrip("_"), value) for name, value in filters.items() if value is not None]
