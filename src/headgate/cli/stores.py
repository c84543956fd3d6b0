"""`headgate migrate` and `headgate seed`: the configured stores."""

import click

from headgate.cli.installation import Session, pass_session
from headgate.cli.options import as_json, data_option, example
from headgate.cli.output import cell_text, print_json
from headgate.cli.serve import admin_key_text


@click.command(epilog=example("headgate migrate --data /var/lib/headgate"))
@data_option
@as_json
@pass_session
def migrate(session: Session, as_json: bool) -> None:
    """Bring the stores up to date; may be repeated."""
    prepared = session.installation.prepare(session.target)
    if as_json:
        print_json({"data": str(prepared.data), "adminKey": prepared.admin_key})
        return
    click.echo(f"The stores are up to date. Data directory: {prepared.data}")
    if prepared.admin_key is not None:
        click.echo("\n" + admin_key_text(prepared.admin_key))


@click.command(epilog=example("headgate seed", "headgate usage --by day", "headgate seed --remove"))
@click.option("--remove", is_flag=True, help="Take the sample data out again, and nothing else.")
@data_option
@as_json
@pass_session
def seed(session: Session, remove: bool, as_json: bool) -> None:
    """Load sample data: keys, users, 30 days of usage, documents; may be repeated."""
    installation = session.installation
    summary = (installation.remove_samples if remove else installation.seed)(session.target)
    if as_json:
        print_json(summary)
        return
    if remove:
        click.echo("Removed:")
    for name, value in summary.items():
        click.echo(f"{name}: {cell_text(value)}")
