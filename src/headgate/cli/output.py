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
    """Rows under headings; numbers stand to the right.

    No word is broken, since ids are copied and amounts are read: a table that needs more room than
    the terminal has is wider than it.
    """
    from rich.box import SIMPLE_HEAD  # rich takes longer to load than most commands take to run
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for index, column in enumerate(columns):
        cells = [row[index] for row in rows]
        words = [word for cell in cells for word in cell_text(cell).split()]
        table.add_column(
            "\n".join(column.split()) if console.is_terminal else column,
            justify="right" if _numeric(cells) else "left",
            min_width=max(map(len, words), default=None),
            no_wrap=all(" " not in cell_text(cell) for cell in cells),
        )
    for row in rows:
        table.add_row(*(Text(cell_text(value)) for value in row))
    unlimited = console.options.update(width=10_000)
    least = Measurement.get(console, unlimited, table).minimum
    # A pipe has no width.
    console.width = max(console.width, least) if console.is_terminal else unlimited.max_width
    console.print(table, crop=False)


def _numeric(cells: Sequence[object]) -> bool:
    return bool(cells) and all(isinstance(cell, int | Decimal) for cell in cells)


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
