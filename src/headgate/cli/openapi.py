"""`headgate openapi`: the description of the HTTP interface."""

import click

from headgate.cli.installation import Session, pass_session
from headgate.cli.options import example


@click.command(epilog=example("headgate openapi > openapi.json"))
@pass_session
def openapi(session: Session) -> None:
    """Print the OpenAPI document."""
    click.echo(session.installation.openapi())
