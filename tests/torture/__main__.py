"""The long proofs of what the ledger promises, written to a page: `make torture`."""

import argparse
import asyncio
import contextlib
import os
import platform
import random
import secrets
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import ministack
from headgate_server import Simulator, simulating
from torture import floods, interleavings
from torture.accounts import configuration, models_of
from torture.page import Report, render
from torture.rounds import DEATHS_A_ROUND, Round, deaths, play
from torture.sites import SiteMaker, alone, three_workers, two_machines

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "concepts" / "money-under-torture.md"
METHOD = HERE / "method.md"
SITES: Mapping[str, SiteMaker] = {
    "one process": alone,
    "three workers": three_workers,
    "two machines on DynamoDB": two_machines,
}


def main() -> None:
    """Torture, write the page, and fail where a promise was broken."""
    options = _options()
    report = Report(
        f"`make torture` with seed {options.seed}",
        f"on {platform.system()} with Python {platform.python_version()} and "
        f"{os.cpu_count()} processors",
    )
    _say(f"seed {options.seed}")
    rounds = -(-options.kills // DEATHS_A_ROUND)
    for name in SITES if rounds else ():
        report.rounds[name] = asyncio.run(_deaths(name, rounds, options.seed))
    report.floods = asyncio.run(_floods(options.floods))
    for machine in interleavings.MACHINES if options.examples else ():
        count = interleavings.examples_of(machine, options.examples)
        _say(f"{count} interleavings: {machine.name}")
        interleavings.try_out(machine, options.examples)
        report.interleavings[machine.name] = count
    ministack.stop()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(render(report, METHOD.read_text()))
    _say(f"wrote {options.output}")
    if report.faults:
        sys.exit("\n".join(["Promises were broken:", *report.faults]))


async def _deaths(name: str, rounds: int, seed: int) -> list[Round]:
    chance = random.Random(f"{seed} {name}")
    models = [model for number in range(rounds) for model in models_of(number)]
    played: list[Round] = []
    with (
        _vendors() as (directory, vendors),
        SITES[name](directory, vendors, configuration(vendors.openai_url, models)) as site,
    ):
        for number in range(rounds):
            trouble = deaths(DEATHS_A_ROUND, chance)
            played.append(await play(site, vendors, number, trouble=trouble, chance=chance))
            findings = played[-1].findings
            _say(f"{name}: {findings.calls} calls, {findings.faults or 'all is well'}")
    return played


async def _floods(times: int) -> list[floods.Flood]:
    found: list[floods.Flood] = []
    with (
        _vendors() as (directory, vendors),
        three_workers(directory, vendors, floods.configuration(vendors.openai_url)) as site,
    ):
        async with site.admin() as admin:
            for _ in range(times):
                found.append(await floods.flood(admin, vendors))
                _say(f"a flood: {dict(found[-1].statuses)}")
    return found


@contextlib.contextmanager
def _vendors() -> Iterator[tuple[Path, Simulator]]:
    """The simulator, and a directory for the rest."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with simulating(directory) as vendors:
            yield directory, vendors


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="deaths on each kind of server")
    parser.add_argument("--floods", type=int, default=10, help="how often 1,000 calls come at once")
    parser.add_argument("--examples", type=int, default=1000, help="of each property test")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--output", type=Path, default=PAGE, help="where the page goes")
    return parser.parse_args()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
