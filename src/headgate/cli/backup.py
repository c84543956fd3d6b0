"""`headgate backup` and `headgate restore`: the data directory, copied and put back."""

from pathlib import Path

import click

from headgate.cli.installation import Session, pass_session
from headgate.cli.options import as_json, data_option, example
from headgate.cli.output import print_json

MEGABYTE = 1_000_000


@click.command(
    epilog=example("headgate backup /backups/monday", "headgate backup /backups/monday.tar.gz")
)
@click.argument("target", type=click.Path(path_type=Path))
@data_option
@as_json
@pass_session
def backup(session: Session, target: Path, as_json: bool) -> None:
    """Copy the data directory to TARGET, while the platform runs.

    TARGET is a new directory, or an archive where it ends in .tar.gz or .tgz. All databases are
    copied as of one moment. It holds what people asked and, where there is one, secret.key.
    """
    made = session.installation.backup(session.target, target)
    if as_json:
        told = {"path": str(made.path), "bytes": made.size, "takenAt": made.taken_at}
        print_json({**told, "leftOut": list(made.left_out)})
        return
    click.echo(f"{made.path}: {made.size / MEGABYTE:,.1f} MB, as of {made.taken_at}")
    click.echo("Not in it:")
    for each in made.left_out:
        click.echo(f"- {each}")


@click.command(epilog=example("headgate restore /backups/monday.tar.gz --data /var/lib/headgate"))
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@data_option
@pass_session
def restore(session: Session, source: Path) -> None:
    """Put a backup into the data directory, which must be missing or empty.

    Never serve it beside the platform that the backup is of: both would spend the same budgets.
    """
    data = session.installation.restore(session.target, source)
    click.echo(f"Restored into {data}. Look at it, then start:")
    click.echo(f"  headgate doctor --data {data}\n  headgate serve --data {data}")
