"""From samples to RESULTS.md: medians, the rules that make a figure invalid, and the aims.

Nothing here touches a process or a socket.
"""

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from load import Load
from peers import DIRECT, HEADGATE, LITELLM, PEERS
from upstream import BODIES, Body

CONNECTIONS = (1, 32)
CEILING_SHARE = 0.7
"""The share of the upstream's own requests/s beyond which a contender's figure may be the
upstream's."""
FOREIGN_SHARE = 0.05
"""The share of the two cores' time that other programs may use during a run."""
MOST_SECONDS = 60
AIM_TIMES_LITELLM = 50
AIM_ADDED_MS = 1.0
AIM_READY_SECONDS = 1.5

_TITLES: Mapping[Body, str] = {"json": "JSON", "sse": "SSE, 100 chunks"}


@dataclass(frozen=True, order=True, slots=True)
class Scenario:
    """What is asked for, and by how many at once."""

    body: Body
    connections: int

    def __str__(self) -> str:
        plural = "" if self.connections == 1 else "s"
        return f"{_TITLES[self.body]}, {self.connections} connection{plural}"


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of the load.

    Attributes:
        cpu_seconds: what the contender's processes used meanwhile.
        foreign_share: the part of both cores' time that neither contender, upstream nor load used.
    """

    load: Load
    cpu_seconds: float
    foreign_share: float


@dataclass(frozen=True, slots=True)
class Life:
    """One contender process, from its start to its last request."""

    seconds_to_ready: float
    ready_bytes: int
    loaded_bytes: int


@dataclass(frozen=True, slots=True)
class Count:
    """A ledger against what its callers saw.

    Attributes:
        cut_off: the most calls that may have been under way when a load ended; their callers saw
            no answer, but the ledger rightly has those that the vendor had answered.
    """

    answered: int
    recorded: int
    cut_off: int

    @property
    def is_exact(self) -> bool:
        """Whether no answered call is missing and none counts twice."""
        return self.answered <= self.recorded <= self.answered + self.cut_off


@dataclass(frozen=True, slots=True)
class Figures:
    """The medians over all rounds of one contender in one scenario."""

    per_second: float
    slowest: float
    fastest: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


@dataclass(frozen=True, slots=True)
class Aim:
    """A promise and what was measured; `is_met` is None where nothing valid was."""

    promise: str
    measured: str
    is_met: bool | None


@dataclass(slots=True)
class Results:
    """All that a run has measured, by contender's name.

    Attributes:
        absent: why a peer was not measured.
    """

    samples: dict[tuple[str, Scenario], list[Sample]] = field(default_factory=dict)
    lives: dict[str, list[Life]] = field(default_factory=dict)
    counts: list[Count] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, scenario: Scenario, sample: Sample) -> None:
        """Keep one more round."""
        self.samples.setdefault((name, scenario), []).append(sample)

    def figures(self, name: str, scenario: Scenario) -> Figures | None:
        """The medians, or None where it was not measured or nothing was answered."""
        samples = self.samples.get((name, scenario), [])
        if not samples or not all(sample.load.answered for sample in samples):
            return None
        speeds = [sample.load.per_second for sample in samples]
        return Figures(
            per_second=statistics.median(speeds),
            slowest=min(speeds),
            fastest=max(speeds),
            p50_ms=statistics.median(sample.load.p50_ms for sample in samples),
            p99_ms=statistics.median(sample.load.p99_ms for sample in samples),
            cpu_us=statistics.median(
                sample.cpu_seconds / sample.load.answered * 1e6 for sample in samples
            ),
        )

    def faults(self, name: str, scenario: Scenario) -> list[str]:
        """Why this contender's figures in this scenario do not count; empty when they do."""
        samples = self.samples.get((name, scenario), [])
        figures = self.figures(name, scenario)
        if figures is None:
            reason = f": {self.absent[name]}" if name in self.absent else ""
            return ["nothing was answered" if samples else f"not measured{reason}"]
        faults = []
        if failed := sum(sample.load.failed for sample in samples):
            faults.append(f"{failed} requests failed")
        foreign = max(sample.foreign_share for sample in samples)
        if foreign > FOREIGN_SHARE:
            faults.append(f"other programs used {foreign:.0%} of the two cores")
        ceiling = self.figures(DIRECT, scenario)
        if name != DIRECT:
            if ceiling is None:
                faults.append("the upstream's ceiling is unknown")
            elif figures.per_second > CEILING_SHARE * ceiling.per_second:
                faults.append(f"{figures.per_second / ceiling.per_second:.0%} of the ceiling")
        if name == HEADGATE and not (self.counts and self.is_exact()):
            faults.append("the ledger does not hold what was answered")
        return faults

    def added_ms(self, name: str, scenario: Scenario) -> float | None:
        """How much later than the upstream itself half of the answers are complete."""
        figures, ceiling = self.figures(name, scenario), self.figures(DIRECT, scenario)
        return figures.p50_ms - ceiling.p50_ms if figures and ceiling else None

    def median(self, name: str, quantity: Callable[[Life], float]) -> float | None:
        """The median of a quantity over a contender's lives."""
        lives = self.lives.get(name)
        return statistics.median(map(quantity, lives)) if lives else None

    def is_exact(self) -> bool:
        """Whether no ledger lost a call or counted one twice."""
        return all(count.is_exact for count in self.counts)

    def is_valid(self) -> bool:
        """Whether every figure that was measured counts."""
        return not any(self.faults(name, scenario) for name, scenario in self.samples)


def scenarios() -> list[Scenario]:
    """All scenarios, in the order of the report."""
    return [Scenario(body, connections) for body in BODIES for connections in CONNECTIONS]


def long_enough(seconds: int, wait_seconds: float) -> int:
    """How long a load must last where an answer takes `wait_seconds`; never below `seconds`.

    Calls under way at a load's end count for nobody. With twenty answers to each connection that
    is a fortieth of them on average.
    """
    return max(seconds, min(MOST_SECONDS, math.ceil(20 * wait_seconds)))


def aims(results: Results) -> list[Aim]:
    """What Headgate promises, each held against the figures."""
    judged = [_times_litellm(results, scenario) for scenario in scenarios()]
    # With 32 callers on one core a call mostly waits for the others: what the gateway itself adds
    # shows with one.
    judged += [_added(results, Scenario(body, 1)) for body in BODIES]
    seconds = results.median(HEADGATE, lambda life: life.seconds_to_ready)
    promise = f"ready in less than {AIM_READY_SECONDS} s"
    if seconds is None:
        return [*judged, Aim(promise, "-", None)]
    return [*judged, Aim(promise, f"{seconds:.2f} s", seconds < AIM_READY_SECONDS)]


def render(results: Results, environment: Mapping[str, str], method: str) -> str:
    """RESULTS.md: verdict, environment, one table per scenario, and `method` as it stands."""
    rows = [(aim.promise, aim.measured, _verdict(aim.is_met)) for aim in aims(results)]
    parts = [
        "# Benchmark results",
        "Written by `make bench`; do not edit.",
        summary(results),
        "## Aims",
        table(("Aim", "Measured", "Met"), rows),
        "## Environment",
        table(("", ""), environment.items()),
    ]
    for scenario in scenarios():
        parts += [f"## {scenario}", _scenario_table(results, scenario)]
    parts += ["## Start-up and memory", _life_table(results)]
    parts += ["## The ledger", _ledger(results.counts), method.strip()]
    return "\n\n".join(parts) + "\n"


def summary(results: Results) -> str:
    """The run in a sentence or two."""
    judged = aims(results)
    met = sum(aim.is_met is True for aim in judged)
    missed = sum(aim.is_met is False for aim in judged)
    aims_text = f"Of {len(judged)} aims {met} were met and {missed} missed"
    unjudged = len(judged) - met - missed
    aims_text += f"; {unjudged} cannot be judged." if unjudged else "."
    for name, reason in results.absent.items():
        aims_text += f" {name} was not measured: {reason}."
    if results.is_valid():
        return f"The run is valid. {aims_text}"
    return f"**The run is invalid**: see the last column of each table. {aims_text}"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _times_litellm(results: Results, scenario: Scenario) -> Aim:
    promise = f"at least {AIM_TIMES_LITELLM} times LiteLLM's requests/s: {scenario}"
    headgate, litellm = results.figures(HEADGATE, scenario), results.figures(LITELLM, scenario)
    if headgate is None or litellm is None:
        return Aim(promise, "-", None)
    times = headgate.per_second / litellm.per_second
    faults = results.faults(HEADGATE, scenario) + results.faults(LITELLM, scenario)
    return Aim(promise, f"{times:.1f} times", None if faults else times >= AIM_TIMES_LITELLM)


def _added(results: Results, scenario: Scenario) -> Aim:
    promise = f"added p50 below {AIM_ADDED_MS:g} ms: {scenario}"
    added = results.added_ms(HEADGATE, scenario)
    if added is None:
        return Aim(promise, "-", None)
    faults = results.faults(HEADGATE, scenario) + results.faults(DIRECT, scenario)
    return Aim(promise, f"{added:.2f} ms", None if faults else added < AIM_ADDED_MS)


def _verdict(is_met: bool | None) -> str:
    return {True: "yes", False: "**no**", None: "cannot be judged"}[is_met]


def _scenario_table(results: Results, scenario: Scenario) -> str:
    rows = []
    for name in (DIRECT, *PEERS):
        figures = results.figures(name, scenario)
        faults = results.faults(name, scenario)
        valid = f"**invalid**: {'; '.join(faults)}" if faults else "yes"
        if figures is None:
            rows.append((name, *["-"] * 6, valid))
            continue
        added = results.added_ms(name, scenario) if name != DIRECT else None
        speeds = f"{figures.slowest:,.0f} - {figures.fastest:,.0f}"
        times = [figures.p50_ms, figures.p99_ms, added]
        shown = ["-" if each is None else f"{each:,.2f}" for each in times]
        rows.append(
            (name, f"{figures.per_second:,.0f}", speeds, *shown, f"{figures.cpu_us:,.0f}", valid)
        )
    heads = "requests/s|lowest - highest|p50 ms|p99 ms|added p50 ms|CPU µs per request|valid"
    return table(("", *heads.split("|")), rows)


def _life_table(results: Results) -> str:
    rows = []
    for name in PEERS:
        seconds = results.median(name, lambda life: life.seconds_to_ready)
        ready = results.median(name, lambda life: life.ready_bytes / 2**20)
        loaded = results.median(name, lambda life: life.loaded_bytes / 2**20)
        if seconds is None or ready is None or loaded is None:
            rows.append((name, "-", "-", "-"))
        else:
            rows.append((name, f"{seconds:.2f}", f"{ready:,.0f}", f"{loaded:,.0f}"))
    return table(("", "ready after s", "MiB when ready", "MiB after the load"), rows)


def _ledger(counts: Sequence[Count]) -> str:
    if not counts:
        return "No ledger was read."
    answered = sum(count.answered for count in counts)
    recorded = sum(count.recorded for count in counts)
    cut_off = sum(count.cut_off for count in counts)
    verdict = "hold" if all(count.is_exact for count in counts) else "**do not hold**"
    return (
        f"Headgate's callers saw {answered:,} answers, warm-up included, and its ledgers {verdict} "
        f"each of them once: {recorded:,} rows, with at most {cut_off:,} more calls under way when "
        "the loads ended."
    )
