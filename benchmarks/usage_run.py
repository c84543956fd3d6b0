"""Ten million calls in SQLite, and the dashboard's questions to a real server on them.

Writes its own part of RESULTS.md. Needs about 10 GB of disk while it runs, which it gives back;
with `--keep DIRECTORY` what was loaded stays there, and is not loaded again.
"""

import argparse
import asyncio
import contextlib
import datetime as dt
import http.client
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

import bulk
import company
import furnishing
import page_questions
import process
import results
import usage_questions
from headgate.stores.sqlite.schema import MIGRATIONS
from report import table
from run import RESULTS, described
from usage_questions import MOST_P95_MS, Answer

_ADMIN_KEY = "sk-proj-benchmarkadm-0123456789abcdefghijklmnopqrstuv"
DATABASE = "headgate.db"
LOADED = "loaded.json"
LONG_AGO = "2000-01-01T00:00:00.000Z"
METHOD = """\
Questions come one at a time over HTTP, in a shuffled order, from another process on the same
machine; the server has one core. Ranges begin and end in the middle of an hour, so each answer also
reads parts of two hours from single calls. One user and one key are the busiest. The first
questions are those of the dashboard's pages, each named with its page; a test holds them against
what a browser asks. Other programs are not kept away."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A database that was filled, and how long that took.

    Attributes:
        wanted: how many calls were asked for; `calls` are there.
        end: the whole hour before which the calls lie, in milliseconds.
        schema: the number of migrations that the database had; another one is loaded anew.
    """

    calls: int
    days: int
    seconds: float
    bytes: int
    wanted: int = 0
    end: int = 0
    schema: int = len(MIGRATIONS)


def main() -> int:
    """Run the command; its exit status."""
    options = _options()
    cores = process.two_cores()
    if cores is None:
        print("The benchmark needs two cores.", file=sys.stderr)
        return 1
    environment = described()
    with directory(options.directory, options.keep) as data:
        try:
            loaded = kept(data, options.calls, options.days)
            if loaded is None:
                loaded = load(data, options.calls, options.days)
            answers = measure(data, loaded, cores[0], options.rounds)
        except (process.NeverReady, usage_questions.Unanswered) as failure:
            print(failure, file=sys.stderr)
            return 1
    text = options.output.read_text() if options.output.exists() else ""
    options.output.write_text(results.with_usage(text, render(loaded, answers, environment)))
    print(f"{summary(answers)}\nWritten to {options.output}.")
    return 0


@contextlib.contextmanager
def directory(parent: Path | None, keep: Path | None) -> Iterator[Path]:
    """The data directory: the one that is kept, or one that goes."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="headgate-bench-", dir=parent) as made:
        yield Path(made)


def kept(data: Path, calls: int, days: int) -> Loaded | None:
    """What was loaded into a directory before, where it is of this size and release."""
    file = data / LOADED
    if not file.exists():
        return None
    loaded = msgspec.json.decode(file.read_bytes(), type=Loaded)
    is_same = (loaded.wanted, loaded.days, loaded.schema) == (calls, days, len(MIGRATIONS))
    return loaded if is_same else None


def load(data: Path, calls: int, days: int) -> Loaded:
    """Fill the database of a data directory with a company's calls up to this hour."""
    for old in (data / LOADED, *data.glob(f"{DATABASE}*")):
        old.unlink(missing_ok=True)
    end = int(time.time()) // 3600 * company.HOUR
    path = data / DATABASE
    started = time.monotonic()
    written = 0
    made = bulk.made_beside(lambda: company.settlements(calls, days=days, end=end))
    for written in bulk.load(path, made):
        print(f"\r{written:,} calls", end="", flush=True)
    seconds = time.monotonic() - started
    print(f" in {seconds:.0f} s")
    loaded = Loaded(written, days, seconds, path.stat().st_size, calls, end)
    asyncio.run(furnishing.furnish(path, end / 1000))
    (data / LOADED).write_bytes(msgspec.json.encode(loaded))
    return loaded


def measure(data: Path, loaded: Loaded, core: int, rounds: int) -> list[Answer]:
    """Ask a server on this data directory what the dashboard asks.

    Raises:
        process.NeverReady: it does not start.
        usage_questions.Unanswered: it does not answer as it should.
    """
    (port,) = process.free_ports(1)
    command = str(Path(sys.executable).with_name("headgate"))
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    with process.running(
        (command, "serve", "--port", str(port), "--data", str(data)),
        {**environment, "HOME": str(data), "HEADGATE_ADMIN_KEY": _ADMIN_KEY},
        core=core,
        health=(port, "/health"),
        log=data / "headgate.log",
    ):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
            page = msgspec.json.decode(
                usage_questions.fetch(
                    connection, _ADMIN_KEY, f"/v1/usage/events?limit=200&from={LONG_AGO}"
                )
            )
        # The company's busiest key, and its user.
        (habit, *_), _ = company.habits()
        now = dt.datetime.fromtimestamp(loaded.end / 1000 - 1800, dt.UTC)
        asked = page_questions.questions(now, furnishing.run_id(0))
        asked += usage_questions.questions(
            now,
            user=habit.user_id or "",
            key=habit.key_id,
            workspace=habit.workspace_id,
            model=habit.models[0][1],
            cursor=page["nextCursor"],
        )
        return usage_questions.ask(port, _ADMIN_KEY, asked, rounds)


def render(loaded: Loaded, answers: Sequence[Answer], environment: str) -> str:
    """The part of RESULTS.md, without its heading."""
    size = f"{loaded.bytes / 2**30:.1f} GiB, {loaded.bytes / loaded.calls:,.0f} bytes a call"
    facts = {
        "Measured": environment,
        "Calls": f"{loaded.calls:,} over {loaded.days} days",
        "Company": f"{company.KEYS} keys, {company.USERS} users, {company.WORKSPACES} workspaces, "
        f"{len(company.MODELS)} models, {company.TAGS} tags, {furnishing.LIMITS} budgets, "
        f"{furnishing.RUNS:,} agent runs, {furnishing.ACTS:,} acts in the audit log",
        "Loaded": f"in {loaded.seconds:,.0f} s, {loaded.calls / loaded.seconds:,.0f} calls/s, in "
        "transactions far larger than a server's",
        "File": size,
    }
    rows = [
        (
            answer.question.name,
            f"{answer.p50_ms:.1f}",
            f"{answer.p95_ms:.1f}",
            "yes" if answer.p95_ms < MOST_P95_MS else "**no**",
        )
        for answer in answers
    ]
    parts = [
        "Written by `make bench-usage`; do not edit.",
        summary(answers),
        table(("", ""), facts.items()),
        table(("Question", "p50 ms", "p95 ms", f"below {MOST_P95_MS:g} ms"), rows),
        METHOD,
    ]
    return "\n\n".join(parts)


def summary(answers: Sequence[Answer]) -> str:
    """Whether the aim was met, in a sentence or two."""
    missed = [answer for answer in answers if answer.p95_ms >= MOST_P95_MS]
    slowest = max(answers, key=lambda answer: answer.p95_ms)
    text = f"Of {len(answers)} questions {len(answers) - len(missed)} had a p95 below "
    return (
        f"{text}{MOST_P95_MS:g} ms and {len(missed)} had not. "
        f"The slowest was {slowest.question.name}: {slowest.p95_ms:.1f} ms."
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000_000, help="how many to load")
    parser.add_argument("--days", type=int, default=90, help="over how many days they are spread")
    parser.add_argument("--rounds", type=int, default=20, help="how often each question is asked")
    parser.add_argument("--directory", type=Path, help="where the database goes for the time")
    parser.add_argument("--keep", type=Path, help="where it stays, to be measured again")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where the results go")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
