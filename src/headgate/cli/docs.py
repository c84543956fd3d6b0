"""`headgate docs`: documents, searched and asked."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import click

from headgate.cli.connection import CommandFailed, Connection, File, fetch, fetch_all
from headgate.cli.installation import Session, pass_session
from headgate.cli.options import as_json, connection_options, example
from headgate.cli.output import cell_text, print_json, print_reply, print_table, printable
from headgate.core.documents import DEFAULT_RESULTS, DEFAULT_SOURCES, MOST_RESULTS
from headgate.documents.kinds import KINDS, suffix

MOST_SHOWN = 240

Command = TypeVar("Command", bound=Callable[..., Any])


def limit_option(default: int) -> Callable[[Command], Command]:
    """Adds `--limit`: how many passages are found, or read."""
    return click.option(
        "--limit",
        type=click.IntRange(1, MOST_RESULTS),
        default=default,
        show_default=True,
        help="How many passages.",
    )


@click.group(epilog=example("headgate docs add handbook.pdf notes/", 'headgate docs ask "Who?"'))
def docs() -> None:
    """Add documents, list and delete them, search and ask them."""


@docs.command(epilog=example("headgate docs add handbook.pdf", "headgate docs add notes/ --json"))
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(exists=True, readable=True, path_type=Path)
)
@connection_options
@as_json
@pass_session
def add(session: Session, paths: tuple[Path, ...], as_json: bool) -> None:
    """Add files, and the txt, md, html, pdf and docx files in directories.

    Each file is added by itself: one that cannot be read keeps no other out.
    """
    files = list(_files(paths))
    if not files:
        raise CommandFailed("There is no txt, md, html, pdf or docx file in that directory.")
    added, failed = session.run(lambda connection: _add(connection, files))
    if as_json:
        print_json({"data": added, "failed": failed})
    else:
        if added:
            rows = [(item["id"], item["name"], item["chunks"]) for item in added]
            print_table(("id", "name", "chunks"), rows)
        for one in failed:
            click.echo(f"{printable(one['path'])}: {printable(one['message'])}", err=True)
    if failed:
        raise click.exceptions.Exit(1)


@docs.command("list", epilog=example("headgate docs list --json"))
@connection_options
@as_json
@pass_session
def list_documents(session: Session, as_json: bool) -> None:
    """List all documents, newest first."""
    found = session.run(lambda connection: fetch_all(connection, "/v1/documents"))
    if as_json:
        print_json({"data": found})
        return
    columns = ("id", "name", "kind", "pages", "characters", "chunks", "added")
    fields = ("id", "name", "kind", "pages", "characters", "chunks", "createdAt")
    print_table(columns, [[item.get(field) for field in fields] for item in found])


@docs.command(epilog=example('headgate docs search "how long can I return goods" --limit 3'))
@click.argument("query")
@limit_option(DEFAULT_RESULTS)
@connection_options
@as_json
@pass_session
def search(session: Session, query: str, limit: int, as_json: bool) -> None:
    """Find passages, best first."""
    body = {"query": query, "limit": limit}
    reply = session.run(lambda connection: fetch(connection, "POST", "/v1/search", body))
    if as_json:
        print_reply(reply)
        return
    for result in reply.json["results"]:
        click.echo(f"{_place(result, 'name')}  {cell_text(result['score'])}")
        text = " ".join(printable(result["text"]).split())
        click.echo(f"  {text[:MOST_SHOWN]}{'…' if len(text) > MOST_SHOWN else ''}\n")


@docs.command(epilog=example('headgate docs ask "How long can I return goods?"'))
@click.argument("question")
@click.option("--model", help="The model that answers; else the platform's default.")
@limit_option(DEFAULT_SOURCES)
@connection_options
@as_json
@pass_session
def ask(session: Session, question: str, model: str | None, limit: int, as_json: bool) -> None:
    """Answer a question from the documents, with citations."""
    body = {"question": question, "limit": limit} | ({} if model is None else {"model": model})
    reply = session.run(lambda connection: fetch(connection, "POST", "/v1/documents/ask", body))
    if as_json:
        print_reply(reply)
        return
    click.echo(printable(reply.json["answer"]))
    for citation in reply.json["citations"]:
        click.echo(f'\n{_place(citation, "title")}\n  "{printable(citation["quote"])}"')


@docs.command(epilog=example("headgate docs delete doc_0a1b2c"))
@click.argument("document_ids", nargs=-1, required=True, metavar="ID…")
@connection_options
@as_json
@pass_session
def delete(session: Session, document_ids: tuple[str, ...], as_json: bool) -> None:
    """Delete documents, for good."""

    async def gone(connection: Connection) -> list[Any]:
        paths = [f"/v1/documents/{quote(one, safe='')}" for one in document_ids]
        return [(await fetch(connection, "DELETE", path)).json for path in paths]

    deleted = session.run(gone)
    if as_json:
        print_json({"data": deleted})
        return
    for one in deleted:
        click.echo(f"Deleted {one['id']}.")


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    """The files that are meant; of a directory those of a known kind, without hidden ones."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for found in sorted(path.rglob("*")):
            hidden = any(part.startswith(".") for part in found.relative_to(path).parts)
            if suffix(found.name) in KINDS and not hidden and found.is_file():
                yield found


async def _add(
    connection: Connection, paths: Sequence[Path]
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """What was added, and the files that were not, with the reason."""
    added: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    for path in paths:
        try:
            file = File(path.name, path.read_bytes())
            added += (await fetch(connection, "POST", "/v1/documents", file)).json["data"]
        except OSError as error:
            failed.append({"path": str(path), "message": f"cannot be read: {error.strerror}"})
        except CommandFailed as error:
            failed.append({"path": str(path), "message": error.message})
    return added, failed


def _place(found: dict[str, Any], name: str) -> str:
    page = f", page {found['page']}" if "page" in found else ""
    return f"{printable(found[name])}{page} ({found['documentId']} {found['start']}-{found['end']})"
