"""What commands print: JSON for programs, tables and plain sentences for people."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import click
import msgspec

from headgate.cli.connection import Reply

# Model output and names come from others: they must not steer the reader's terminal.
_UNPRINTABLE = {code: None for code in (*range(32), *range(127, 160)) if code not in (9, 10)}


def print_reply(reply: Reply) -> None:
    """An answer's JSON as it came, indented; its numbers keep every digit."""
    click.echo(msgspec.json.format(reply.body, indent=2))


def print_json(value: object) -> None:
    """A value of our own as indented JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Rows under headings; numbers and money stand to the right."""
    from rich.box import SIMPLE_HEAD  # rich takes longer to load than most commands take to run
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for index, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | Decimal) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell_text(value)) for value in row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=1000)  # a pipe has no width, and a cut id is of no use
    console.print(table)


def cell_text(value: object) -> str:
    """A value as it stands in a table: nothing for None, lists with commas, no exponents."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(cell_text(part) for part in value)
    return printable(str(value))


def dollars(value: Any) -> str:
    """An amount as the platform gave it: `$0.000014`; a dash where there is none."""
    return "-" if value is None else f"${cell_text(Decimal(value))}"


def printable(text: str) -> str:
    """A text without the control characters that a terminal would obey."""
    return text.translate(_UNPRINTABLE)
