"""What a start costs: of a function on AWS, of `headgate serve`, and of a program with the SDK.

The function's entry point runs against a stand-in of Lambda's Runtime API, with a data directory
instead of AWS, so that what is measured is the platform: its imports and its start, then the first
requests. `--python` and `--content` name the interpreter and a directory as the bundle has it (for
this machine's processor); without them it is this environment, and RESULTS.md gets its part.

Beside each time stands what of it the process had a processor: on a machine that does other work
too, that is the figure to compare.
"""

import argparse
import asyncio
import compileall
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import process
import results
from lambda_events import rest_event
from report import table
from run import RESULTS, described
from runtime_api import runtime_api

KEY = "sk-proj-first-0123456789abcdef0123456789abcdef"
QUESTION = {"model": "sandbox", "messages": [{"role": "user", "content": "Hello"}]}
SOURCES = Path(__file__).parents[1] / "src"
SDK = Path(__file__).parents[1] / "sdk" / "python" / "src"
FUNCTION = "the gateway's function, until it asks for an event"
HEALTH = "its first answer, `GET /health`"
CALL = "its first call, `POST /v1/complete`"
SERVE = "`headgate serve`, until its first healthy answer"
IMPORTS = ("import headgate_sdk", "from headgate_sdk import Headgate")
METHOD = """\
Times are medians of {starts} starts, one after the other, each of a new process on an empty data
directory; all modules are compiled before. The function is asked by a stand-in of Lambda's Runtime
API on the same machine, and keeps its data in SQLite instead of DynamoDB, so nothing waits for a
network. Its time on AWS has Lambda's own work besides: fetching the zip, and starting a sandbox.
`headgate serve` makes its database, and has one core. An import's time is that of a Python which
does nothing else, less that of one which does nothing at all. Processor time is that of all threads
that live at the end, as the kernel counts it (schedstat); memory is what is in RAM then. Other
programs are not kept away."""


class Cost(NamedTuple):
    """Seconds, how many of them a process had a processor, and bytes in RAM at the end."""

    seconds: float
    processor_seconds: float
    resident_bytes: int = 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit status."""
    options = _options(arguments)
    is_bundle = options.content is not None
    content = options.content or SOURCES
    if not is_bundle:
        for sources in (SOURCES, SDK):
            compileall.compile_dir(sources, quiet=2)
    costs: dict[str, list[Cost]] = {}
    for _ in range(options.starts):
        found = _once(options.python, content, is_bundle=is_bundle)
        for name, cost in found.items():
            costs.setdefault(name, []).append(cost)
    rows = [_row(name, found) for name, found in costs.items()]
    for row in rows:
        print("  ".join((f"{row[0]:<52}", *(f"{cell:>9}" for cell in row[1:]))))
    if not is_bundle:
        text = options.output.read_text() if options.output.exists() else ""
        part = render(rows, options.starts, described())
        options.output.write_text(results.with_starts(text, part))
        print(f"Written to {options.output}.")
    return 0


def render(rows: Sequence[Sequence[str]], starts: int, environment: str) -> str:
    """The part of RESULTS.md, without its heading."""
    parts = [
        "Written by `make cold-start`; do not edit.",
        table(("", ""), [("Measured", environment)]),
        table(("", "ms", "of it with a processor", "MiB"), rows),
        METHOD.format(starts=starts),
    ]
    return "\n\n".join(parts)


async def function_start(python: str, content: Path, data: Path) -> dict[str, Cost]:
    """Start a function once and ask it twice.

    Raises:
        RuntimeError: it did not answer as it should.
    """
    async with runtime_api() as lambda_api:
        environment = _environment(data) | {
            "AWS_LAMBDA_RUNTIME_API": lambda_api.address,
            "HEADGATE_LAMBDA": "gateway",
            "HEADGATE_ROLE": "gateway",
            "PYTHONPATH": str(content),
        }
        began = time.perf_counter()
        started = await asyncio.create_subprocess_exec(
            python, "-B", "-m", "headgate.bootstrap", cwd=content, env=environment
        )
        await lambda_api.idle()
        ready = _cost(started.pid, began)
        began = time.perf_counter()
        await lambda_api.answer_of(rest_event("GET", "/health"))
        healthy = _cost(started.pid, began)
        headers = {"Authorization": f"Bearer {KEY}"}
        began = time.perf_counter()
        answered = await lambda_api.answer_of(
            rest_event("POST", "/v1/complete", QUESTION, headers=headers)
        )
        completed = _cost(started.pid, began)
        started.terminate()
        await started.wait()
    if answered.head["statusCode"] != 200:
        raise RuntimeError(f"the function answered {answered.content!r}")
    return {FUNCTION: ready, HEALTH: _since(healthy, ready), CALL: _since(completed, healthy)}


def server_start(data: Path) -> Cost:
    """Start `headgate serve` once."""
    (port,) = process.free_ports(1)
    core = min(os.sched_getaffinity(0))
    command = (sys.executable, "-m", "headgate.cli.main", "serve", "--port", str(port))
    environment = _environment(data) | {"PYTHONPATH": str(SOURCES)}
    health, log = (port, "/health"), data / "serve.log"
    with process.running(command, environment, core=core, health=health, log=log) as served:
        ready = served.seconds_to_ready
        return Cost(ready, served.cpu_seconds(), served.resident_bytes())


def import_time(statement: str) -> Cost:
    """What an import takes."""
    nothing, imported = (_program(text) for text in ("", statement))
    return Cost(imported.seconds - nothing.seconds, imported.processor_seconds)


def _once(python: str, content: Path, *, is_bundle: bool) -> dict[str, Cost]:
    with tempfile.TemporaryDirectory() as data:
        found = asyncio.run(function_start(python, content, Path(data)))
    if not is_bundle:
        with tempfile.TemporaryDirectory() as data:
            found[SERVE] = server_start(Path(data))
        found |= {f"`{statement}`": import_time(statement) for statement in IMPORTS}
    return found


def _program(text: str) -> Cost:
    timed = (
        "import time\nbegan = time.process_time()\n" + text + "\nprint(time.process_time() - began)"
    )
    began = time.perf_counter()
    told = subprocess.run(
        [sys.executable, "-c", timed],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(SDK)},
        capture_output=True,
        check=True,
    ).stdout
    return Cost(time.perf_counter() - began, float(told))


def _environment(data: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HEADGATE_ADMIN_KEY": KEY,
        "HEADGATE_DATA": str(data),
        "OLLAMA_BASE_URL": "http://127.0.0.1:9",
    }


def _cost(process_id: int, began: float) -> Cost:
    """What a process has cost so far; `seconds` since `began`."""
    seconds = time.perf_counter() - began
    threads = Path(f"/proc/{process_id}/task").glob("*/schedstat")
    ran = sum(int(each.read_text().split()[0]) for each in threads) / 1e9
    pages = Path(f"/proc/{process_id}/statm").read_text().split()[1]
    return Cost(seconds, ran, int(pages) * process.PAGE_BYTES)


def _since(later: Cost, before: Cost) -> Cost:
    return later._replace(processor_seconds=later.processor_seconds - before.processor_seconds)


def _row(name: str, costs: Sequence[Cost]) -> tuple[str, str, str, str]:
    seconds, processor_seconds, resident = (
        statistics.median(values) for values in zip(*costs, strict=True)
    )
    memory = f"{resident / 2**20:.0f}" if resident else "-"
    return name, f"{seconds * 1000:.0f}", f"{processor_seconds * 1000:.0f}", memory


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--content", type=Path)
    parser.add_argument("--starts", type=int, default=9)
    parser.add_argument("--output", type=Path, default=RESULTS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
