"""`headgate users`: what is kept of users."""

from urllib.parse import quote

import click

from headgate.cli.connection import fetch
from headgate.cli.installation import Session, pass_session
from headgate.cli.options import as_json, connection_options, example
from headgate.cli.output import print_reply, printable


@click.group(epilog=example("headgate users delete-data ada"))
def users() -> None:
    """Delete what is kept of users."""


@users.command("delete-data", epilog=example("headgate users delete-data ada --yes"))
@click.argument("user_id")
@click.option("--yes", is_flag=True, help="Do not ask.")
@connection_options
@as_json
@pass_session
def delete_data(session: Session, user_id: str, yes: bool, as_json: bool) -> None:
    """Delete a user's data, for good: keys, runs, memories, and the name on each call.

    Sums of money stay. A second time is harmless, and says how far it has got.
    """
    if not yes:
        click.confirm(f"Delete everything of {printable(user_id)}?", abort=True, err=True)
    path = f"/v1/users/{quote(user_id, safe='')}/data"
    reply = session.run(lambda c: fetch(c, "DELETE", path))
    if as_json:
        print_reply(reply)
        return
    found = reply.json
    click.echo(f"{found['keysRevoked']} keys revoked, {found['removed']} rows deleted or unnamed.")
    if found["status"] == "done":
        click.echo("Nothing is left.")
    else:
        click.echo("The platform goes on for an hour, with what calls under way still add.")
    if found["waiting"]:
        click.echo(f"{found['waiting']} runs or calls are being stopped first.")
