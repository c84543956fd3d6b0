"""`headgate doctor`: is everything in place, and what to change where it is not.

A check looks and never mends, and no finding repeats a secret.
"""

import asyncio
import os
import shutil
import socket
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from headgate.cli.findings import Check, Finding
from headgate.cli.installation import Session, pass_session
from headgate.cli.options import as_json, data_option, example
from headgate.cli.output import print_json, printable
from headgate.core.errors import HeadgateError
from headgate.core.models import ProviderError

PATIENCE_SECONDS = 10
LEAST_FREE_BYTES = 100 * 2**20
LOW_FREE_BYTES = 2**30
LEAST_SQLITE = (3, 35, 0)  # the first with RETURNING
PORT = 3000

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command(epilog=example("headgate doctor", "headgate doctor --json"))
@data_option
@as_json
@pass_session
def doctor(session: Session, as_json: bool) -> None:
    """Check configuration, stores and providers, and say what to change."""
    checks = session.installation.checks(session.target)
    findings = asyncio.run(examine(checks))
    broken = any(finding.status == "fail" for _, finding in findings)
    if as_json:
        rows = [{"name": name, **finding._asdict()} for name, finding in findings]
        print_json({"ok": not broken, "checks": rows})
    else:
        for name, finding in findings:
            click.echo(line(name, finding))
    if broken:
        raise click.exceptions.Exit(1)


async def examine(checks: Sequence[Check]) -> list[tuple[str, Finding]]:
    """What all checks find, side by side, in their order."""
    findings = await asyncio.gather(*(_examine(check) for check in checks))
    return [(check.name, finding) for check, finding in zip(checks, findings, strict=True)]


def versions() -> Check:
    """Whether Python and SQLite are recent enough."""

    async def run() -> Finding:
        python = ".".join(map(str, sys.version_info[:3]))
        message = f"Python {python}, SQLite {sqlite3.sqlite_version}"
        if sqlite3.sqlite_version_info < LEAST_SQLITE:
            least = ".".join(map(str, LEAST_SQLITE))
            return Finding("fail", message, f"Use a Python whose SQLite is at least {least}.")
        return Finding("ok", message)

    return Check("versions", run)


def data_directory(path: Path) -> Check:
    """Whether the data directory can be written and has room."""

    async def run() -> Finding:
        existing = next(place for place in (path, *path.parents) if place.exists())
        if not existing.is_dir():
            return Finding("fail", f"{existing} is a file", "Set HEADGATE_DATA to a directory.")
        if not os.access(existing, os.W_OK | os.X_OK):
            return Finding(
                "fail",
                f"{existing} cannot be written",
                "Give this user the right to write there, or set HEADGATE_DATA elsewhere.",
            )
        free = shutil.disk_usage(existing).free
        message = f"{path}, {free // 2**20:,} MiB free"
        if free < LEAST_FREE_BYTES:
            return Finding(
                "fail", message, "Make room on the disk, or set HEADGATE_DATA elsewhere."
            )
        if free < LOW_FREE_BYTES:
            return Finding("warn", message, "Make room on the disk soon.")
        if existing != path:
            return Finding("ok", f"{message} (it will be created)")
        return Finding("ok", message)

    return Check("data directory", run)


def port(number: int = PORT) -> Check:
    """Whether the default port is free."""

    async def run() -> Finding:
        try:
            socket.create_server(("127.0.0.1", number)).close()
        except OSError:
            return Finding(
                "warn",
                f"{number} is in use",
                "If that is not a Headgate server, start this one with --port.",
            )
        return Finding("ok", f"{number} is free")

    return Check("port", run)


def known(name: str, finding: Finding) -> Check:
    """A check whose finding is known already."""

    async def run() -> Finding:
        return finding

    return Check(name, run)


def line(name: str, finding: Finding) -> str:
    """A finding as a person reads it."""
    status = click.style(f"{finding.status:<4}", fg=_COLOURS[finding.status])
    text = f"{status}  {name}: {printable(finding.message)}"
    return f"{text}\n      {finding.remedy}" if finding.remedy else text


async def _examine(check: Check) -> Finding:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await check.run()
    except TimeoutError:
        return Finding("fail", f"no answer within {PATIENCE_SECONDS} s")
    except (HeadgateError, ProviderError, OSError, sqlite3.Error) as error:
        return Finding("fail", str(error))
