"""How long a function takes from its process's start to its first event, and to its first answer.

The wrapper's entry point runs against a stand-in of Lambda's Runtime API, with a data directory
instead of AWS, so that what is measured is the platform: its imports and its start, then the first
request. `--python` and `--content` name the interpreter and a directory as the bundle has it (for
this machine's processor); without them it is this environment.

Beside the time stands what of it the process had a processor: on a machine that does other work
too, that is the figure to compare.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lambda_events import rest_event
from runtime_api import runtime_api

KEY = "sk-proj-first-0123456789abcdef0123456789abcdef"
QUESTION = {"model": "sandbox", "messages": [{"role": "user", "content": "Hello"}]}
SOURCES = Path(__file__).parents[1] / "src"


class Start(NamedTuple):
    """Seconds from the process's start: until it asks for an event, and what the first two take.

    `ready_cpu` and `first_cpu` are processor time, until it is ready and for both events.
    """

    ready: float
    ready_cpu: float
    health: float
    complete: float
    first_cpu: float


async def start(python: str, content: Path, data: Path) -> Start:
    """Start a function once and ask it twice."""
    async with runtime_api() as lambda_api:
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": lambda_api.address,
            "HEADGATE_ADMIN_KEY": KEY,
            "HEADGATE_DATA": str(data),
            "HEADGATE_LAMBDA": "gateway",
            "HEADGATE_ROLE": "gateway",
            "OLLAMA_BASE_URL": "http://127.0.0.1:9",
            "PYTHONPATH": str(content),
        }
        began = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            python, "-B", "-m", "headgate.bootstrap", cwd=content, env=environment
        )
        await lambda_api.idle()
        ready, ready_cpu = time.perf_counter(), processor_seconds(process.pid)
        await lambda_api.answer_of(rest_event("GET", "/health"))
        healthy = time.perf_counter()
        headers = {"Authorization": f"Bearer {KEY}"}
        answered = await lambda_api.answer_of(
            rest_event("POST", "/v1/complete", QUESTION, headers=headers)
        )
        completed, completed_cpu = time.perf_counter(), processor_seconds(process.pid)
        process.terminate()
        await process.wait()
    if answered.head["statusCode"] != 200:
        raise RuntimeError(f"the function answered {answered.content!r}")
    return Start(
        ready - began, ready_cpu, healthy - ready, completed - healthy, completed_cpu - ready_cpu
    )


def processor_seconds(process_id: int) -> float:
    """How long all threads of a process ran, to the nanosecond (Linux's schedstat)."""
    threads = Path(f"/proc/{process_id}/task").glob("*/schedstat")
    return sum(int(each.read_text().split()[0]) for each in threads) / 1e9


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the median of several starts, in milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--content", type=Path, default=SOURCES)
    parser.add_argument("--starts", type=int, default=5)
    options = parser.parse_args(arguments)
    starts = []
    for _ in range(options.starts):
        with tempfile.TemporaryDirectory() as data:
            starts.append(asyncio.run(start(options.python, options.content, Path(data))))
    for name, values in zip(Start._fields, zip(*starts, strict=True), strict=True):
        print(f"{name:<9} {statistics.median(values) * 1000:7.0f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
