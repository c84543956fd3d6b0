"""Options and types that several commands share, and how a help page shows its example."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from headgate.cli.installation import Session
from headgate.core.money import from_dollars, to_json

Command = TypeVar("Command", bound=Callable[..., Any])


def amount(context: click.Context, option: click.Parameter, value: str | None) -> Any:
    """US dollars, exact to nine decimals, as the JSON number that is sent."""
    if value is None:
        return None
    try:
        nano = from_dollars(value.removeprefix("$"))
    except ValueError as error:
        raise click.BadParameter(f"{error}.", context, option) from None
    if nano < 0:
        raise click.BadParameter(f"{value} is negative.", context, option)
    return to_json(nano)


def example(*lines: str) -> str:
    """The end of a help page: the lines, as one would type them."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def data_option(command: Command) -> Command:
    """Adds `--data`, which is kept in the session's target."""
    return click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        expose_value=False,
        callback=_keep,
        help="The data directory (HEADGATE_DATA).",
    )(command)


def connection_options(command: Command) -> Command:
    """Adds `--url`, `--key-file` and `--data`, which are kept in the session's target."""
    url = click.option(
        "--url",
        expose_value=False,
        callback=_keep,
        help="The server to talk to (HEADGATE_URL); else the data directory is used.",
    )
    key_file = click.option(
        "--key-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        expose_value=False,
        callback=_keep,
        help="A file that holds the key for that server (else HEADGATE_API_KEY).",
    )
    return url(key_file(data_option(command)))


def _keep(context: click.Context, option: click.Parameter, value: Any) -> None:
    # The same options stand on `headgate` and on its commands; only one that is given counts.
    session = context.find_object(Session)
    if session is not None and value is not None and option.name is not None:
        setattr(session.target, option.name, value)
