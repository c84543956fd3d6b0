"""`headgate dev`: the roles apart, as plain processes of this machine over one DynamoDB.

The parts are those of `deploy/compose.yaml`, without containers: MiniStack stands in for DynamoDB,
and Redis runs where it is installed. All share one folder of the data directory, apart from what
`headgate serve` keeps there. Where one of them ends by itself, all end: what is left would only
seem to work.
"""

import asyncio
import functools
import itertools
import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import click

from headgate import __version__, data_directory
from headgate.cli.connection import CommandFailed
from headgate.cli.installation import Session, pass_session
from headgate.cli.options import Command, data_option, example
from headgate.cli.processes import (
    Part,
    PartEnded,
    PartSilent,
    Processes,
    answers_http,
    takes_connections,
)
from headgate.cli.serve import admin_key_text, first_request

HOST = "127.0.0.1"
FOLDER = "dev"
_COLOURS = ("cyan", "magenta", "green", "yellow", "blue")
_ENDING = "Ctrl-C ends all of them."


class Ports(NamedTuple):
    """Where each part listens."""

    gateway: int
    agents: int
    tools: int
    dynamodb: int
    redis: int


def port_option(name: str, default: int) -> Callable[[Command], Command]:
    """An option for the port of one part."""
    return click.option(
        f"--{name}-port",
        type=click.IntRange(0, 65535),
        default=default,
        show_default=True,
        help="0 takes a free one.",
    )


@click.command(epilog=example("headgate dev", "headgate dev --gateway-port 3010"))
@port_option("gateway", 3000)
@port_option("agents", 3001)
@port_option("tools", 3002)
@port_option("dynamodb", 8000)
@port_option("redis", 6379)
@data_option
@pass_session
def dev(session: Session, /, **ports: int) -> None:
    """Run gateway, agents and tools as processes of their own, over one DynamoDB."""
    variables = dict(session.installation.variables(session.target))
    data = Path(variables["HEADGATE_DATA"]) / FOLDER
    data_directory.make(data)
    place = Place(
        Ports(*(_free(name, ports[f"{name}_port"]) for name in Ports._fields)),
        variables | {"HEADGATE_DATA": str(data)},
        ministack=_program("ministack"),
        redis=_program("redis-server"),
    )
    if place.ministack is None:
        raise CommandFailed(
            "MiniStack, which stands in for DynamoDB here, is not installed: `pip install"
            " ministack`, or `make setup` in a checkout. `headgate serve` needs neither."
        )
    try:
        asyncio.run(run(place))
    except (PartEnded, PartSilent, OSError) as error:
        raise CommandFailed(f"{error}, so all were ended. The reason stands above.") from None


@dataclass(frozen=True, slots=True)
class Place:
    """What the parts are begun with.

    Attributes:
        variables: say where data and configuration are.
        ministack, redis: the programs, where they are installed.
    """

    ports: Ports
    variables: Mapping[str, str]
    ministack: str | None
    redis: str | None

    def stores(self) -> Iterator[Part]:
        """What the roles stand on."""
        port = self.ports.dynamodb
        if self.ministack is not None:
            url = f"{self.dynamodb_url}/_ministack/health"
            yield Part(
                "dynamodb",
                [self.ministack],
                {
                    "BIND_HOST": HOST,
                    "GATEWAY_PORT": str(port),
                    "SERVICES": "dynamodb",
                    "LOG_LEVEL": "WARNING",
                    # It would listen to all the world.
                    "IOT_MTLS_ENABLED": "0",
                    # Written when it ends, read when it begins.
                    "PERSIST_STATE": "1",
                    "STATE_DIR": str(Path(self.variables["HEADGATE_DATA"]) / "dynamodb"),
                },
                functools.partial(answers_http, url),
            )
        if self.redis is not None:
            command = [self.redis, "--bind", HOST, "--port", str(self.ports.redis)]
            command += ["--save", "", "--appendonly", "no", "--loglevel", "warning"]
            yield Part("redis", command, {}, functools.partial(takes_connections, self.ports.redis))

    def roles(self) -> Iterator[Part]:
        """The platform; the gateway hands agent routes on."""
        for role in ("agents", "tools", "gateway"):
            port = getattr(self.ports, role)
            arguments = ["serve", "--role", role, "--host", HOST, "--port", str(port)]
            environment = dict(self.environment)
            if role == "gateway":
                environment["AGENT_ENDPOINT"] = _url(self.ports.agents)
            url = f"{_url(port)}/health"
            yield Part(
                role, _headgate(*arguments), environment, functools.partial(answers_http, url)
            )

    @property
    def dynamodb_url(self) -> str:
        """Where DynamoDB answers."""
        return _url(self.ports.dynamodb)

    @property
    def environment(self) -> dict[str, str]:
        """What every role is told."""
        told = {
            **self.variables,
            "HEADGATE_STORE": "dynamodb",
            "DYNAMODB_ENDPOINT": self.dynamodb_url,
            # Output that is no terminal's would come in blocks.
            "PYTHONUNBUFFERED": "1",
        }
        if self.redis is not None:
            told["HEADGATE_REDIS_URL"] = f"redis://{HOST}:{self.ports.redis}/0"
        return told


async def run(place: Place) -> None:
    """Run all parts until a signal comes; a second one ends them on the spot.

    Raises:
        PartEnded, PartSilent: one of them does not work.
        CommandFailed: the stores could not be prepared.
    """
    is_over = asyncio.Event()
    async with Processes(_teller()) as processes:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(
                number, lambda: processes.kill() if is_over.is_set() else is_over.set()
            )
        working = asyncio.create_task(_work(place, processes))
        waiting = asyncio.create_task(is_over.wait())
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
        is_over.set()
        working.cancel()
        await asyncio.wait({working, waiting})
        if not working.cancelled():
            working.result()


async def _work(place: Place, processes: Processes) -> None:
    if place.redis is None:
        click.echo(
            "redis-server is not installed, so rate limits are kept in the data directory and each"
            " process has a cache of its own."
        )
    for part in place.stores():
        await processes.start(part)
    admin_key = await _prepared(place)
    try:
        async with asyncio.TaskGroup() as together:
            for part in place.roles():
                together.create_task(processes.start(part))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    url = _url(place.ports.gateway)
    if admin_key is not None:
        click.echo(f"\n{admin_key_text(admin_key)}\nTry it:\n\n{first_request(url, admin_key)}\n")
    parts = [f"{name} {_url(getattr(place.ports, name))}" for name in ("agents", "tools")]
    parts.append(f"DynamoDB {place.dynamodb_url}")
    if place.redis is not None:
        parts.append(f"Redis {place.environment['HEADGATE_REDIS_URL']}")
    click.echo(f"Headgate {__version__} is ready on {url}, with {', '.join(parts)}. {_ENDING}")
    await processes.ended()


async def _prepared(place: Place) -> str | None:
    """Prepare the stores; gives the admin key where one was made."""
    process = await asyncio.create_subprocess_exec(
        *_headgate("migrate", "--json"),
        env=os.environ | place.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    told, complaint = await process.communicate()
    if process.returncode != 0:
        raise CommandFailed(complaint.decode(errors="replace").strip().removeprefix("Error: "))
    admin_key: str | None = json.loads(told)["adminKey"]
    return admin_key


def _teller() -> Callable[[str, str], None]:
    """Tells lines with their names, each in a colour of its own where there are colours."""
    width = max(map(len, Ports._fields))
    colours = dict(zip(Ports._fields, itertools.cycle(_COLOURS), strict=False))

    def tell(name: str, line: str) -> None:
        click.echo(f"{click.style(f'{name:<{width}} |', fg=colours.get(name))} {line}")

    return tell


def _free(name: str, port: int) -> int:
    """The port, or a free one for 0; another server on it would pass for ours."""
    try:
        with socket.create_server((HOST, port)) as listener:
            found: int = listener.getsockname()[1]
            return found
    except OSError:
        raise CommandFailed(
            f"Port {port} is in use: choose another with --{name}-port, or 0 for a free one."
        ) from None


def _program(name: str) -> str | None:
    """A program beside this Python, or on the path."""
    beside = str(Path(sys.executable).parent)
    return shutil.which(name, path=os.pathsep.join([beside, os.environ.get("PATH", "")]))


def _headgate(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "headgate.cli.main", *arguments]


def _url(port: int) -> str:
    return f"http://{HOST}:{port}"
