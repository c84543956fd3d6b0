"""The `headgate` program: its commands, and what a person sees when one fails.

A mistake of the user's is one sentence on standard error and exit code 1, or 2 where the command
line itself was wrong; a stack trace is for our own mistakes alone.
"""

import importlib
from typing import Any, cast

import click

from headgate import __version__
from headgate.cli.agents import agents
from headgate.cli.audit import audit
from headgate.cli.backup import backup, restore
from headgate.cli.chat import chat, complete
from headgate.cli.deploy import deploy, destroy
from headgate.cli.dev import dev
from headgate.cli.docs import docs
from headgate.cli.doctor import doctor
from headgate.cli.installation import Installation, Session
from headgate.cli.keys import keys
from headgate.cli.openapi import openapi
from headgate.cli.options import connection_options, example
from headgate.cli.prompts import prompts
from headgate.cli.serve import serve
from headgate.cli.simulate import simulate
from headgate.cli.stores import migrate, seed
from headgate.cli.usage import budget, usage
from headgate.cli.users import users
from headgate.core.errors import HeadgateError
from headgate.garbage import loading
from headgate.settings import SettingsError


class Program(click.Group):
    """The group of all commands, which turns expected failures into one plain sentence."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except (HeadgateError, SettingsError) as error:
            raise click.ClickException(str(error)) from None
        except (KeyboardInterrupt, click.Abort):
            # The terminal shows ^C already; the line after it belongs to the shell.
            click.echo(err=True)
            raise click.exceptions.Exit(1) from None


@click.group(
    cls=Program,
    epilog=example("headgate serve", "headgate keys create --name app --budget 25"),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="headgate")
@connection_options
def headgate() -> None:
    """Run Headgate, the AI platform a company runs itself, and talk to it."""


for command in (
    serve,
    dev,
    migrate,
    seed,
    backup,
    restore,
    keys,
    chat,
    complete,
    agents,
    usage,
    budget,
    docs,
    prompts,
    audit,
    users,
    simulate,
    doctor,
    openapi,
    deploy,
    destroy,
):
    headgate.add_command(command)


def main() -> None:
    """Run the program and exit."""
    headgate.main(prog_name="headgate", obj=Session(load_installation))


def load_installation() -> Installation:
    """The platform on this machine, imported here because it takes longer than a help page."""
    with loading():
        local = importlib.import_module("headgate.cli.local")
        bootstrap = importlib.import_module("headgate.bootstrap.platform")
    return cast("Installation", local.Local(bootstrap))


if __name__ == "__main__":
    main()
