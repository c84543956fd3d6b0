"""`headgate serve`: the platform, and what its first start tells."""

import shlex

import click

from headgate import __version__
from headgate.cli.installation import Prepared, ServeOptions, Session, pass_session
from headgate.cli.options import data_option, example

_ROLES = ("all", "gateway", "agents", "tools")


@click.command(epilog=example("headgate serve", "headgate serve --host 0.0.0.0 --workers 4"))
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=3000,
    show_default=True,
    help="The port to listen on; 0 takes a free one.",
)
@click.option("--role", type=click.Choice(_ROLES), help="What this process does (HEADGATE_ROLE).")
@click.option(
    "--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes."
)
@data_option
@pass_session
def serve(session: Session, host: str, port: int, role: str | None, workers: int) -> None:
    """Run the platform until it is told to stop."""
    options = ServeOptions(host, port, role, workers)
    session.installation.serve(session.target, options, Announcement())


class Announcement:
    """Says on standard output what the person who started the platform needs next."""

    def __init__(self, name: str = "Headgate") -> None:
        self._name = name

    def prepared(self, url: str, stores: Prepared) -> None:
        """A key made just now is shown, with a first request that works, and a way to sign in."""
        if stores.admin_key is not None:
            click.echo(admin_key_text(stores.admin_key))
            click.echo(f"Try it:\n\n{first_request(url, stores.admin_key)}\n")
        if stores.ticket is not None:
            click.echo(f"{sign_in_text(url, stores.ticket)}\n")

    def ready(self, url: str) -> None:
        """The one line that scripts wait for."""
        click.echo(f"{self._name} {__version__} is ready on {url}")


def admin_key_text(admin_key: str) -> str:
    """A new admin key with what its owner must know."""
    return f"Your admin key, shown this once (only its hash is kept):\n\n  {admin_key}\n"


def sign_in_text(url: str, ticket: str) -> str:
    """The link that opens the dashboard; what follows `#` stays in the browser, out of all logs."""
    return (
        "The dashboard, signed in (this link works once, within ten minutes):\n\n"
        f"  {url}/dashboard/login#{ticket}"
    )


def first_request(url: str, api_key: str) -> str:
    """A `curl` command, ready to paste, that the sandbox model answers without any vendor."""
    body = '{"model": "sandbox", "messages": [{"role": "user", "content": "Hello"}]}'
    lines = (
        f"curl {url}/v1/complete",
        f"  -H {shlex.quote(f'Authorization: Bearer {api_key}')}",
        "  -H 'Content-Type: application/json'",
        f"  -d {shlex.quote(body)}",
    )
    return " \\\n".join(lines)
