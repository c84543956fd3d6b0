"""`headgate usage` and `headgate budget`: what was spent, and how much may be."""

from typing import Any

import click

from headgate.cli.connection import fetch
from headgate.cli.installation import Session, pass_session
from headgate.cli.options import amount, as_json, connection_options, example
from headgate.cli.output import dollars, print_reply, print_table
from headgate.core.usage import DIMENSIONS

SCOPES = ("key", "user", "workspace", "model")


@click.command(
    epilog=example(
        "headgate usage --by model", "headgate usage --by day --from 2030-01-01 --to 2030-02-01"
    )
)
@click.option(
    "--by",
    type=click.Choice(DIMENSIONS),
    default="model",
    show_default=True,
    help="What to sum by.",
)
@click.option("--from", "start", help="The first moment, in ISO 8601; else this month's first.")
@click.option("--to", "end", help="The first moment that no longer counts, in ISO 8601.")
@connection_options
@as_json
@pass_session
def usage(session: Session, by: str, start: str | None, end: str | None, as_json: bool) -> None:
    """Show requests, tokens and spend."""
    query = [("groupBy", by)]
    query += [(name, value) for name, value in (("from", start), ("to", end)) if value]
    reply = session.run(lambda c: fetch(c, "GET", "/v1/usage", query=query))
    if as_json:
        print_reply(reply)
        return
    answer = reply.json
    columns = (by, "requests", "errors", "input tokens", "output tokens", "vendor cost", "billed")
    rows = [(row.get(by), *_sums(row)) for row in answer["rows"]]
    print_table(columns, [*rows, ("total", *_sums(answer["totals"]))])


@click.group(epilog=example("headgate budget show"))
def budget() -> None:
    """Show and set monthly budgets."""


@budget.command(
    epilog=example("headgate budget show", "headgate budget show --scope user --id ana")
)
@click.option("--scope", type=click.Choice(SCOPES), help="Whose budget; else the caller's own.")
@click.option("--id", "owner", help="The key's, user's, workspace's or model's id.")
@connection_options
@as_json
@pass_session
def show(session: Session, scope: str | None, owner: str | None, as_json: bool) -> None:
    """Show what a budget allows and what is left."""
    if bool(scope) != bool(owner):
        raise click.UsageError("--scope and --id belong together.")
    query = [(name, value) for name, value in (("scope", scope), ("id", owner)) if value]
    reply = session.run(lambda c: fetch(c, "GET", "/v1/usage/budget", query=query))
    if as_json:
        print_reply(reply)
    else:
        _print_budgets(reply.json)


@budget.command("set", epilog=example("headgate budget set 25 --scope user --id ana"))
@click.argument("limit", metavar="AMOUNT", callback=amount)
@click.option("--scope", type=click.Choice(SCOPES), required=True, help="Whose budget.")
@click.option("--id", "owner", required=True, help="The key's, user's, workspace's or model's id.")
@click.option("--soft", is_flag=True, help="Only warn when it is reached; else calls are refused.")
@click.option(
    "--alert",
    "alerts",
    type=click.FloatRange(min=0, min_open=True),
    multiple=True,
    help="A share at which to alert, such as 0.8; may be repeated.",
)
@connection_options
@as_json
@pass_session
def set_budget(session: Session, /, as_json: bool, **options: Any) -> None:
    """Set a monthly budget of AMOUNT US dollars."""
    body = {
        "scope": options["scope"],
        "id": options["owner"],
        "monthlyBudget": options["limit"],
        "hard": not options["soft"],
    }
    if options["alerts"]:
        body["alertThresholds"] = options["alerts"]
    reply = session.run(lambda c: fetch(c, "PUT", "/v1/usage/budget", body))
    if as_json:
        print_reply(reply)
    else:
        _print_budgets(reply.json)


def _sums(row: dict[str, Any]) -> tuple[object, ...]:
    counts = (row[name] for name in ("requests", "errors", "inputTokens", "outputTokens"))
    return (*counts, dollars(row["cost"]), dollars(row["billed"]))


def _print_budgets(answer: dict[str, Any]) -> None:
    columns = ("scope", "id", "monthly", "spent", "reserved", "remaining", "resets at")
    money = ("monthlyBudget", "spent", "reserved", "remaining")
    rows = [
        (
            row.get("scope"),
            row.get("id"),
            *(dollars(row.get(name)) for name in money),
            (row.get("resetsAt") or "")[:10],  # always midnight, UTC
        )
        for row in answer.get("budgets") or [answer]
    ]
    print_table(columns, rows)
