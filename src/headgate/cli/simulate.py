"""`headgate simulate`: the vendors' wire formats without the vendors."""

from typing import Any

import click

from headgate.cli.installation import Session, SimulatorOptions, pass_session
from headgate.cli.options import example
from headgate.cli.serve import Announcement

_VENDORS = ("openai", "anthropic", "bedrock", "azure", "gemini", "cohere", "all")


def faults(
    context: click.Context, option: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, float], ...]:
    """Each `KIND:P` as its kind (a status, `slow` or `cut`) and its probability."""
    found = tuple(_fault(value, context, option) for value in values)
    if sum(chance for _, chance in found) > 1:
        raise click.BadParameter("the probabilities add up to more than 1.", context, option)
    return found


def _fault(text: str, context: click.Context, option: click.Parameter) -> tuple[str, float]:
    kind, colon, chance = text.partition(":")
    is_status = kind.isascii() and kind.isdigit() and 400 <= int(kind) <= 599
    if not colon or not (is_status or kind in {"slow", "cut"}):
        raise click.BadParameter(
            f"{text!r} is no fault: write KIND:P with a status from 400 to 599, slow or cut, such"
            " as 429:0.05.",
            context,
            option,
        )
    try:
        probability = float(chance)
    except ValueError:
        probability = -1.0
    if not 0 <= probability <= 1:
        raise click.BadParameter(f"{chance!r} is no probability from 0 to 1.", context, option)
    return kind, probability


@click.command(
    epilog=example(
        "headgate simulate --latency-ms 200 --fault 429:0.05 --fault cut:0.01 --seed 7",
        "OPENAI_API_KEY=any OPENAI_BASE_URL=http://127.0.0.1:4000/openai/v1 headgate serve",
    )
)
@click.option(
    "--vendor", type=click.Choice(_VENDORS), default="all", show_default=True, help="Whom to act."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=4000,
    show_default=True,
    help="The port to listen on; 0 takes a free one.",
)
@click.option(
    "--latency-ms",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The wait before the first token.",
)
@click.option(
    "--tokens-per-second",
    type=click.FloatRange(min=0, min_open=True),
    help="How fast tokens follow; else at once.",
)
@click.option(
    "--fault",
    "faults",
    metavar="KIND:P",
    callback=faults,
    multiple=True,
    help="How often to fail and how: 429:0.05, slow:0.1, cut:0.01; may be repeated.",
)
@click.option("--seed", type=int, help="Makes the sequence of faults repeat.")
@pass_session
def simulate(session: Session, /, host: str, port: int, **options: Any) -> None:
    """Act the model vendors, for tests and demos without a bill."""
    told = Announcement("Headgate's simulator")
    session.installation.simulate(SimulatorOptions(**options), host, port, told)
