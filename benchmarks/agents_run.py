"""What agent runs cost on this machine: a step, many runs at once, and runs that wait.

Starts a platform of its own with the sandbox as the model, so that nearly all time is ours. Writes
its own part of RESULTS.md.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import results
from agent_runs import ended, start
from headgate.core.times import parse_iso
from headgate_server import Caller, Headgate, running
from run import RESULTS, described

CALLS = " ".join(f'[[call calculator {{"expression":"{n}+1"}}]]' for n in range(3))
LIMITS = "[limits]\nrequests_per_second = 1_000_000\nburst = 1_000_000\n"
MEMBERS = 20


class Figure(NamedTuple):
    """One line of the table."""

    what: str
    value: str


async def timed(work: Awaitable[Any]) -> float:
    """How many seconds `work` takes."""
    began = time.perf_counter()
    await work
    return time.perf_counter() - began


def resident_megabytes(platform: Headgate) -> float:
    """The memory of the platform's process."""
    pages = int(Path(f"/proc/{platform.command.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def step(caller: Caller) -> list[Figure]:
    """A model step in a chain of them, against the same call made directly."""
    team = [{"name": f"m{number}"} for number in range(MEMBERS)]
    chain = {"task": "[[say hello]]", "agents": team}
    run = await start(caller, "", type="pipeline", model="sandbox", tools=[], input=chain)
    found = await ended(caller, run["runId"])
    began, over = (_moment(found[name]) for name in ("startedAt", "finishedAt"))

    async def direct() -> None:
        for _ in range(MEMBERS):
            await caller.ask("[[say hello]]")

    in_run, by_hand = (over - began) / MEMBERS, await timed(direct()) / MEMBERS
    return [
        Figure("a model step in a run", f"{in_run * 1000:.1f} ms"),
        Figure("the same call over HTTP", f"{by_hand * 1000:.1f} ms"),
    ]


async def many(caller: Caller, platform: Headgate, count: int) -> list[Figure]:
    """Runs of five steps, all started at once."""
    before = resident_megabytes(platform)
    peak = before

    async def watch() -> None:
        nonlocal peak
        while True:
            peak = max(peak, resident_megabytes(platform))
            await asyncio.sleep(0.1)

    async def work() -> None:
        body = {"model": "sandbox", "tools": ["calculator"]}
        runs = await asyncio.gather(*(start(caller, f"Go {CALLS}", **body) for _ in range(count)))
        for run in runs:
            await ended(caller, run["runId"])

    watching = asyncio.create_task(watch())
    seconds = await timed(work())
    watching.cancel()
    return [
        Figure(f"{count} runs of five steps, started at once", f"{count / seconds:.0f} runs/s"),
        Figure("memory before, and its peak", f"{before:.0f} MB, {peak:.0f} MB"),
    ]


async def parallel_calls(caller: Caller, count: int) -> list[Figure]:
    """Tool calls of one turn of one run."""
    calls = " ".join(f'[[call calculator {{"expression":"{n}+1"}}]]' for n in range(count))
    body = {"model": "sandbox", "tools": ["calculator"]}
    run = await ended(caller, (await start(caller, calls, **body))["runId"])
    seconds = _moment(run["finishedAt"]) - _moment(run["startedAt"])
    return [Figure(f"a run with {count} tool calls at the same time", f"{seconds:.2f} s")]


async def waiting(caller: Caller, platform: Headgate, count: int) -> list[Figure]:
    """Runs that wait for a decision."""
    before = resident_megabytes(platform)
    body = {"model": "sandbox", "tools": ["calculator"], "approvals": ["calculator"]}
    call = '[[call calculator {"expression":"1+1"}]]'
    await asyncio.gather(*(start(caller, call, **body) for _ in range(count)))
    while len(await _waiting_runs(caller)) < min(count, 200):  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.2)
    each = (resident_megabytes(platform) - before) / count * 1000
    return [Figure(f"memory of a waiting run, over {count}", f"{each:.0f} kB")]


async def _waiting_runs(caller: Caller) -> list[Any]:
    page = await caller.get("/v1/agents/runs", status="waiting", limit=200)
    found: list[Any] = page["data"]
    return found


def _moment(text: str) -> float:
    return parse_iso(text).timestamp()


async def measure(runs: int) -> list[Figure]:
    """All figures, on a platform of their own."""
    with (
        tempfile.TemporaryDirectory() as directory,
        running(Path(directory), configuration=LIMITS) as platform,
    ):
        async with platform.caller() as caller:
            warm = await start(caller, "Go", model="sandbox", tools=[], waitSeconds=60)
            await ended(caller, warm["runId"])
            parts: list[Callable[[], Awaitable[list[Figure]]]] = [
                lambda: step(caller),
                lambda: parallel_calls(caller, 100),
                lambda: many(caller, platform, runs),
                lambda: waiting(caller, platform, 200),
            ]
            return [figure for part in parts for figure in await part()]


def render(figures: Sequence[Figure], environment: str) -> str:
    """The part of RESULTS.md, without its heading."""
    rows = "".join(f"| {what} | {value} |\n" for what, value in figures)
    return (
        "Written by `make bench-agents`; do not edit.\n\n"
        f"|  |  |\n| --- | --- |\n| Measured | {environment} |\n\n"
        f"| What | Figure |\n| --- | --- |\n{rows}\n"
        "The model is `sandbox`, which answers at once, in the same process, so that nearly all\n"
        "of it is the platform's own work. A step is durable before the next begins."
    )


def main() -> None:
    """Measure, and write the part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="runs at once")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where the results go")
    arguments = parser.parse_args()
    environment = described()
    part = render(asyncio.run(measure(arguments.runs)), environment)
    text = arguments.output.read_text() if arguments.output.exists() else ""
    arguments.output.write_text(results.with_agents(text, part))
    print(f"{part}\n\nWritten to {arguments.output}.")


if __name__ == "__main__":
    main()
