"""`headgate prompts`: templates listed, read, filled in, compared and checked."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from headgate.cli.connection import CommandFailed, fetch
from headgate.cli.findings import PromptCheck
from headgate.cli.installation import Session, pass_session
from headgate.cli.options import as_json, connection_options, data_option, example
from headgate.cli.output import print_json, print_reply, print_table, printable

version_option = click.option(
    "--version", "version", type=click.IntRange(min=1), help="The version; else the latest."
)


@click.group(epilog=example("headgate prompts list"))
def prompts() -> None:
    """Show, fill in and check prompt templates."""


@prompts.command("list", epilog=example("headgate prompts list"))
@connection_options
@as_json
@pass_session
def list_prompts(session: Session, as_json: bool) -> None:
    """List the templates, in their latest versions."""
    reply = session.run(lambda c: fetch(c, "GET", "/v1/prompts"))
    if as_json:
        print_reply(reply)
        return
    rows = [
        (item["name"], item["version"], item["origin"], item["description"])
        for item in reply.json["data"]
    ]
    print_table(("name", "version", "origin", "description"), rows)


@prompts.command(epilog=example("headgate prompts show summarize"))
@click.argument("name")
@version_option
@connection_options
@as_json
@pass_session
def show(session: Session, name: str, version: int | None, as_json: bool) -> None:
    """Show the file of the template NAME."""
    query = [] if version is None else [("version", str(version))]
    reply = session.run(lambda c: fetch(c, "GET", _path(name), query=query))
    if as_json:
        print_reply(reply)
    else:
        click.echo(printable(reply.json["template"]), nl=False)


@prompts.command(
    epilog=example(
        "headgate prompts render summarize --example",
        "headgate prompts render summarize -i text=@letter.txt -i max_words:=50 --model gpt-4o",
        "headgate prompts render summarize --example --file summarize.md --style xml",
    )
)
@click.argument("name")
@click.option(
    "-i",
    "--input",
    "given",
    metavar="NAME=TEXT",
    multiple=True,
    help="An input: NAME=TEXT, NAME=@FILE, or NAME:=JSON. May be repeated.",
)
@click.option("--example", "use_example", is_flag=True, help="Begin with the template's example.")
@click.option("--model", help="The model that will read it; else the default one.")
@click.option("--style", type=click.Choice(("xml", "headings")), help="How blocks are told apart.")
@click.option(
    "--file",
    "draft",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A draft of the template, to try in its place.",
)
@version_option
@connection_options
@as_json
@pass_session
def render(
    session: Session, /, name: str, given: Sequence[str], as_json: bool, **options: Any
) -> None:
    """Fill in the template NAME, and show what the model would read."""
    wanted = ("model", "style", "version")
    body = {key: options[key] for key in wanted if options[key] is not None}
    if options["draft"] is not None:
        body["template"] = _text(options["draft"])
    inputs: dict[str, Any] = {}
    if options["use_example"]:
        query = [("version", str(options["version"]))] if options["version"] else []
        shown = session.run(lambda c: fetch(c, "GET", _path(name), query=query))
        inputs.update(json.loads(shown.body)["example"])
    inputs.update(_input(item) for item in given)
    path = f"{_path(name)}/render"
    reply = session.run(lambda c: fetch(c, "POST", path, {**body, "inputs": inputs}))
    if as_json:
        print_reply(reply)
        return
    for message in reply.json["messages"]:
        click.secho(f"--- {message['role']} ---", bold=True)
        click.echo(printable(message["content"]))


@prompts.command(
    epilog=example("headgate prompts diff summarize", "headgate prompts diff tag --from 1 --to 3")
)
@click.argument("name")
@click.option("--from", "start", type=click.IntRange(min=1), help="Else the one before --to.")
@click.option("--to", "end", type=click.IntRange(min=1), help="Else the latest.")
@connection_options
@as_json
@pass_session
def diff(session: Session, name: str, start: int | None, end: int | None, as_json: bool) -> None:
    """Show what changed between two versions of the template NAME."""
    query = [(key, str(value)) for key, value in (("from", start), ("to", end)) if value]
    reply = session.run(lambda c: fetch(c, "GET", f"{_path(name)}/diff", query=query))
    if as_json:
        print_reply(reply)
    else:
        click.echo(printable(reply.json["unified"]) or "They are the same.")


@prompts.command(epilog=example("headgate prompts check", "headgate prompts check prompts --write"))
@click.argument(
    "directory", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option("--write", is_flag=True, help="Record new versions in fingerprints.json.")
@data_option
@as_json
@pass_session
def check(session: Session, directory: Path | None, write: bool, as_json: bool) -> None:
    """Check the templates in DIRECTORY, else the platform's and your own.

    Each must be well written, and none may have changed without a higher version. What changed in
    a new version is listed.
    """
    checks = session.installation.check_prompts(session.target, directory, write=write)
    if as_json:
        print_json([_as_object(one) for one in checks])
    else:
        for one in checks:
            _print_check(one)
    if any(one.problems for one in checks):
        raise CommandFailed("The templates are not in order.")


def _path(name: str) -> str:
    return f"/v1/prompts/{quote(name, safe='')}"


def _input(item: str) -> tuple[str, Any]:
    """An input's name and value: `NAME=TEXT`, `NAME=@PATH`, or `NAME:=JSON`."""
    name, equals, value = item.partition("=")
    if not equals or not name.rstrip(":"):
        raise click.UsageError(f"{item[:80]!r} is no input: write NAME=TEXT or NAME:=JSON.")
    if name.endswith(":"):
        try:
            return name[:-1], json.loads(value)
        except ValueError as error:
            raise click.UsageError(f"{name[:-1]}: {value[:80]!r} is not JSON: {error}.") from None
    if value.startswith("@"):
        return name, _text(Path(value[1:]))
    return name, value


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"{path} cannot be read: {error}") from None


def _as_object(checked: PromptCheck) -> dict[str, Any]:
    return {
        "directory": checked.directory,
        "templates": [one._asdict() for one in checked.templates],
        "problems": checked.problems,
        "isRecorded": checked.is_recorded,
    }


def _print_check(checked: PromptCheck) -> None:
    click.echo(f"{checked.directory}: {len(checked.templates)} templates")
    for one in checked.templates:
        if one.status == "new":
            since = ""
            if one.since is not None:
                changed = ", ".join(one.changes) or "nothing that a model reads"
                since = f"; since version {one.since} changed: {changed}"
            click.echo(f"  {one.name} {one.version} is new{since}")
    for problem in checked.problems:
        click.echo(f"  {printable(problem)}")
    if not checked.is_recorded and checked.templates:
        click.echo("  Changes are not noticed without a fingerprints.json: --write makes it.")
